use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::sketch::Sketch;
use super::{Preconditioner, PreconditionerError};
use crate::tall::{add_combination, project};
use crate::{Control, Damped, InvalidSetting, LinearOperator, Real, vector};

/// How to sketch an operator for a [`NystromPreconditioner`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NystromSettings {
    /// Rank of the first sketch, at least 1. Each column costs one product.
    pub initial_rank: usize,
    /// Rank beyond which the sketch is not doubled, at least `initial_rank`. Preparing a sketch of
    /// rank r holds `3 r d` scalars, using it `r d`.
    pub max_rank: usize,
    /// The smallest damping λ > 0 the preconditioner is meant for.
    pub damping: f64,
    /// The sketch is doubled until its smallest eigenvalue is at most this multiple (> 0) of the
    /// damping.
    pub multiple: f64,
    /// Seed of the random directions.
    pub seed: u64,
}

impl NystromSettings {
    /// From rank 16 up to 256, until the smallest eigenvalue captured is at most ten times
    /// `damping`; seed 0.
    pub fn for_damping(damping: f64) -> Self {
        Self {
            initial_rank: 16,
            max_rank: 256,
            damping,
            multiple: 10.0,
            seed: 0,
        }
    }

    fn validate(&self) -> Result<(), InvalidSetting> {
        let (initial, max) = (self.initial_rank as u64, self.max_rank as u64);
        InvalidSetting::unless_positive("initial_rank", initial)?;
        let expected = "at least initial_rank";
        InvalidSetting::unless(max >= initial, "max_rank", max as f64, expected)?;
        for (setting, value) in [("damping", self.damping), ("multiple", self.multiple)] {
            let valid = value > 0.0 && value.is_finite();
            InvalidSetting::unless(valid, setting, value, "a finite number above 0")?;
        }
        Ok(())
    }
}

/// Randomised Nyström preconditioner (Frangella, Tropp & Udell 2023) for a positive-semidefinite
/// operator H, such as a Gauss–Newton matrix.
///
/// It holds the approximation `U diag(Λ) Uᵀ ⪯ H` of rank r, without damping: [`at`](Self::at) adds
/// any λ at no cost in products, and the same sketch serves later, nearby operators. It can be
/// stored with serde.
///
/// Departures from the paper's algorithms 2.1 and E.2: the small system is solved by a truncated
/// pseudo-inverse instead of a shift, the sketch is extended rather than redrawn when its rank
/// doubles, and it is judged by its smallest eigenvalue, which costs nothing, rather than by power
/// iteration on the error (the heuristic of the paper's §5.4).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NystromPreconditioner<T> {
    dim: usize,
    /// U, r columns of d elements one after another.
    basis: Vec<T>,
    /// Λ, descending and positive.
    eigenvalues: Vec<f64>,
    products: u64,
}

/// A [`NystromPreconditioner`] with its damping:
/// `P⁻¹ = (λ_r + λ) U (Λ + λI)⁻¹ Uᵀ + (I − UUᵀ)`, λ_r being the smallest eigenvalue captured.
#[derive(Debug, Clone)]
pub struct NystromAt<'a, T> {
    dim: usize,
    basis: &'a [T],
    /// `(λ_r + λ) / (Λ_i + λ) − 1`.
    weights: Vec<f64>,
}

impl<T: Real> NystromPreconditioner<T> {
    /// Sketches the undamped `operator`.
    ///
    /// # Errors
    /// Settings out of range; an operator that returns NaN or is not positive semidefinite; an
    /// interruption.
    pub fn prepare(
        operator: &impl LinearOperator<T>,
        settings: &NystromSettings,
        control: &mut Control<'_>,
    ) -> Result<Self, PreconditionerError> {
        settings.validate()?;
        let dim = operator.dim();
        InvalidSetting::unless_positive("the operator's dimension", dim as u64)?;
        let max_rank = settings.max_rank.min(dim);
        let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
        let mut sketch = Sketch::new(dim);
        let mut rank = settings.initial_rank.min(dim);
        loop {
            sketch.grow(operator, rank, &mut rng, control)?;
            if rank == max_rank {
                break;
            }
            let (eigenvalues, _) = sketch.nystrom()?;
            // Fewer eigenvalues than columns: the operator's numerical rank is exhausted.
            let exhausted = eigenvalues.len() < rank;
            let smallest = eigenvalues.last().copied().unwrap_or(0.0);
            if exhausted || smallest <= settings.multiple * settings.damping {
                break;
            }
            rank = (2 * rank).min(max_rank);
        }
        let products = sketch.rank() as u64;
        let pairs = sketch.into_eigenpairs()?;
        Ok(Self {
            dim,
            basis: pairs.basis,
            eigenvalues: pairs.eigenvalues,
            products,
        })
    }

    /// The rank r; below the sketch's where the operator's numerical rank is.
    pub fn rank(&self) -> usize {
        self.eigenvalues.len()
    }

    /// The approximate eigenvalues Λ of H, in descending order.
    pub fn eigenvalues(&self) -> &[f64] {
        &self.eigenvalues
    }

    /// Products with the operator spent on the sketch.
    pub fn products(&self) -> u64 {
        self.products
    }

    /// The preconditioner for `H + damping · I`.
    ///
    /// # Errors
    /// A damping that is not above 0 and finite, or stored parts that do not fit together.
    pub fn at(&self, damping: f64) -> Result<NystromAt<'_, T>, PreconditionerError> {
        Damped::new((), damping)?;
        InvalidSetting::unless(damping > 0.0, "damping", damping, "a finite number above 0")?;
        if self.dim.checked_mul(self.rank()) != Some(self.basis.len()) {
            return Err(PreconditionerError::Damaged(
                "its basis is not of size dim times rank",
            ));
        }
        if !vector::all_finite(&self.basis) {
            return Err(PreconditionerError::Damaged("its basis is not finite"));
        }
        if !self
            .eigenvalues
            .iter()
            .all(|value| *value > 0.0 && value.is_finite())
        {
            return Err(PreconditionerError::Damaged(
                "its eigenvalues are not positive",
            ));
        }
        let smallest = self.eigenvalues.last().copied().unwrap_or(0.0);
        let weights = self
            .eigenvalues
            .iter()
            .map(|value| (smallest + damping) / (value + damping) - 1.0)
            .collect();
        Ok(NystromAt {
            dim: self.dim,
            basis: &self.basis,
            weights,
        })
    }
}

impl<T: Real> Preconditioner<T> for NystromAt<'_, T> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn apply(&self, r: &[T], out: &mut [T]) {
        let mut coefficients = project(self.basis, r);
        for (coefficient, weight) in coefficients.iter_mut().zip(&self.weights) {
            *coefficient *= weight;
        }
        out.copy_from_slice(r);
        add_combination(out, self.basis, &coefficients);
    }
}
