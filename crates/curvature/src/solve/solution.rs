use serde::{Deserialize, Serialize};

use super::Ending;
use crate::Real;

/// An answer to `(H + λI) x = g` and the evidence of its quality.
///
/// Every number in it is finite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Solution<T> {
    /// The answer, d elements, always finite. On an early ending it is the best iterate there was;
    /// each solver says which. Zero where there was none.
    pub x: Vec<T>,
    /// How the solve ended.
    pub ending: Ending,
    /// Products with the full operator, the last residual's included.
    pub products: u64,
    /// Products with sampled operators (minibatches).
    pub sampled_products: u64,
    /// `‖g − (H + λI)x‖`, recomputed from scratch for this `x` in the operator's precision.
    pub residual_norm: f64,
    /// `residual_norm / ‖g‖`; 0 for a zero right-hand side.
    pub relative_residual: f64,
    /// The solver's own estimate of the relative residual after each iteration, for plots.
    pub history: Vec<f64>,
}

impl<T: Real> Solution<T> {
    /// The exact answer x = 0 to a zero right-hand side.
    pub(super) fn zero(dim: usize) -> Self {
        Self {
            x: vec![T::zero(); dim],
            ending: Ending::Converged,
            products: 0,
            sampled_products: 0,
            residual_norm: 0.0,
            relative_residual: 0.0,
            history: Vec::new(),
        }
    }

    /// No answer: x = 0, whose residual is the right-hand side itself.
    pub(super) fn none(dim: usize, rhs_norm: f64, ending: Ending) -> Self {
        Self {
            ending,
            residual_norm: rhs_norm,
            relative_residual: 1.0,
            ..Self::zero(dim)
        }
    }
}
