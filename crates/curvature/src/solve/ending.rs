use std::fmt;

use serde::{Deserialize, Serialize};

/// How a solve ended. It travels with the answer to whoever certifies it; [`Display`](fmt::Display)
/// says what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ending {
    /// The residual, recomputed from scratch, meets the tolerance.
    Converged,
    /// The products allowed were taken first.
    BudgetSpent,
    /// `H + λI` is not positive definite.
    NegativeCurvature {
        /// The Rayleigh quotient `pᵀ(H + λI)p / pᵀp ≤ 0` met: an upper bound on the least
        /// eigenvalue of `H + λI` (from a dense solve, that eigenvalue).
        curvature: f64,
        /// The damping must exceed this, `λ − curvature`. From an iterative solver it is only a
        /// lower bound on what is needed, which is `−λ_min`.
        damping_above: f64,
    },
    /// LiSSA's iteration grew instead of contracting: its scale is below the norm of some
    /// minibatch's curvature, or that curvature is not positive semidefinite.
    Diverged {
        /// The relative residual at which it was noticed.
        relative_residual: f64,
    },
    /// The residual no longer falls: the precision of the scalar is exhausted, or the system is
    /// singular and its right-hand side not in its range.
    Stagnated,
    /// The operator returned NaN or infinity, or the arithmetic overflowed.
    NonFinite,
    /// The caller's [`Control`](crate::Control) stopped it.
    Interrupted,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Converged => write!(f, "converged"),
            Self::BudgetSpent => {
                write!(
                    f,
                    "product budget spent before convergence: allow more, or precondition"
                )
            }
            Self::NegativeCurvature {
                curvature,
                damping_above,
            } => write!(
                f,
                "negative curvature {curvature:.3e}: the damping must exceed {damping_above:.3e}"
            ),
            Self::Diverged { relative_residual } => write!(
                f,
                "diverged (relative residual {relative_residual:.3e}): raise the scale or the damping"
            ),
            Self::Stagnated => write!(
                f,
                "stagnated: precision exhausted or system singular; raise the damping or use f64"
            ),
            Self::NonFinite => write!(f, "the operator returned NaN or infinity"),
            Self::Interrupted => write!(f, "interrupted by the caller"),
        }
    }
}
