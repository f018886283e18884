//! What a descent on the retained records did.

use super::{ConvexSettings, Effort};
use serde::{Deserialize, Serialize};

/// What a descent on the retained records did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConvexReport {
    /// What it was to reach.
    pub settings: ConvexSettings,
    /// Records that stay.
    pub retained: usize,
    /// Records that go.
    pub forgotten: usize,
    /// `‖∇F_r‖` where it started, in double precision, if that was computed.
    pub gradient_norm_before: Option<f64>,
    /// `‖∇F_r‖` where it ended, in double precision.
    pub gradient_norm_after: f64,
    /// What it cost.
    pub effort: Effort,
}
