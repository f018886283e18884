//! Losses of one record and their derivatives in the network's output.

use crate::scalar::Scalar;
use crate::targets::Targets;
use serde::{Deserialize, Serialize};

/// The loss `ℓ_i` of a record, given the network's output `z` for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// `−Σ_k y_k ln softmax(z)_k`, `y` a class or probabilities.
    #[default]
    SoftmaxCrossEntropy,
    /// `½ ‖z − y‖²`, of a class `y_k = 1` for it and 0 for the others.
    SquaredError,
}

impl Loss {
    /// Returns `Σ_i a_i ℓ_i` and writes `scale·a_i·∂ℓ_i/∂z` to `cotangent`; for cross-entropy also
    /// the probabilities, which [`hessian`](Self::hessian) wants. Without `weights` every a_i is 1.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn differentiate<T: Scalar>(
        self,
        z: &[T],
        targets: Targets<'_, T>,
        weights: Option<&[T]>,
        outputs: usize,
        scale: f64,
        cotangent: &mut [T],
        probabilities: &mut Vec<T>,
    ) -> f64 {
        let all = T::of(scale);
        let weight = |i: usize| weights.map_or(T::one(), |weights| weights[i]);
        let mut total = 0.0;
        match self {
            Loss::SoftmaxCrossEntropy => {
                probabilities.resize(z.len(), T::zero());
                let rows = z
                    .chunks_exact(outputs)
                    .zip(cotangent.chunks_exact_mut(outputs));
                let rows = rows.zip(probabilities.chunks_exact_mut(outputs));
                for (i, ((z, out), p)) in rows.enumerate() {
                    let (scale, weight) = (all * weight(i), weight(i).as_f64());
                    let log_sum = softmax(z, p);
                    for (out, &p) in out.iter_mut().zip(p.iter()) {
                        *out = scale * p;
                    }
                    match targets {
                        Targets::Classes(labels) => {
                            let label = labels[i] as usize;
                            out[label] -= scale;
                            total += weight * (log_sum - z[label].as_f64());
                        }
                        Targets::Values(values) => {
                            let row = &values[i * outputs..][..outputs];
                            for ((out, &y), &z) in out.iter_mut().zip(row).zip(z) {
                                *out -= scale * y;
                                total += weight * y.as_f64() * (log_sum - z.as_f64());
                            }
                        }
                    }
                }
            }
            Loss::SquaredError => {
                let rows = cotangent.chunks_exact_mut(outputs);
                for (i, (out, z)) in rows.zip(z.chunks_exact(outputs)).enumerate() {
                    let (scale, weight) = (all * weight(i), weight(i).as_f64());
                    for (k, (out, &z)) in out.iter_mut().zip(z).enumerate() {
                        let y = match targets {
                            Targets::Classes(labels) if labels[i] as usize == k => T::one(),
                            Targets::Classes(_) => T::zero(),
                            Targets::Values(values) => values[i * outputs + k],
                        };
                        *out = scale * (z - y);
                        total += 0.5 * weight * (z.as_f64() - y.as_f64()).powi(2);
                    }
                }
            }
        }
        total
    }

    /// `out = scale·a_i·∂²ℓ_i/∂z²·ż`, record by record. Positive semidefinite for both losses.
    pub(crate) fn hessian<T: Scalar>(
        self,
        probabilities: &[T],
        weights: Option<&[T]>,
        dz: &[T],
        outputs: usize,
        scale: f64,
        out: &mut [T],
    ) {
        let all = T::of(scale);
        let weight = |i: usize| weights.map_or(T::one(), |weights| weights[i]);
        let rows = dz.chunks_exact(outputs).zip(out.chunks_exact_mut(outputs));
        match self {
            Loss::SoftmaxCrossEntropy => {
                let rows = rows.zip(probabilities.chunks_exact(outputs)).enumerate();
                for (i, ((dz, out), p)) in rows {
                    let scale = all * weight(i);
                    let mean: T = dz.iter().zip(p).map(|(&dz, &p)| dz * p).sum();
                    for ((out, &dz), &p) in out.iter_mut().zip(dz).zip(p) {
                        *out = scale * p * (dz - mean);
                    }
                }
            }
            Loss::SquaredError => {
                for (i, (dz, out)) in rows.enumerate() {
                    let scale = all * weight(i);
                    for (out, &dz) in out.iter_mut().zip(dz) {
                        *out = scale * dz;
                    }
                }
            }
        }
    }

    /// `ℓ_i` for every record.
    pub(crate) fn per_record<T: Scalar>(
        self,
        z: &[T],
        targets: Targets<'_, T>,
        outputs: usize,
        losses: &mut [f64],
    ) {
        let (mut cotangent, mut p) = (vec![T::zero(); outputs], Vec::new());
        for (i, (z, loss)) in z.chunks_exact(outputs).zip(losses).enumerate() {
            let target = targets.range(&(i..i + 1), outputs);
            *loss = self.differentiate(z, target, None, outputs, 1.0, &mut cotangent, &mut p);
        }
    }
}

/// Fills `p` with the probabilities that the outputs `z` of one record stand for, as many, and
/// returns `ln Σ e^{z_k}`.
pub fn softmax<T: Scalar>(z: &[T], p: &mut [T]) -> f64 {
    let greatest = z.iter().copied().fold(T::neg_infinity(), T::max);
    let mut sum = T::zero();
    for (p, &z) in p.iter_mut().zip(z) {
        *p = (z - greatest).exp();
        sum += *p;
    }
    let inverse = sum.recip();
    for p in p {
        *p *= inverse;
    }
    greatest.as_f64() + sum.as_f64().ln()
}

#[cfg(test)]
mod tests {
    use super::softmax;

    #[test]
    fn outputs_far_from_zero_overflow_nothing() {
        for shift in [-2000.0f32, 0.0, 2000.0] {
            let mut p = [0.0f32; 2];
            let log_sum = softmax(&[shift, shift + 1.0], &mut p);
            assert!((log_sum - f64::from(shift) - (1.0 + 1f64.exp()).ln()).abs() < 1e-6);
            assert!((p[1] - 0.731_058_6).abs() < 1e-6, "{p:?}");
        }
    }
}
