//! A sample of the rows of a Jacobian whose products are the curvature on average.

use super::losses::Losses;
use crate::sampling::poisson_sample;

/// One row `√(s_j/(π n)) f_jᵀ J_i`, sampled with probability π.
///
/// With the curvature in the outputs `Σ_j s_j f_j f_jᵀ` the rows' products `RᵀR` have the
/// Gauss–Newton matrix of the mean loss as their expectation.
pub(crate) struct SampledRow {
    /// Which record.
    pub record: usize,
    /// `√(s_j/(π n)) f_j`, k elements.
    pub cotangent: Vec<f32>,
}

/// About `count` rows where the outputs predict these means (n × k), drawn with probability in
/// proportion to a record's size times `s_j ‖f_j‖²` as far as that is at most 1: records whose
/// target is all but certain are rarely among them. Rows drawn by their own squared lengths estimate
/// RᵀR best (Drineas, Kannan & Mahoney 2006).
pub(crate) fn sample(
    losses: &Losses<'_>,
    means: &[f32],
    sizes: &[f64],
    count: usize,
    seed: u64,
) -> Vec<SampledRow> {
    let (k, loss) = (losses.outputs, losses.loss);
    let records = means.len() / k;
    let mut f = vec![0.0; k];
    let mut weights = Vec::with_capacity(means.len());
    for (m, size) in means.chunks_exact(k).zip(sizes) {
        let first = weights.len();
        loss.sizes(m, &mut weights);
        weights[first..].iter_mut().for_each(|own| *own *= size);
    }
    let drawn = poisson_sample(&weights, count, seed);
    let row = |(at, chance): (usize, f64)| {
        let (record, j) = (at / k, at % k);
        let share = loss.factor(&means[record * k..][..k], j, &mut f);
        let scale = (share / (chance * records as f64)).sqrt();
        SampledRow {
            record,
            cotangent: f.iter().map(|f| (scale * f) as f32).collect(),
        }
    };
    drawn.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outputs::{OutputLoss, OutputTargets};

    fn losses(labels: &[u32], outputs: usize) -> Losses<'_> {
        Losses {
            loss: OutputLoss::SoftmaxCrossEntropy,
            targets: OutputTargets::Classes(labels),
            outputs,
        }
    }

    #[test]
    fn the_rows_products_are_the_curvature_on_average() {
        let p = [0.7f32, 0.2, 0.1, 0.0, 0.5, 0.5, 0.001, 0.998, 0.001];
        let exact = |i: usize, a: usize, b: usize| {
            let p = &p[3 * i..][..3];
            let diagonal = if a == b { f64::from(p[a]) } else { 0.0 };
            (diagonal - f64::from(p[a]) * f64::from(p[b])) / 3.0
        };
        let draws = 20_000;
        let mut mean = [0.0; 27];
        for seed in 0..draws {
            for row in sample(&losses(&[0; 3], 3), &p, &[1.0, 3.0, 0.5], 4, seed) {
                for (at, mean) in mean[9 * row.record..][..9].iter_mut().enumerate() {
                    let product = row.cotangent[at / 3] * row.cotangent[at % 3];
                    *mean += f64::from(product) / draws as f64;
                }
            }
        }
        for (at, mean) in mean.into_iter().enumerate() {
            let expected = exact(at / 9, at % 9 / 3, at % 3);
            assert!((mean - expected).abs() < 2e-3, "{at}: {mean} {expected}");
        }
    }

    #[test]
    fn records_of_a_certain_class_have_no_rows() {
        let certain = [0.0f32, 1.0, 1.0, 0.0];
        assert!(sample(&losses(&[1, 0], 2), &certain, &[1.0, 2.0], 3, 1).is_empty());
    }
}
