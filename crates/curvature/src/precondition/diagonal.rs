use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Preconditioner, PreconditionerError};
use crate::{Control, Damped, InvalidSetting, LinearOperator, Progress, Real, vector};

/// The diagonal of an undamped operator H (Jacobi preconditioning): `P = |diag(H)| + λI`.
///
/// Absolute values keep P positive definite where H, or the estimate of its diagonal, is not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DiagonalPreconditioner<T> {
    diagonal: Vec<T>,
}

/// A [`DiagonalPreconditioner`] with its damping.
#[derive(Debug, Clone, PartialEq)]
pub struct DiagonalAt<T> {
    inverse: Vec<T>,
}

impl<T: Real> DiagonalPreconditioner<T> {
    /// From a known diagonal.
    ///
    /// # Errors
    /// [`PreconditionerError::Damaged`] where an element is NaN or infinite.
    pub fn new(diagonal: Vec<T>) -> Result<Self, PreconditionerError> {
        if vector::all_finite(&diagonal) {
            Ok(Self { diagonal })
        } else {
            Err(PreconditionerError::Damaged("its diagonal is not finite"))
        }
    }

    /// From the mean of `z ⊙ Hz` over `probes ≥ 1` random sign vectors z (Bekas, Kokiopoulou &
    /// Saad 2007). It is unbiased; coordinate i has variance `Σ_{j≠i} H_ij² / probes`.
    ///
    /// # Errors
    /// No probes, an operator that returns NaN, or an interruption.
    pub fn estimate(
        operator: &impl LinearOperator<T>,
        probes: u64,
        seed: u64,
        control: &mut Control<'_>,
    ) -> Result<Self, PreconditionerError> {
        InvalidSetting::unless_positive("probes", probes)?;
        let dim = operator.dim();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut product = vec![T::zero(); dim];
        let mut mean = vec![0.0; dim];
        for probe in 0..probes {
            let products = probe + 1;
            let signs: Vec<T> = (0..dim)
                .map(|_| if rng.random() { T::one() } else { -T::one() })
                .collect();
            operator.apply(&signs, &mut product);
            for ((mean, sign), product) in mean.iter_mut().zip(&signs).zip(&product) {
                *mean += (sign.widen() * product.widen() - *mean) / products as f64;
            }
            let progress = Progress {
                iteration: products,
                products,
                relative_residual: None,
            };
            if control.report(progress).is_break() {
                return Err(PreconditionerError::Interrupted { products });
            }
        }
        Self::new(mean.into_iter().map(T::narrow).collect())
            .map_err(|_| PreconditionerError::NonFinite { products: probes })
    }

    /// The diagonal of H, d elements.
    pub fn diagonal(&self) -> &[T] {
        &self.diagonal
    }

    /// The preconditioner for `H + damping · I`.
    ///
    /// # Errors
    /// A damping that is negative or not finite, or a coordinate where P would be 0.
    pub fn at(&self, damping: f64) -> Result<DiagonalAt<T>, PreconditionerError> {
        Damped::new((), damping)?;
        let inverse: Vec<T> = self
            .diagonal
            .iter()
            .map(|h| T::narrow((h.widen().abs() + damping).recip()))
            .collect();
        match vector::first_non_finite(&inverse) {
            None => Ok(DiagonalAt { inverse }),
            Some(index) => Err(PreconditionerError::Singular { index }),
        }
    }
}

impl<T: Real> Preconditioner<T> for DiagonalAt<T> {
    fn dim(&self) -> usize {
        self.inverse.len()
    }

    fn apply(&self, r: &[T], out: &mut [T]) {
        out.copy_from_slice(r);
        vector::update(out, &self.inverse, |inverse, r| inverse * r);
    }
}
