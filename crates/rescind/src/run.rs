//! A run on disk: configuration, records, private iterates; one process at a time, nothing lost
//! when it dies.

mod config;
mod convex;
mod create;
mod disk;
mod evaluate;
#[doc(hidden)]
pub mod fault;
mod fork;
mod lock;
mod private;
mod recompute;
mod records;
mod reference;
mod sides;
mod spectrum;
mod store;
mod training;

pub use config::{ModelChoice, Parameterisation, RunConfig, Scaling};
pub use create::Summary;
pub use evaluate::{Evaluation, Sets};
pub use private::PrivateModel;
pub use reference::Reference;
pub use sides::Sides;
pub use spectrum::{Spectrum, SpectrumSettings};
pub use store::StateRecord;

pub(crate) use disk::{Access, io_error, read, replace};

/// Makes a folder that only the owner enters.
pub(crate) fn private_folder(path: &Path) -> Result<(), Error> {
    Ok(disk::folder(path, Access::Private)?)
}
pub(crate) use store::Staged;

use crate::training::{Ball, TrainingState};
use crate::{Error, Features, NetworkModel};
use lock::Lock;
use records::Records;
use rescind_data::{Manifest, Selection, Split, Standardisation};
use rescind_network::{Execution, Network};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::Store;

/// An open run. While it lives no other process can work on it.
///
/// Every change on disk is atomic: a process that dies leaves the last good state, and doing the
/// same again finishes the job.
pub struct Run {
    pub(crate) root: PathBuf,
    pub(crate) config: RunConfig,
    pub(crate) manifest: Manifest,
    pub(crate) network: Network,
    pub(crate) ball: Ball,
    pub(crate) split: Split,
    pub(crate) records: Records,
    /// The records as the last layer sees them, of a convex head.
    pub(crate) features: Option<Features>,
    pub(crate) execution: Arc<Execution>,
    pub(crate) store: Store,
    pub(crate) current: Option<(StateRecord, TrainingState)>,
    /// A step was committed and could not be finished on disk.
    pub(crate) broken: bool,
    _lock: Lock,
}

impl Run {
    /// The run's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What the run is.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// The identity of its records.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Where its weights stay.
    pub fn ball(&self) -> &Ball {
        &self.ball
    }

    /// Records trained on and held out, as split before any request.
    pub fn split(&self) -> &Split {
        &self.split
    }

    /// The records trained on from here.
    pub fn retained(&self) -> &Selection {
        self.current
            .as_ref()
            .map_or(&self.split.train, |(record, _)| &record.retained)
    }

    /// The private state's record: progress of training, requests answered. None before training.
    pub fn state(&self) -> Option<&StateRecord> {
        self.current.as_ref().map(|(record, _)| record)
    }

    /// `‖w − c‖` of the private weights.
    ///
    /// # Errors
    /// A run without weights.
    pub fn norm(&self) -> Result<f64, Error> {
        let (_, state) = self.trained()?;
        Ok(self.ball.distance(&state.weights.parameters))
    }

    /// The scaling of inputs now in force.
    pub fn scaling(&self) -> &Standardisation {
        &self.records.scaling
    }

    /// Whether training has ended.
    pub fn is_trained(&self) -> bool {
        self.current
            .as_ref()
            .is_some_and(|(_, state)| state.progress.ending.is_some())
    }

    /// Computes on these threads and within this memory from now on.
    pub fn set_execution(&mut self, execution: Arc<Execution>) {
        self.execution = execution;
    }

    /// The run's model with these batch-norm statistics, without weights.
    pub fn model(&self, statistics: Vec<f32>) -> NetworkModel<'_> {
        NetworkModel {
            network: &self.network,
            penalty: self.config.training.penalty,
            centre: self.ball.centre().cloned(),
            statistics,
            linearised: self.config.parameterisation == Parameterisation::Tangent,
            execution: Arc::clone(&self.execution),
        }
    }

    /// The current state, or why there is none to work from.
    pub(crate) fn trained(&self) -> Result<&(StateRecord, TrainingState), Error> {
        if self.broken {
            return Err(Error::OpenAgain);
        }
        self.current.as_ref().ok_or_else(|| Error::NothingTrained {
            path: self.root.clone(),
        })
    }

    /// `private/` and what is in it.
    pub(crate) fn private(&self, name: &str) -> PathBuf {
        self.root.join("private").join(name)
    }
}
