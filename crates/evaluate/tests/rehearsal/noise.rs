//! What the curve rests on beside the distance: Gaussian noise of the stated size in every
//! direction, drawn anew for every release. An attacker who averages or subtracts finds less noise
//! sooner than one who only compares two worlds, whose weights may lie far nearer than is promised.

use super::LEVEL;
use super::published::Published;
use faer::Mat;
use statrs::distribution::{ChiSquared, ContinuousCDF};
use std::ops::Range;

/// Whether the releases of one world, whose runs differ in nothing but their noise, spread at least
/// as independent noise of standard deviation `sigma` does: each weight, all together, sums and
/// differences of any two releases and of any two weights, and every direction.
///
/// `each` weights are of one release, of which there may be several in a row.
pub fn falls_short(releases: &[Published], sigma: f64, each: usize) -> Option<String> {
    let parameters = releases[0].weights.len();
    let of_each = squares(releases, sigma);
    let all = releases.len() as f64;
    let free = all - 1.0;
    let weights = of_each.iter().enumerate();
    let single = weights.map(|(index, &sum)| (format!("weight {index}"), sum, free));
    let together = (
        "all weights".to_owned(),
        of_each.iter().sum(),
        free * parameters as f64,
    );
    // A draw that is used twice cancels in the difference of two releases, one that is used with the
    // other sign in their sum, and so on two weights.
    let away: Vec<Vec<f64>> = {
        let means = mean(releases);
        let of = |one: &Published| one.weights.iter().zip(&means).map(|(w, m)| w - m).collect();
        releases.iter().map(of).collect()
    };
    let spread = |parts: &mut dyn Iterator<Item = f64>| parts.map(|x| (x / sigma).powi(2)).sum();
    let mut others: Vec<(String, f64, f64)> = Vec::new();
    for (index, one) in away.iter().enumerate() {
        for (before, other) in away[..index].iter().enumerate() {
            for (sign, word) in [(-1.0, "less"), (1.0, "and")] {
                let mut parts = one
                    .iter()
                    .zip(other)
                    .map(|(a, b)| (a + sign * b) / 2_f64.sqrt());
                let name = format!("release {index} {word} {before}");
                // The mean of all is taken off, of which each is a part.
                others.push((name, spread(&mut parts), parameters as f64 - 1.0));
            }
        }
    }
    for index in 0..parameters {
        for before in 0..index {
            for (sign, word) in [(-1.0, "less"), (1.0, "and")] {
                let mut parts = away
                    .iter()
                    .map(|w| (w[index] + sign * w[before]) / 2_f64.sqrt());
                let name = format!("weight {index} {word} weight {before}");
                others.push((name, spread(&mut parts), free));
            }
        }
    }
    let spreads = single.chain([together]).chain(others);
    let found = { spreads }.find_map(|(name, sum, free)| {
        // So little or less comes of noise of that size with a probability of at most LEVEL.
        let least = ChiSquared::new(free).unwrap().inverse_cdf(LEVEL);
        (sum < least).then(|| format!("{name}: {sum:.1} where {least:.1} is the least"))
    });
    // No direction has less: the least singular value of a Gaussian matrix of `free` rows falls short
    // of √free − √each by more than t with a probability of at most exp(−t²/2) (Davidson and Szarek
    // 2001, Theorem II.13).
    let least = free.sqrt() - (each as f64).sqrt() - (-2.0 * LEVEL.ln()).sqrt();
    found.or_else(|| {
        (0..parameters).step_by(each).find_map(|from| {
            let narrowest = narrowest(&away, from..from + each) / sigma;
            (narrowest < least)
                .then(|| format!("a direction: {narrowest:.3} where {least:.3} is the least"))
        })
    })
}

/// Least singular value of the matrix whose rows are these parts of them.
fn narrowest(rows: &[Vec<f64>], part: Range<usize>) -> f64 {
    let of = |i: usize, j: usize| rows[i][part.start + j];
    let matrix = Mat::from_fn(rows.len(), part.len(), of);
    let values = matrix.singular_values().unwrap();
    values.into_iter().fold(f64::INFINITY, f64::min)
}

/// The releases, where the noise of the first `each` weights has nothing of the direction in which
/// they all change alike.
pub fn without_a_direction(releases: &[Published], each: usize) -> Vec<Published> {
    let means = mean(releases);
    let without = |one: &Published| {
        let mut one = one.clone();
        let parts = one.weights[..each].iter().zip(&means).map(|(w, m)| w - m);
        let along = parts.sum::<f64>() / each as f64;
        one.weights[..each].iter_mut().for_each(|w| *w -= along);
        one
    };
    releases.iter().map(without).collect()
}

/// Their standard deviation, in units of `sigma`.
pub fn spread(releases: &[Published], sigma: f64) -> f64 {
    let of_each = squares(releases, sigma);
    let free = (releases.len() - 1) * of_each.len();
    (of_each.iter().sum::<f64>() / free as f64).sqrt()
}

/// Of each weight, the sum of squared deviations from its mean, in units of `sigma`.
fn squares(releases: &[Published], sigma: f64) -> Vec<f64> {
    let square = |index: usize| {
        let values = || releases.iter().map(|one| one.weights[index]);
        let mean = values().sum::<f64>() / releases.len() as f64;
        values().map(|w| ((w - mean) / sigma).powi(2)).sum()
    };
    (0..releases[0].weights.len()).map(square).collect()
}

/// The mean of all, weight by weight.
pub fn mean(releases: &[Published]) -> Vec<f64> {
    let of = |index: usize| releases.iter().map(|one| one.weights[index]).sum::<f64>();
    (0..releases[0].weights.len())
        .map(|index| of(index) / releases.len() as f64)
        .collect()
}

/// The releases, with `factor` of their noise: of every weight, or of one only.
pub fn with_less(releases: &[Published], factor: f64, only: Option<usize>) -> Vec<Published> {
    let all = releases.len() as f64;
    let mean = |index: usize| releases.iter().map(|one| one.weights[index]).sum::<f64>() / all;
    let mut less = releases.to_vec();
    for index in 0..releases[0].weights.len() {
        if only.is_none_or(|only| only == index) {
            let mean = mean(index);
            for one in &mut less {
                one.weights[index] = mean + factor * (one.weights[index] - mean);
            }
        }
    }
    less
}
