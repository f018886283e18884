//! What noisy fine-tuning did.

use super::schedule::FinetuneSchedule;
use crate::epoch::EpochReport;
use serde::{Deserialize, Serialize};

/// What noisy fine-tuning did. Private: the figures of its steps carry no noise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinetuneReport {
    /// The settings used, and why.
    pub schedule: FinetuneSchedule,
    /// Records that steps and recovery saw.
    pub retained: usize,
    /// Standard deviation of the noise on every parameter, at every noisy step.
    pub sigma: f64,
    /// `s/√q`: noise σ at every step hides as much as noise σ added once to something that moves
    /// by this.
    pub sensitivity: f64,
    /// ε of the release.
    pub epsilon: f64,
    /// At this δ.
    pub delta: f64,
    /// Whether the start had to be drawn towards the centre.
    pub start_projected: bool,
    /// Noisy steps whose gradient was clipped.
    pub clipped: u64,
    /// Seconds of the noisy steps.
    pub noisy_seconds: f64,
    /// Seconds of the recovery.
    pub recovery_seconds: f64,
    /// One report for each epoch of the recovery.
    pub recovery: Vec<EpochReport>,
}
