//! Losses that are convex in a model's outputs.

use super::tokens;
use rescind_network::{Loss, softmax};
use serde::{Deserialize, Serialize};

/// The loss `ℓ(z, y) = A(z) − yᵀz + const` of a record with outputs z and target y, each of k
/// elements. `m = ∇A(z)` is what the outputs predict, `m − y` the residual, and `∇²A`, a function
/// of m, the curvature: never negative, so that the loss is convex in z and in whatever z is linear
/// in (docs/theory.md §3).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum OutputLoss {
    /// Cross-entropy of one of k classes; m are their probabilities.
    SoftmaxCrossEntropy,
    /// The sum of k binary cross-entropies, of labels that may hold at once; targets in [0, 1].
    IndependentLabels,
    /// `½‖z − y‖²`, y clipped to `[−bound, bound]`.
    SquaredError {
        /// The greatest absolute value of a target, above 0: chosen, not read off records.
        bound: f64,
    },
    /// The mean, over the positions of a sequence that count, of the cross-entropy of one of V
    /// tokens; the k outputs are `positions × V`.
    TokenCrossEntropy {
        /// Positions of a record, at least 1, those included that do not count.
        positions: usize,
    },
}

impl From<Loss> for OutputLoss {
    /// A network's loss, its targets being classes.
    fn from(loss: Loss) -> Self {
        match loss {
            Loss::SoftmaxCrossEntropy => Self::SoftmaxCrossEntropy,
            Loss::SquaredError => Self::SquaredError { bound: 1.0 },
        }
    }
}

impl OutputLoss {
    /// The loss of a record whose k outputs are all 0, which no target exceeds.
    #[must_use]
    pub fn at_zero(self, outputs: usize) -> f64 {
        let k = outputs as f64;
        match self {
            Self::SoftmaxCrossEntropy => k.ln(),
            Self::IndependentLabels => k * std::f64::consts::LN_2,
            Self::SquaredError { bound } => 0.5 * k * bound * bound,
            Self::TokenCrossEntropy { positions } => (k / positions.max(1) as f64).ln(),
        }
    }

    /// At least the root of the mean squared length of residuals, where the mean loss is at most
    /// `value`.
    pub(crate) fn residual_at_most(self, outputs: usize, value: f64) -> f64 {
        match self {
            // Of m ≥ 1 positions that count, each adds at most 2/m².
            Self::SoftmaxCrossEntropy | Self::TokenCrossEntropy { .. } => std::f64::consts::SQRT_2,
            Self::IndependentLabels => (outputs as f64).sqrt(),
            Self::SquaredError { .. } => (2.0 * value).sqrt(),
        }
    }

    /// At least `‖∇³A(z)[a, b]‖` for unit vectors a, b, whatever z: for softmax a third cumulant
    /// `E[ũ ã b̃]`, of which `|ũ| ≤ √2 ‖u‖` and `E ã² ≤ ½ ‖a‖²`; for a label the greatest `|σ''|`
    /// (docs/theory.md §11).
    pub(crate) fn third_derivative(self) -> f64 {
        match self {
            // Positions are apart, and none weighs more than 1.
            Self::SoftmaxCrossEntropy | Self::TokenCrossEntropy { .. } => {
                std::f64::consts::FRAC_1_SQRT_2
            }
            Self::IndependentLabels => 0.096_225_1,
            Self::SquaredError { .. } => 0.0,
        }
    }

    /// `∇²A_ab` at the means m.
    pub(crate) fn coupled(self, m: &[f64], a: usize, b: usize) -> f64 {
        let own = f64::from(u8::from(a == b));
        match self {
            Self::SoftmaxCrossEntropy => m[a] * (own - m[b]),
            Self::IndependentLabels => own * m[a] * (1.0 - m[a]),
            Self::SquaredError { .. } => own,
            Self::TokenCrossEntropy { positions } => {
                tokens::coupled(each(m.len(), positions), m, a, b)
            }
        }
    }

    /// Writes m and returns A; of a sequence all of whose positions count.
    pub(crate) fn mean(self, z: &[f64], m: &mut [f64]) -> f64 {
        match self {
            Self::SoftmaxCrossEntropy => softmax(z, m),
            Self::IndependentLabels => {
                let each = |(m, &z): (&mut f64, &f64)| {
                    // ln(1 + e^z), of which e^|z| would overflow.
                    let small = (-z.abs()).exp();
                    *m = if z < 0.0 { small } else { 1.0 } / (1.0 + small);
                    z.max(0.0) + small.ln_1p()
                };
                m.iter_mut().zip(z).map(each).sum()
            }
            Self::SquaredError { .. } => {
                m.copy_from_slice(z);
                0.5 * z.iter().map(|z| z * z).sum::<f64>()
            }
            Self::TokenCrossEntropy { positions } => tokens::mean(&vec![0; positions], z, m),
        }
    }

    /// Writes `∇²A d`.
    pub(super) fn curve(self, m: &[f64], d: &[f64], out: &mut [f64]) {
        let rows = out.iter_mut().zip(m).zip(d);
        match self {
            Self::SoftmaxCrossEntropy => {
                let mean: f64 = m.iter().zip(d).map(|(m, d)| m * d).sum();
                rows.for_each(|((out, m), d)| *out = m * (d - mean));
            }
            Self::IndependentLabels => rows.for_each(|((out, m), d)| *out = m * (1.0 - m) * d),
            Self::SquaredError { .. } => out.copy_from_slice(d),
            Self::TokenCrossEntropy { positions } => {
                tokens::curve(each(m.len(), positions), m, d, out);
            }
        }
    }

    /// `dᵀ ∇²A d`.
    pub(super) fn bend(self, m: &[f64], d: &[f32]) -> f64 {
        let pairs = m.iter().zip(d).map(|(&m, &d)| (m, f64::from(d)));
        match self {
            Self::SoftmaxCrossEntropy => {
                let sums = pairs.fold((0.0, 0.0), |(first, second), (m, d)| {
                    (first + m * d, second + m * d * d)
                });
                sums.1 - sums.0 * sums.0
            }
            Self::IndependentLabels => pairs.map(|(m, d)| m * (1.0 - m) * d * d).sum(),
            Self::SquaredError { .. } => pairs.map(|(_, d)| d * d).sum(),
            Self::TokenCrossEntropy { positions } => tokens::bend(each(m.len(), positions), m, d),
        }
    }

    /// The trace of `∇²A`.
    pub(super) fn trace(self, m: &[f64]) -> f64 {
        match self {
            Self::SoftmaxCrossEntropy | Self::IndependentLabels => {
                m.iter().map(|m| m * (1.0 - m)).sum()
            }
            Self::SquaredError { .. } => m.len() as f64,
            Self::TokenCrossEntropy { positions } => tokens::trace(each(m.len(), positions), m),
        }
    }

    /// Writes `f_j` of `∇²A = Σ_j s_j f_j f_jᵀ`, and returns `s_j`.
    pub(crate) fn factor(self, m: &[f32], j: usize, f: &mut [f64]) -> f64 {
        let own = f64::from(m[j]);
        f.fill(0.0);
        match self {
            Self::SoftmaxCrossEntropy => {
                f.iter_mut().zip(m).for_each(|(f, &m)| *f = -f64::from(m));
                f[j] += 1.0;
                own
            }
            Self::IndependentLabels => {
                f[j] = 1.0;
                own * (1.0 - own)
            }
            Self::SquaredError { .. } => {
                f[j] = 1.0;
                1.0
            }
            Self::TokenCrossEntropy { positions } => {
                tokens::factor(each(m.len(), positions), m, j, f)
            }
        }
    }

    /// Appends `s_j ‖f_j‖²` of every j.
    pub(super) fn sizes(self, m: &[f32], out: &mut Vec<f64>) {
        if let Self::TokenCrossEntropy { positions } = self {
            return tokens::sizes(each(m.len(), positions), m, out);
        }
        let mut f = vec![0.0; m.len()];
        for j in 0..m.len() {
            let share = self.factor(m, j, &mut f);
            out.push(share * f.iter().map(|f| f * f).sum::<f64>());
        }
    }
}

/// V.
fn each(outputs: usize, positions: usize) -> usize {
    (outputs / positions.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [OutputLoss; 5] = [
        OutputLoss::SoftmaxCrossEntropy,
        OutputLoss::IndependentLabels,
        OutputLoss::SquaredError { bound: 2.0 },
        OutputLoss::TokenCrossEntropy { positions: 1 },
        OutputLoss::TokenCrossEntropy { positions: 3 },
    ];
    const STEP: f64 = 1e-5;

    fn at(loss: OutputLoss, z: &[f64]) -> (f64, Vec<f64>) {
        let mut m = vec![0.0; z.len()];
        (loss.mean(z, &mut m), m)
    }

    fn moved(z: &[f64], d: &[f64], t: f64) -> Vec<f64> {
        z.iter().zip(d).map(|(z, d)| z + t * d).collect()
    }

    #[test]
    fn derivatives_are_those_of_the_loss() {
        for loss in ALL {
            for z in [[0.3, -1.2, 2.0], [30.0, -35.0, 1.0]] {
                let d = [0.7, 0.2, -0.4];
                let (up, down) = (moved(&z, &d, STEP), moved(&z, &d, -STEP));
                let slope = (at(loss, &up).0 - at(loss, &down).0) / (2.0 * STEP);
                let m = at(loss, &z).1;
                let exact: f64 = m.iter().zip(d).map(|(m, d)| m * d).sum();
                assert!(
                    (slope - exact).abs() < 1e-7 * (1.0 + exact.abs()),
                    "{loss:?}"
                );
                let (up, down) = (at(loss, &up).1, at(loss, &down).1);
                let mut curved = [0.0; 3];
                loss.curve(&m, &d, &mut curved);
                for ((up, down), curved) in up.iter().zip(down).zip(curved) {
                    let apart = (up - down) / (2.0 * STEP) - curved;
                    assert!(apart.abs() < 1e-8, "{loss:?} {apart:e}");
                }
                let d32 = d.map(|d| d as f32);
                let direct: f64 = curved.iter().zip(d).map(|(c, d)| c * d).sum();
                assert!((loss.bend(&m, &d32) - direct).abs() < 1e-7, "{loss:?}");
            }
        }
    }

    #[test]
    fn the_factors_make_up_the_curvature_and_its_trace() {
        for loss in ALL {
            let m = at(loss, &[0.3, -1.2, 2.0]).1;
            let narrow: Vec<f32> = m.iter().map(|&m| m as f32).collect();
            let d = [0.7, 0.2, -0.4];
            let (mut sum, mut trace) = ([0.0; 3], 0.0);
            for j in 0..3 {
                let mut f = [0.0; 3];
                let s = loss.factor(&narrow, j, &mut f);
                let along: f64 = f.iter().zip(d).map(|(f, d)| f * d).sum();
                sum.iter_mut()
                    .zip(f)
                    .for_each(|(sum, f)| *sum += s * along * f);
                trace += s * f.iter().map(|f| f * f).sum::<f64>();
            }
            let mut curved = [0.0; 3];
            loss.curve(&m, &d, &mut curved);
            for (sum, curved) in sum.iter().zip(curved) {
                assert!((sum - curved).abs() < 1e-6, "{loss:?} {sum} {curved}");
            }
            assert!((trace - loss.trace(&m)).abs() < 1e-6, "{loss:?}");
            let mut sizes = Vec::new();
            loss.sizes(&narrow, &mut sizes);
            assert!((trace - sizes.iter().sum::<f64>()).abs() < 1e-6, "{loss:?}");
        }
    }

    #[test]
    fn no_target_makes_outputs_of_zero_cost_more_than_stated() {
        let zero = |loss, y: [f64; 3]| {
            let a = at(loss, &[0.0; 3]).0;
            match loss {
                OutputLoss::SquaredError { .. } => a + 0.5 * y.iter().map(|y| y * y).sum::<f64>(),
                _ => a,
            }
        };
        for loss in ALL {
            let stated = loss.at_zero(3);
            for y in [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [2.0, -2.0, 2.0]] {
                assert!(zero(loss, y) <= stated * (1.0 + 1e-12), "{loss:?}");
            }
        }
        assert!((zero(ALL[2], [2.0, -2.0, 2.0]) - ALL[2].at_zero(3)).abs() < 1e-12);
    }
}
