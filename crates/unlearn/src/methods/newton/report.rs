//! What a Newton step did.

use super::damping::ChosenDamping;
use super::settings::NewtonSettings;
use rescind_curvature::Ending;
use serde::{Deserialize, Serialize};

/// What a Newton step did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewtonReport {
    /// What was asked for.
    pub settings: NewtonSettings,
    /// The damping λ used, and why.
    pub damping: ChosenDamping,
    /// Records that stay.
    pub retained: usize,
    /// Records that go.
    pub forgotten: usize,
    /// Records that the curvature was to be taken over; how many were drawn is not told.
    pub curvature_records: usize,
    /// How the solve ended.
    pub ending: Ending,
    /// Products of the solve with the curvature over all its records.
    pub products: u64,
    /// Products of the solve with minibatches.
    pub sampled_products: u64,
    /// Products spent on a preconditioner made for this request; 0 when one was kept.
    pub preconditioner_products: u64,
    /// Rank of the preconditioner used; 0 without.
    pub preconditioner_rank: usize,
    /// Norm of the system's right-hand side.
    pub right_hand_side: f64,
    /// `‖b − (B + λI)x‖` over the curvature's records, recomputed from scratch by the solver in
    /// single precision.
    pub solver_residual: f64,
    /// What was computed again in double precision, where a bound rests on it or it was asked for.
    pub check: Option<ExactCheck>,
    /// `‖∇F_r − (H + λI)x‖` in double precision, where the theorem of the step gives a bound.
    pub theorem_residual: Option<f64>,
    /// The solver's relative residual after each iteration, for plots.
    pub history: Vec<f64>,
    /// `‖x‖`, the length of the step.
    pub step_norm: f64,
    /// Whether the ball drew the step back.
    pub projected: bool,
    /// Why the theorem of the step gives no bound, if it gives none.
    pub no_theorem: Option<String>,
    /// Seconds spent on drawing the curvature's records, damping and preconditioner.
    pub prepare_seconds: f64,
    /// Seconds spent on the solve.
    pub solve_seconds: f64,
    /// Seconds spent on recomputing in double precision.
    pub check_seconds: f64,
}

/// A step seen in double precision, over all records that stay.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExactCheck {
    /// `‖b − (B + λI)x‖` of the system solved.
    pub residual: f64,
    /// `‖∇F_r‖` before the step.
    pub gradient_norm_before: f64,
    /// `‖∇F_r‖` after it.
    pub gradient_norm_after: f64,
}
