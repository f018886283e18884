//! What a release is made of.

use super::weights::PrivateWeights;
use crate::certificate::{DataFacts, MethodFacts, NoiseChoice};
use crate::ledger::Budget;
use rescind_data::Digest;
use rescind_network::Network;
use rescind_privacy::sensitivity::SensitivityBound;
use std::path::Path;

/// Computes batch-norm statistics of the given (noised) parameters on the retained records; an
/// error says in words why it cannot.
pub type RetainedStatistics<'a> = &'a mut dyn FnMut(&[f32]) -> Result<Vec<f32>, String>;

/// One release, ordered by the method that computed the weights. The caller holds the run's lock
/// and has staged the private state.
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
