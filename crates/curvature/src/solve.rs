//! Solvers of the damped system `(H + λI) x = g` (docs/theory.md §2) behind one interface.

mod cg;
mod cholesky;
mod ending;
mod krylov;
mod lissa;
mod minres;
mod scale;
mod solution;
mod stopping;

pub use cg::Cg;
pub use cholesky::Cholesky;
pub use ending::Ending;
pub use lissa::Lissa;
pub use minres::Minres;
pub use scale::{ScaleEstimate, ScaleSettings};
pub use solution::Solution;
pub use stopping::Stopping;

use crate::{Control, Damped, InvalidSetting, LinearOperator, Real, vector};

/// A way to solve `(H + λI) x = g`.
///
/// `O` is what it needs of H: a [`LinearOperator`], or a
/// [`SampledOperator`](crate::SampledOperator) for [`Lissa`].
pub trait Solver<T: Real, O> {
    /// Solves `system · x = rhs`. How it ended is part of the answer: read [`Solution::ending`].
    ///
    /// # Errors
    /// Only for input no solver could use: see [`SolveError`].
    fn solve(
        &self,
        system: &Damped<O>,
        rhs: &[T],
        control: &mut Control<'_>,
    ) -> Result<Solution<T>, SolveError>;
}

/// Input that cannot be solved with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SolveError {
    /// A vector or preconditioner of another size than the operator.
    #[error("{what} has dimension {found}, but the operator has dimension {expected}")]
    DimensionMismatch {
        /// What has the wrong size.
        what: &'static str,
        /// Dimension of the operator.
        expected: usize,
        /// Dimension found.
        found: usize,
    },
    /// The right-hand side is NaN or infinite somewhere.
    #[error("the right-hand side is {value} at index {index}; it must be finite")]
    NonFiniteRightHandSide {
        /// Index of the first such element.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// The norm of a nonzero, finite right-hand side overflows or underflows.
    #[error("the norm of the right-hand side is {norm:e}, out of range of f64: rescale it")]
    RightHandSideOutOfRange {
        /// The norm as computed.
        norm: f64,
    },
    /// A preconditioner P with `rᵀP⁻¹r ≤ 0` or NaN.
    #[error(
        "the preconditioner is not positive definite: r·P⁻¹r is {found:e}; use another, or none"
    )]
    PreconditionerNotPositive {
        /// The value of `rᵀP⁻¹r` found.
        found: f64,
    },
    /// Too large to be held as a dense matrix.
    #[error(
        "dimension {dim} is above the limit of {limit} for a dense solve: use an iterative solver or raise the limit"
    )]
    TooLarge {
        /// Dimension of the operator.
        dim: usize,
        /// The solver's limit.
        limit: usize,
    },
    /// A setting out of range.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
}

/// Checks `rhs` against the operator and returns `‖rhs‖`.
fn checked_norm<T: Real>(dim: usize, rhs: &[T]) -> Result<f64, SolveError> {
    if rhs.len() != dim {
        let what = "the right-hand side";
        return Err(SolveError::DimensionMismatch {
            what,
            expected: dim,
            found: rhs.len(),
        });
    }
    if let Some(index) = vector::first_non_finite(rhs) {
        return Err(SolveError::NonFiniteRightHandSide {
            index,
            value: rhs[index].widen(),
        });
    }
    let norm = vector::norm(rhs);
    let representable = norm.is_normal() || rhs.iter().all(|x| x.is_zero());
    if representable {
        Ok(norm)
    } else {
        Err(SolveError::RightHandSideOutOfRange { norm })
    }
}

/// `rhs − system · x`, computed afresh.
fn residual<T: Real>(system: &impl LinearOperator<T>, rhs: &[T], x: &[T]) -> Vec<T> {
    let mut residual = vec![T::zero(); rhs.len()];
    system.apply(x, &mut residual);
    vector::update(&mut residual, rhs, |g, ax| g - ax);
    residual
}
