//! What a method did, in a form that is the same for all of them.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a method did. Private: it was computed from the records and carries no noise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MethodReport {
    /// The method's name in the table.
    pub method: String,
    /// Every setting that decides its result, those that were chosen for it included.
    pub settings: Map<String, Value>,
    /// The choices made, in words.
    pub explanation: Option<String>,
    /// `‖∇F_r‖` at the weights it started from, in binary64, if computed.
    pub gradient_norm_before: Option<f64>,
    /// `‖∇F_r‖` at the weights it ended with, before noise, in binary64, if computed.
    pub gradient_norm_after: Option<f64>,
    /// The linear solve, where there was one.
    pub solve: Option<SolveReport>,
    /// The method's own report.
    pub details: Value,
}

/// How a linear solve went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SolveReport {
    /// The solver's name.
    pub solver: String,
    /// How it ended, such as `converged` or `budget spent`.
    pub ending: String,
    /// Operator products it took.
    pub products: u64,
    /// `‖b − (B + λI)x‖` of the system solved over all retained records, in binary64, if computed.
    pub residual: Option<f64>,
    /// `‖b‖`.
    pub right_hand_side: f64,
    /// `‖∇F_r − (H + λI)x‖` in binary64, where the theorem of the Newton step is used.
    pub theorem_residual: Option<f64>,
}

impl MethodReport {
    /// The method's own report, if it is of this type.
    #[must_use]
    pub fn details<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(&self.details).ok()
    }
}
