//! A release that was made, and the moments of making one.

use super::error::ReleaseError;
use super::weights::ReleasedWeights;
use crate::disk;
use crate::ledger::release_folder;
use crate::tensors;
use rescind_certificate::Certificate;
use rescind_network::Weights;
use rescind_unlearn::ModelDescription;
use std::path::{Path, PathBuf};

/// A release that is on disk and in the ledger.
#[derive(Debug)]
pub struct Released {
    /// Its folder, `releases/NNNNNN`.
    pub folder: PathBuf,
    /// What was released.
    pub weights: ReleasedWeights,
    /// What is promised.
    pub certificate: Certificate,
}

impl Released {
    /// A release that was made before, read again.
    pub(crate) fn reopened(
        run: &Path,
        model: &ModelDescription,
        certificate: Certificate,
    ) -> Result<Self, ReleaseError> {
        let folder = release_folder(run, certificate.release);
        let bytes = disk::read(&folder.join("weights.safetensors"))?;
        let read: Weights<f32> = tensors::from_bytes(model, &bytes)?;
        Ok(Self {
            folder,
            weights: ReleasedWeights::new(read.parameters, read.statistics),
            certificate,
        })
    }
}

/// Moments of a release between which a crash must leave nothing half done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Decided,
    Noised,
    Staged,
    Committed,
    Published,
}
