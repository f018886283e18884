use faer::Mat;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::SpectrumError;
use crate::dense::eigen;
use crate::random::unit_vector;
use crate::tall::{add_combination, project};
use crate::{Control, InvalidSetting, LinearOperator, Progress, Real, vector};

/// How far to take a Lanczos process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanczosSettings {
    /// Steps k, at least 1: one product each, at most d of them. The process holds k + 2 vectors.
    pub steps: usize,
    /// Seed of the starting vector.
    pub seed: u64,
}

/// Ritz values of a Lanczos process and the weight of each: the squared first component of its
/// eigenvector in the tridiagonal matrix.
pub(super) struct RitzValues {
    /// In ascending order.
    pub(super) values: Vec<f64>,
    /// Sums to 1.
    pub(super) weights: Vec<f64>,
    /// Largest coupling between an invariant subspace and what followed that was taken for zero.
    pub(super) dropped: f64,
}

/// Lanczos with full reorthogonalisation from a start uniform on the unit sphere.
///
/// Where the Krylov space is invariant (the coupling β to the next vector is rounding) the process
/// goes on from a fresh random vector orthogonal to it. The space it then spans contains the Krylov
/// space of every later step, which had stopped growing: what holds of the Ritz values after k
/// steps still holds. After d steps they are the eigenvalues.
pub(super) fn lanczos<T: Real>(
    operator: &impl LinearOperator<T>,
    steps: usize,
    seed: u64,
    products_before: u64,
    control: &mut Control<'_>,
) -> Result<RitzValues, SpectrumError> {
    let dim = operator.dim();
    let steps = steps.min(dim);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut basis = unit_vector::<T>(dim, &mut rng);
    basis.reserve_exact((steps - 1) * dim);
    let mut product = vec![T::zero(); dim];
    let (mut diagonal, mut below) = (Vec::with_capacity(steps), Vec::with_capacity(steps));
    let (mut norm, mut dropped) = (0.0_f64, 0.0_f64);
    for step in 0..steps {
        operator.apply(&basis[step * dim..], &mut product);
        let products = products_before + step as u64 + 1;
        let coefficients = orthogonalise(&mut product, &basis);
        let alpha = coefficients[step];
        let mut beta = vector::norm(&product);
        if !(alpha.is_finite() && beta.is_finite()) {
            return Err(SpectrumError::NonFinite { products });
        }
        diagonal.push(alpha);
        norm = norm.max(alpha.abs() + beta);
        let progress = Progress {
            iteration: step as u64 + 1,
            products,
            relative_residual: None,
        };
        if control.report(progress).is_break() {
            return Err(SpectrumError::Interrupted { products });
        }
        if step + 1 == steps {
            break;
        }
        if beta <= 4.0 * T::precision() * norm {
            dropped = dropped.max(beta);
            beta = 0.0;
            product = unit_vector(dim, &mut rng);
            orthogonalise(&mut product, &basis);
        }
        below.push(beta);
        let length = vector::norm(&product);
        vector::scale(&mut product, length.recip());
        basis.extend_from_slice(&product);
    }
    ritz(&diagonal, &below, dropped)
}

/// Removes from x its components along the orthonormal basis, and returns them.
fn orthogonalise<T: Real>(x: &mut [T], basis: &[T]) -> Vec<f64> {
    let mut total = vec![0.0; basis.len() / x.len()];
    // Twice is enough (Kahan, in Parlett 1980, §6.9).
    for _ in 0..2 {
        let coefficients: Vec<f64> = project(basis, x).into_iter().map(|c| -c).collect();
        add_combination(x, basis, &coefficients);
        for (total, c) in total.iter_mut().zip(coefficients) {
            *total -= c;
        }
    }
    total
}

fn ritz(diagonal: &[f64], below: &[f64], dropped: f64) -> Result<RitzValues, SpectrumError> {
    let steps = diagonal.len();
    let tridiagonal = Mat::from_fn(steps, steps, |i, j| match i.abs_diff(j) {
        0 => diagonal[i],
        1 => below[i.min(j)],
        _ => 0.0,
    });
    let (values, vectors) = eigen(&tridiagonal).ok_or(SpectrumError::Eigenvalues { steps })?;
    Ok(RitzValues {
        weights: (0..steps).map(|i| vectors[(0, i)].powi(2)).collect(),
        values,
        dropped,
    })
}

pub(super) fn validate(dim: usize, steps: usize) -> Result<(), InvalidSetting> {
    InvalidSetting::unless_positive("the operator's dimension", dim as u64)?;
    InvalidSetting::unless_positive("steps", steps as u64)
}
