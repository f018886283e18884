//! What a release is made of.

use super::retained::Retained;
use super::weights::PrivateWeights;
use crate::certificate::{DataFacts, MethodFacts, NoiseChoice};
use crate::ledger::Budget;
use rescind_data::Digest;
use rescind_network::Network;
use rescind_privacy::NoisyFineTuning;
use rescind_privacy::sensitivity::SensitivityBound;
use std::path::Path;

/// Computes batch-norm statistics of the given (noised) parameters on the retained records; an
/// error says in words why it cannot.
pub type RetainedStatistics<'a> = &'a mut dyn FnMut(&[f32]) -> Result<Vec<f32>, String>;

/// A release of weights that are noised once, ordered by the method that computed them. The caller
/// holds the run's lock and has staged the private state.
pub struct ReleaseOrder<'a> {
    /// The run directory.
    pub run: &'a Path,
    /// Digest of the staged private state that the weights belong to.
    pub state: Digest,
    /// The network.
    pub network: &'a Network,
    /// Whether its outputs are those of its linearisation at the ball's centre (THEORY §3); the
    /// centre is then released too.
    pub linearised: bool,
    /// Its un-noised weights, used up.
    pub weights: PrivateWeights,
    /// The ball in which they lie; checked in f64.
    pub ball: Ball<'a>,
    /// Bounds on their distance from retrained weights, each from another theorem; used up. The
    /// smallest that may be relied on binds.
    pub candidates: Vec<SensitivityBound>,
    /// How much noise.
    pub noise: NoiseChoice,
    /// A fixed seed in place of the operating system's generator, for experiments: the certificate
    /// then certifies nothing against anyone who knows it.
    pub insecure_noise_seed: Option<u64>,
    /// Recomputes batch-norm statistics. Needed if the network has any.
    pub statistics: Option<RetainedStatistics<'a>>,
    /// The promise to all requests that this release must not break.
    pub budget: Option<Budget>,
    /// The request.
    pub request: RequestFacts,
    /// The records.
    pub data: DataFacts,
    /// What the method did.
    pub method: MethodFacts,
}

/// A release by noisy fine-tuning or output perturbation (THEORY §4): the noise is part of the
/// algorithm, so the mechanism takes the steps itself. The caller holds the run's lock.
pub struct FineTuneOrder<'a> {
    /// The run directory.
    pub run: &'a Path,
    /// The network.
    pub network: &'a Network,
    /// Its un-noised weights, used up: projected to within R0 of the centre before anything else.
    pub weights: PrivateWeights,
    /// The ball in which they lie; checked in f64. Its centre is that of the steps too.
    pub ball: Ball<'a>,
    /// R0 and the noisy steps. With no step, noise is added once (output perturbation).
    pub schedule: NoisyFineTuning,
    /// The only records that steps and recovery see.
    pub retained: Retained<'a>,
    /// How much noise: σ of every step.
    pub noise: NoiseChoice,
    /// As in [`ReleaseOrder`].
    pub insecure_noise_seed: Option<u64>,
    /// As in [`ReleaseOrder`]; used after the recovery.
    pub statistics: Option<RetainedStatistics<'a>>,
    /// As in [`ReleaseOrder`].
    pub budget: Option<Budget>,
    /// The request.
    pub request: RequestFacts,
    /// The records.
    pub data: DataFacts,
}

/// What a decision needs whatever the mechanism.
pub(super) struct Basis<'a> {
    pub(super) run: &'a Path,
    pub(super) network: &'a Network,
    pub(super) linearised: bool,
    pub(super) ball: Ball<'a>,
    pub(super) noise: NoiseChoice,
    pub(super) insecure_noise_seed: Option<u64>,
    pub(super) statistics: Option<RetainedStatistics<'a>>,
    pub(super) budget: Option<Budget>,
    pub(super) request: RequestFacts,
    pub(super) data: DataFacts,
}

/// The ball to which training and forgetting project all weights (THEORY §0).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ball<'a> {
    /// R, above 0.
    pub radius: f64,
    /// c, chosen without the records; the origin if absent.
    pub centre: Option<&'a [f32]>,
    /// The seed from which the network's own initialisation drew the centre, where it did.
    pub seed: Option<u64>,
}

/// One deletion request.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestFacts {
    /// Its number in the run, above those of all requests before.
    pub number: u64,
    /// When it was made: RFC 3339 in UTC, such as `2026-03-01T12:00:00Z`.
    pub requested_at: String,
    /// The [hashes](rescind_data::record_hash()) of the records it removes, at least one.
    pub records: Vec<Digest>,
}
