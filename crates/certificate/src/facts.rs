//! What a method and its data contribute to a certificate: settings and public counts.

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

/// How it was forgotten.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MethodFacts {
    /// The method's name, such as `newton`.
    pub name: String,
    /// Every setting that decides its result and was chosen without a look at the records. What was
    /// chosen from measurements is [evidence](super::EvidenceRecord).
    pub settings: Map<String, Value>,
}

impl MethodFacts {
    /// The setting at a JSON pointer; none where there is none, or it is `null`.
    pub(crate) fn setting(&self, pointer: &str) -> Option<&Value> {
        let pointer = pointer.strip_prefix('/')?;
        let (first, rest) = pointer.split_at(pointer.find('/').unwrap_or(pointer.len()));
        let found = self.settings.get(first)?.pointer(rest);
        found.filter(|value| !value.is_null())
    }

    /// The same where it is a number.
    #[must_use]
    pub fn number(&self, pointer: &str) -> Option<f64> {
        self.setting(pointer).and_then(Value::as_f64)
    }
}
