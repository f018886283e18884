//! What a method and its data contribute to a certificate, as they report it.

use rescind_data::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What happened to the noised parameters before they were released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FollowedBy {
    /// Nothing: they were released as the noise left them.
    Nothing,
    /// Training on the retained records alone, without noise. A function of the noised parameters
    /// and of these records: it costs no ε.
    Recovery,
}

/// Which records a model was trained on. Counts are after the request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataFacts {
    /// Name of the dataset.
    pub dataset: String,
    /// Root of the manifest of all records.
    pub manifest: Digest,
    /// Records in the manifest.
    pub records: u64,
    /// Records trained on from now on.
    pub retained: u64,
    /// Records held out for validation.
    pub validation: u64,
    /// Where the constants that scale the inputs came from.
    pub input_scaling: InputScaling,
}

/// Where the constants that scale a model's inputs came from (docs/theory.md §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputScaling {
    /// Inputs are used as they are.
    None,
    /// Constants fixed without looking at the records.
    Constants,
    /// Computed on the records now retained, so that retraining would compute them too.
    FromRetained,
    /// Computed on records, forgotten ones perhaps among them: never released, since no noise
    /// covers these constants.
    FromRecords,
}

/// What a method did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MethodFacts {
    /// Its name, such as `newton`.
    pub name: String,
    /// Every setting that decides its result.
    pub settings: Map<String, Value>,
    /// Whether training had ended when the records left.
    pub training_finished: bool,
    /// Wall time of the method in seconds.
    pub seconds: f64,
    /// ‖∇F_r‖ at the weights it started from, in f64, if computed.
    pub gradient_norm_before: Option<f64>,
    /// ‖∇F_r‖ at the weights it ended with, before noise, in f64, if computed.
    pub gradient_norm_after: Option<f64>,
    /// The linear solve, where there was one.
    pub solve: Option<SolveFacts>,
}

/// How a linear solve went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SolveFacts {
    /// The solver's name.
    pub solver: String,
    /// How it ended, such as `converged` or `budget spent`.
    pub ending: String,
    /// Operator products it took.
    pub products: u64,
    /// ‖b − (B + λI)x‖ of the system solved over all retained records, in f64, if computed.
    pub residual: Option<f64>,
    /// ‖b‖.
    pub right_hand_side: f64,
    /// ‖∇F_r − (H + λI)x‖ in f64, where the theorem of the Newton step is used: x may solve
    /// another system than the theorem's (docs/theory.md §2).
    pub theorem_residual: Option<f64>,
}
