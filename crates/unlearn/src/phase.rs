//! What long work is busy with.

use serde::Serialize;

/// What a run is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Reading and checking records; counted in records.
    Load,
    /// Training; counted in minibatches of the whole training.
    Train,
    /// Preparing a preconditioner; counted in products.
    Precondition,
    /// Measuring the spectrum to choose a damping; counted in products.
    Spectrum,
    /// Solving for the step; counted in products.
    Solve,
    /// Noisy steps of fine-tuning; counted in steps.
    NoisySteps,
    /// Recomputing in double precision what a certificate quotes; counted in passes.
    Check,
    /// Measuring loss and accuracy; counted in groups of records.
    Evaluate,
    /// Telling unlearned from retrained releases; counted in pairs.
    Audit,
    /// Noising, certifying and writing a release.
    Release,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Phase::Load => "load",
            Phase::Train => "train",
            Phase::Precondition => "precondition",
            Phase::Spectrum => "spectrum",
            Phase::Solve => "solve",
            Phase::NoisySteps => "noisy steps",
            Phase::Check => "check",
            Phase::Evaluate => "evaluate",
            Phase::Audit => "audit",
            Phase::Release => "release",
        })
    }
}
