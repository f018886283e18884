//! Everything measured for a release: the document that stays in the run.

use super::facts::MethodFacts;
use super::record::BoundRecord;
use rescind_data::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The `format` of every evidence document of this version.
pub const EVIDENCE_FORMAT: &str = "rescind-evidence-2";

/// What was measured for a release, in the private file `evidence.json`: functions of the records
/// that (ε, δ) does not cover. It names the certificate that it belongs to; the certificate does not
/// name it. See `docs/formats.md`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceRecord {
    /// [`EVIDENCE_FORMAT`].
    pub format: String,
    /// Number of the release.
    pub release: u64,
    /// BLAKE3 of the release's `certificate.json`.
    pub certificate: Digest,
    /// When the release was made: RFC 3339, UTC, to the second.
    pub released_at: String,
    /// Every bound known, smallest first: those too that the certificate leaves out, since they rest
    /// on the records and do not bind.
    pub bounds: Vec<BoundRecord>,
    /// Noised numbers that were brought back to the grid's limit.
    pub clamped: u64,
    /// What was measured of the method.
    pub measured: Measurements,
}

/// What was measured of a method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measurements {
    /// Whether training had ended when the records left.
    pub training_finished: bool,
    /// Wall time of the request in seconds.
    pub seconds: f64,
    /// ‖∇F_r‖ at the weights it started from, in f64, if computed.
    pub gradient_norm_before: Option<f64>,
    /// ‖∇F_r‖ at the weights it ended with, before noise, in f64, if computed.
    pub gradient_norm_after: Option<f64>,
    /// The linear solve, where there was one.
    pub solve: Option<SolveFacts>,
    /// The method's own report; `null` without one.
    pub details: Value,
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

/// What a method did: the settings, which are public, and what was measured, which is not.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodReported {
    /// Name and settings.
    pub facts: MethodFacts,
    /// The rest.
    pub measured: Measurements,
}

impl EvidenceRecord {
    /// The file `evidence.json`.
    ///
    /// # Errors
    /// [`serde_json::Error`] where a figure is not finite.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}
