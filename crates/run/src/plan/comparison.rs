//! What a plan is asked and says.

use rescind_data::RecordRequest;
use rescind_privacy::sensitivity::GuaranteeKind;
use serde::{Deserialize, Serialize};

/// A request that is only thought of, and the promise wanted for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// The records to forget: all that any of these names.
    pub records: Vec<RecordRequest>,
    /// ε of the release, at least 0.
    pub epsilon: f64,
    /// δ, above 0 and below 1.
    pub delta: f64,
}

/// The methods side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// ε asked for.
    pub epsilon: f64,
    /// δ asked for.
    pub delta: f64,
    /// Records to forget.
    pub forgotten: usize,
    /// Records that would stay.
    pub retained: usize,
    /// Test accuracy of the private model as it is, from 0 to 1.
    pub accuracy: f64,
    /// One for each method.
    pub methods: Vec<MethodPlan>,
    /// What preparing would take (`rescind refresh`), where the model can be prepared and is not.
    pub preparing: Option<Preparing>,
    /// Squared error beside cross-entropy, for a convex model that has the latter.
    pub squared_error: Option<OtherLoss>,
    /// What to do, in words.
    pub recommendation: String,
}

/// What one method would promise and cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodPlan {
    /// Its name, as on the command line.
    pub method: String,
    /// What its guarantee would rest on; absent for retraining, which needs none.
    pub kind: Option<GuaranteeKind>,
    /// The sensitivity that noise has to hide.
    pub sensitivity: Option<f64>,
    /// σ on every weight, each time.
    pub sigma: Option<f64>,
    /// Why the promise would be refused, if it would.
    pub refused: Option<String>,
    /// Predicted test accuracy of what would be released, from 0 to 1, where there is a prediction.
    pub accuracy: Option<f64>,
    /// Predicted seconds.
    pub seconds: f64,
    /// How accuracy and time were predicted.
    pub how: String,
}

/// What preparing a model would take, and from when on it pays.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preparing {
    /// Predicted seconds.
    pub seconds: f64,
    /// Bytes that would be kept.
    pub bytes: usize,
    /// Predicted seconds of a request for a few records, once it is done.
    pub request: f64,
    /// Predicted seconds of a request without it.
    pub unprepared_request: f64,
    /// So many requests pay for it; absent where none do.
    pub pays_from: Option<u64>,
    /// Whether no request would ever go through the records that stay.
    pub exact: bool,
}

/// Test accuracy with squared error beside that with cross-entropy, each trained on the same few
/// records that stay.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OtherLoss {
    /// How many records.
    pub records: usize,
    /// With squared error, from 0 to 1.
    pub squared_error: f64,
    /// With cross-entropy, from 0 to 1.
    pub cross_entropy: f64,
}
