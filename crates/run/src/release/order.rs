//! What a release is made of.

use super::weights::PrivateWeights;
use crate::ledger::{Budget, PrivateRow};
use rescind_certificate::{DataFacts, Declaration, MethodReported};
use rescind_data::Digest;
use rescind_privacy::sensitivity::SensitivityBound;
use rescind_privacy::{NoiseChoice, NoisyFineTuning};
use rescind_unlearn::ModelDescription;
use rescind_unlearn::methods::noisy::Retained;
use std::path::Path;

/// Computes batch-norm statistics of the given (noised) parameters on the retained records; an
/// error says in words why it cannot.
pub type RetainedStatistics<'a> = &'a mut dyn FnMut(&[f32]) -> Result<Vec<f32>, String>;

/// What every release needs, whatever the mechanism. The caller holds the run's lock.
pub struct Basis<'a> {
    /// The run directory.
    pub run: &'a Path,
    /// BLAKE3 of the run's `run.json`, if it has one.
    pub configuration: Option<Digest>,
    /// The model.
    pub model: &'a ModelDescription,
    /// The ball in which its un-noised weights lie; checked in f64.
    pub ball: Ball<'a>,
    /// How much noise.
    pub noise: NoiseChoice,
    /// With a promise: whether noise that outweighs the weights is no reason to refuse.
    pub accept_noise: bool,
    /// A fixed seed in place of the operating system's generator, for experiments: the certificate
    /// then certifies nothing against anyone who knows it.
    pub insecure_noise_seed: Option<u64>,
    /// Recomputes batch-norm statistics. Needed if the model has any.
    pub statistics: Option<RetainedStatistics<'a>>,
    /// The promise to all requests that this release must not break, where the ledger has none.
    pub budget: Option<Budget>,
    /// The request that the release answers; absent where it covers pending ones alone.
    pub request: Option<RequestFacts>,
    /// The records.
    pub data: DataFacts,
    /// What the promise rests on that no program can check.
    pub declarations: Vec<Declaration>,
}

/// A release of weights that are noised once, ordered by the method that computed them.
pub struct ReleaseOrder<'a> {
    /// What every release needs.
    pub basis: Basis<'a>,
    /// Digest of the private state that the weights belong to, staged or in force.
    pub state: Digest,
    /// The un-noised weights, used up.
    pub weights: PrivateWeights,
    /// Bounds on their distance from retrained weights, each from another theorem; used up. The
    /// smallest that may be relied on binds.
    pub candidates: Vec<SensitivityBound>,
    /// What the method did.
    pub method: MethodReported,
}

/// A release by noisy fine-tuning or output perturbation (docs/theory.md §4): the noise is part of
/// the algorithm, so the mechanism takes the steps itself.
pub struct FineTuneOrder<'a> {
    /// What every release needs; σ is that of every step.
    pub basis: Basis<'a>,
    /// The un-noised weights, used up: projected to within R0 of the centre before anything else.
    pub weights: PrivateWeights,
    /// R0 and the noisy steps. With no step, noise is added once (output perturbation).
    pub schedule: NoisyFineTuning,
    /// The only records that steps and recovery see.
    pub retained: Retained<'a>,
}

/// The ball to which training and forgetting project all weights (docs/theory.md §0).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ball<'a> {
    /// R, above 0.
    pub radius: f64,
    /// c, chosen without the records; the origin if absent.
    pub centre: Option<&'a [f32]>,
    /// The seed from which the model's description draws the centre, where it does.
    pub seed: Option<u64>,
}

/// One deletion request.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestFacts {
    /// Its number in the run, above those of all requests before.
    pub number: u64,
    /// When it was made: RFC 3339 in UTC, such as `2026-03-01T12:00:00Z`.
    pub requested_at: String,
    /// The identities of the records it removes, at least one.
    pub records: Vec<Digest>,
    /// The salt of the commitment to them, drawn by [`fresh_salt`](super::fresh_salt).
    pub salt: Digest,
    /// What is kept of it in private.
    pub private: PrivateRow,
}
