//! One request end to end: which records, which method, which release, which new private state.

mod answer;
mod convex;
mod finetune;
mod preconditioner;
mod release;
mod resolve;
mod statistics;

pub use release::ReleaseChoice;
pub use resolve::Resolved;

use rescind_unlearn::evaluation::Measured;
use rescind_unlearn::descent::ConvexReport;
use rescind_unlearn::methods::finetune::{FinetuneReport, FinetuneSettings};
use rescind_unlearn::methods::newton::{NewtonReport, NewtonSettings};
use crate::release::Released;
use rescind_unlearn::training::TrainingProgress;
use rescind_data::{RecordRequest, Selection};
use serde::{Deserialize, Serialize};

/// What is asked of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetRequest {
    /// The records to forget.
    pub request: RecordRequest,
    /// How to forget them.
    pub method: Method,
    /// How to release the result; absent: only the private state changes, and the next release
    /// covers this request too.
    pub release: Option<ReleaseChoice>,
}

/// How to forget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[allow(clippy::large_enum_variant)] // one is made for each request
pub enum Method {
    /// One damped Newton step (docs/theory.md §2).
    Newton {
        /// Its settings.
        settings: NewtonSettings,
    },
    /// Noisy fine-tuning, then recovery (docs/theory.md §4). The noise is that of the release, without
    /// which there is no such method.
    NoisyFinetune {
        /// Its settings.
        settings: FinetuneSettings,
    },
    /// Output perturbation: the same without a noisy step.
    OutputPerturbation {
        /// Its settings; those of steps have no effect.
        settings: FinetuneSettings,
    },
    /// The descent of a tangent model, from where it stands, on the records that stay (docs/theory.md §3).
    Tangent,
    /// The same for a convex head.
    Head,
    /// Training afresh on the records that stay: the reference.
    Retrain,
}

/// What a method did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MethodReport {
    /// A Newton step.
    Newton {
        /// What it did.
        report: Box<NewtonReport>,
    },
    /// Noisy fine-tuning.
    NoisyFinetune {
        /// What it did.
        report: Box<FinetuneReport>,
    },
    /// Output perturbation.
    OutputPerturbation {
        /// What it did.
        report: Box<FinetuneReport>,
    },
    /// The descent of a tangent model.
    Tangent {
        /// What it did.
        report: Box<ConvexReport>,
    },
    /// The descent of a convex head.
    Head {
        /// What it did.
        report: Box<ConvexReport>,
    },
    /// A retraining.
    Retrain {
        /// How it went.
        progress: TrainingProgress,
    },
}

impl MethodReport {
    /// The method's name, as on the command line and in certificates.
    pub fn name(&self) -> &'static str {
        match self {
            MethodReport::Newton { .. } => "newton",
            MethodReport::NoisyFinetune { .. } => "noisy-finetune",
            MethodReport::OutputPerturbation { .. } => "output-perturbation",
            MethodReport::Tangent { .. } => "tangent",
            MethodReport::Head { .. } => "head",
            MethodReport::Retrain { .. } => "retrain",
        }
    }
}

/// A request answered, as the private state remembers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestRecord {
    /// Its number, from 1.
    pub number: u64,
    /// When it was made, in seconds since 1970 (UTC).
    pub requested_at: u64,
    /// What kind of request it was; a subject's name is left out.
    pub asked: String,
    /// The records forgotten.
    pub forgotten: Selection,
    /// Records the request names that were held out for validation, so never trained on.
    pub held_out: Selection,
    /// Records that stay although their contents equal those of a forgotten one.
    pub copies_retained: Selection,
    /// What the method did.
    pub method: MethodReport,
    /// Whether training had ended when it was answered.
    pub training_finished: bool,
    /// Whether it was released.
    pub released: bool,
    /// The private model before and after.
    pub effect: Effect,
    /// Seconds from the request to the new private state, before release.
    pub seconds: f64,
}

/// What a request changed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// On the records forgotten, before.
    pub forgotten_before: Measured,
    /// On the records forgotten, after.
    pub forgotten_after: Measured,
    /// On the test records, before.
    pub test_before: Measured,
    /// On the test records, after.
    pub test_after: Measured,
}

/// The answer to a request.
#[derive(Debug)]
pub struct Forgotten {
    /// What was done.
    pub record: RequestRecord,
    /// The release, if one was asked for.
    pub release: Option<Released>,
}
