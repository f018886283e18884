//! Samples of records, or of what belongs to them.

use crate::error::Error;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rescind_data::{Selection, epoch_order};

/// Positions, ascending, of `count` of so many records, drawn alike and without replacement; of all
/// if there are no more.
///
/// # Errors
/// A sample of no record.
pub(crate) fn uniform_sample(records: usize, count: usize, seed: u64) -> Result<Vec<usize>, Error> {
    if count == 0 {
        return Err(Error::NoRecords);
    }
    let mut drawn = epoch_order(&Selection::all(records), seed, 0);
    drawn.truncate(count);
    drawn.sort_unstable();
    Ok(drawn)
}

/// Draws about `count` of the weighted things, each by itself with probability `π = min(1, c w)`,
/// c being such that `count` are expected (Poisson sampling). Returns their positions, ascending,
/// and their π.
pub(crate) fn poisson_sample(weights: &[f64], count: usize, seed: u64) -> Vec<(usize, f64)> {
    let factor = factor(weights, count);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let chances = weights.iter().map(|weight| (factor * weight).min(1.0));
    // One draw for each, so that the fate of one depends on no other's.
    let drawn = chances.enumerate().map(|(at, chance)| {
        let kept = rng.random::<f64>() < chance;
        kept.then_some((at, chance))
    });
    drawn.flatten().collect()
}

/// c such that `Σ min(1, c w)` is `count`, or as near as it gets.
fn factor(weights: &[f64], count: usize) -> f64 {
    let mut factor = 0.0;
    let (mut whole, mut rest) = (0, weights.iter().sum::<f64>());
    // Each round takes out what the factor before it makes certain, and the factor grows.
    loop {
        if rest <= 0.0 || whole >= count {
            return factor;
        }
        let next = (count - whole) as f64 / rest;
        if next <= factor * (1.0 + 1e-9) {
            return next;
        }
        factor = next;
        let certain = |w: &&f64| factor * **w >= 1.0;
        whole = weights.iter().filter(certain).count();
        rest = weights.iter().filter(|w| !certain(w)).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_expected_as_asked_for_or_as_there_are() {
        let weights = [1.0, 2.0, 0.0, 40.0, 5.0];
        let expected = |count| {
            let factor = factor(&weights, count);
            weights.iter().map(|w| (factor * w).min(1.0)).sum::<f64>()
        };
        assert!((expected(1) - 1.0).abs() < 1e-6);
        assert!((expected(3) - 3.0).abs() < 1e-6);
        for all in [4, 5, 9] {
            assert!((expected(all) - 4.0).abs() < 1e-6, "{all}");
        }
        assert!(factor(&[0.0, 0.0], 1) < 1e-12);
        assert!(poisson_sample(&[0.0, 0.0], 1, 3).is_empty());
        assert!(poisson_sample(&[], 1, 3).is_empty());
    }

    #[test]
    fn each_is_drawn_as_often_as_its_probability_says() {
        let weights = [1.0, 2.0, 0.0, 40.0, 5.0];
        let mut seen = [0.0; 5];
        let draws = 20_000;
        let mut stated = [0.0; 5];
        for seed in 0..draws {
            for (at, chance) in poisson_sample(&weights, 2, seed) {
                seen[at] += 1.0 / draws as f64;
                stated[at] = chance;
            }
        }
        for (seen, stated) in seen.into_iter().zip(stated) {
            assert!((seen - stated).abs() < 0.015, "{seen} {stated}");
        }
        assert!((stated[3] - 1.0).abs() < 1e-12 && (stated[1] / stated[0] - 2.0).abs() < 1e-9);
    }
}
