//! Preconditioners for [`Cg`](crate::Cg): prepared once for a model, reused for every later request.

mod dense_rows;
mod diagonal;
mod nystrom;
mod rows;
mod sketch;

pub use dense_rows::DenseRows;
pub use diagonal::{DiagonalAt, DiagonalPreconditioner};
pub use nystrom::{NystromAt, NystromPreconditioner, NystromSettings};
pub use rows::{RowPreconditioner, Rows};

use crate::{InvalidSetting, Real};

/// A symmetric positive-definite matrix P that resembles `H + λI` and is cheap to invert.
pub trait Preconditioner<T: Real>: Sync {
    /// The size d.
    fn dim(&self) -> usize;

    /// Writes `P⁻¹ r` into `out`, overwriting it; both hold d elements.
    fn apply(&self, r: &[T], out: &mut [T]);
}

/// Why a preconditioner could not be prepared or used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PreconditionerError {
    /// A setting out of range.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    /// The operator returned NaN or infinity.
    #[error("the operator returned NaN or infinity after {products} products")]
    NonFinite {
        /// Products taken by then.
        products: u64,
    },
    /// The operator is not positive semidefinite, which a Nyström approximation needs: sketch a
    /// Gauss–Newton matrix rather than a Hessian.
    #[error(
        "the operator is not positive semidefinite: it has a Rayleigh quotient of \
         {rayleigh_quotient:e}; sketch a Gauss-Newton matrix instead"
    )]
    Indefinite {
        /// The negative Rayleigh quotient found, an upper bound on the least eigenvalue.
        rayleigh_quotient: f64,
    },
    /// With this damping P would be singular at some coordinate.
    #[error("the diagonal is zero at index {index}: use a damping above 0")]
    Singular {
        /// Index of the first such coordinate.
        index: usize,
    },
    /// Parts, given or stored, that do not make a preconditioner.
    #[error("the preconditioner is damaged: {0}")]
    Damaged(&'static str),
    /// The dense eigenvalue decomposition of the sketch did not converge.
    #[error("the eigenvalue decomposition of the {rank} by {rank} sketch did not converge")]
    Eigenvalues {
        /// Size of the sketch.
        rank: usize,
    },
    /// The caller's [`Control`](crate::Control) stopped it.
    #[error("interrupted by the caller after {products} products")]
    Interrupted {
        /// Products taken by then.
        products: u64,
    },
}
