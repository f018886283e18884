//! The seam to whatever noises, certifies and records.

use super::RequestRecord;
use crate::Error;
use crate::training::Ball;
use rescind_data::{Digest, Manifest, Selection, Standardisation};
use rescind_network::Network;
use rescind_privacy::sensitivity::SensitivityBound;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// How much noise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum NoiseChoice {
    /// This σ; what it promises at δ is computed.
    Sigma {
        /// σ.
        sigma: f64,
        /// δ.
        delta: f64,
    },
    /// The least σ that keeps this promise.
    Promise {
        /// ε.
        epsilon: f64,
        /// δ.
        delta: f64,
        /// Release even if the noise destroys the model.
        accept_noise: bool,
    },
}

/// How to release.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseChoice {
    /// How much noise.
    pub noise: NoiseChoice,
    /// A seed for the noise, for experiments alone: whoever knows it can take the noise off.
    pub insecure_noise_seed: Option<u64>,
}

/// All that a release is made of.
pub struct ReleaseOrder<'a> {
    /// The run's folder.
    pub run: &'a Path,
    /// BLAKE3 of the staged private state: what is committed names it.
    pub state: Digest,
    /// The network.
    pub network: &'a Network,
    /// The private weights, inside the ball.
    pub weights: Vec<f32>,
    /// The ball.
    pub ball: &'a Ball,
    /// Bounds on the distance to what retraining gives.
    pub candidates: Vec<SensitivityBound>,
    /// How to release.
    pub choice: ReleaseChoice,
    /// Batch-norm statistics of noised weights on the retained records; absent without batch norm.
    #[allow(clippy::type_complexity)]
    pub statistics: Option<&'a mut dyn FnMut(&[f32]) -> Result<Vec<f32>, Error>>,
    /// What was done.
    pub record: &'a RequestRecord,
    /// Hashes of the records forgotten.
    pub forgotten: Vec<Digest>,
    /// The identity of all records.
    pub manifest: &'a Manifest,
    /// The records that stay.
    pub retained: &'a Selection,
    /// The scaling of inputs, computed on the retained records if on any.
    pub scaling: &'a Standardisation,
    /// Records held out for validation.
    pub validation_records: usize,
    /// Whether a choice of epoch rested on them.
    pub early_stopping: bool,
}

/// What came out of a release.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Released {
    /// Its folder.
    pub folder: PathBuf,
}

/// What turns private weights into a release and keeps the books.
pub trait Releaser: Send {
    /// Noises, certifies and commits. Once this returns the request counts, together with the
    /// private state named in the order.
    ///
    /// # Errors
    /// A refusal, or whatever writing meets.
    fn release(&mut self, order: ReleaseOrder<'_>) -> Result<Released, Error>;

    /// Commits a request that is not released.
    ///
    /// # Errors
    /// Whatever writing meets.
    fn record(&mut self, run: &Path, state: Digest, request: &RequestRecord) -> Result<(), Error>;

    /// Finishes or undoes what a crash left of a release, and returns the private state that the
    /// newest commit names.
    ///
    /// # Errors
    /// Whatever reading and writing meet.
    fn recover(&mut self, run: &Path) -> Result<Option<Digest>, Error>;
}

/// Keeps no books: the private state alone says what was answered.
pub(crate) struct Unreleased;

impl Releaser for Unreleased {
    fn release(&mut self, _: ReleaseOrder<'_>) -> Result<Released, Error> {
        Err(Error::Release(
            "this run was opened without a way to release".into(),
        ))
    }

    fn record(&mut self, _: &Path, _: Digest, _: &RequestRecord) -> Result<(), Error> {
        Ok(())
    }

    fn recover(&mut self, _: &Path) -> Result<Option<Digest>, Error> {
        Ok(None)
    }
}
