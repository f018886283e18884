//! A run on disk: configuration, records, private iterates; one process at a time, nothing lost
//! when it dies.

mod absent;
mod amend;
mod classes;
mod columns;
mod config;
mod convex;
mod create;
mod decisions;
mod discard;
mod effect;
mod evaluate;
mod files;
mod forget;
mod fork;
mod holdings;
mod import;
mod inspect;
mod iterates;
mod kept;
mod made;
mod moved;
mod named;
mod noised;
mod open;
mod outside;
mod private;
mod purge;
mod recompute;
mod reference;
mod refresh;
mod release_later;
mod resolve;
mod retraining;
mod setup;
mod sides;
mod spectrum;
mod steady;
mod store;
mod table;
mod train;
mod training;
mod vacant;

pub use amend::Amendment;
pub use config::{RunConfig, RunSettings};
pub(crate) use convex::proved_radius;
pub use decisions::{Decisions, InputDecision};
pub use evaluate::{Evaluation, Sets};
pub(crate) use files::open_manifest;
pub use holdings::{Held, HeldNow, Holdings};
pub use inspect::Summary;
pub(crate) use inspect::has_prepared;
pub(crate) use open::exposed;
pub use outside::OutsideRecords;
pub use private::PrivateModel;
pub use purge::Purged;
pub use reference::Reference;
pub use resolve::Resolved;
pub use sides::Sides;
pub use spectrum::{Spectrum, SpectrumSettings};
pub use store::StateRecord;
pub use table::WideColumn;

use crate::error::Error;
use crate::key::RunKey;
use crate::ledger::Ledger;
use crate::lock::Lock;
use crate::request::Answered;
use config::Origin;
use rescind_certificate::Declaration;
use rescind_data::{Digest, Manifest, Selection, Split, Standardisation};
use rescind_network::Execution;
use rescind_privacy::NoiseChoice;
use rescind_unlearn::methods::Public;
use rescind_unlearn::training::TrainingState;
use rescind_unlearn::{Ball, Classifier, Model, NetworkModel, Objective};
use setup::Setup;
use std::any::Any;
use std::path::Path;
use std::sync::Arc;

/// An open run: a session that answers one request after another. While it lives no other process
/// can work on the run.
///
/// What was read when it was opened is not read again: a request costs what its method does, one
/// transaction, and the files it writes. Every change on disk is atomic: a process that dies leaves
/// the last good state, and doing the same again finishes the job.
pub struct Run {
    setup: Setup,
    ledger: Ledger,
    key: RunKey,
    /// The records trained on from here.
    retained: Selection,
    current: Option<(StateRecord, TrainingState)>,
    /// A step was committed and could not be finished on disk.
    broken: bool,
    /// None where it was opened to be looked at alone.
    lock: Option<Lock>,
}

impl Run {
    /// The run's folder.
    pub fn root(&self) -> &Path {
        &self.setup.root
    }

    /// What every run has: how it trains, and where its weights stay.
    pub fn settings(&self) -> &RunSettings {
        &self.setup.settings
    }

    /// What the run of a network is; none of an outside model's.
    pub fn config(&self) -> Option<&RunConfig> {
        match &self.setup.origin {
            Origin::Config(config) => Some(config),
            Origin::Outside(_) => None,
        }
    }

    /// The identity of its records.
    pub fn manifest(&self) -> &Manifest {
        &self.setup.manifest
    }

    /// Its model.
    pub fn model(&self) -> &dyn Model {
        &*self.setup.model
    }

    /// What is written of it in `run.json`, as it was read.
    pub(crate) fn written(&self) -> (&RunSettings, Option<u64>) {
        (&self.setup.settings, self.setup.centre_seed)
    }

    /// Its model as a network over labelled records.
    ///
    /// # Errors
    /// [`Error::NotANetwork`] for an outside model.
    pub fn classifier(&self) -> Result<&Classifier, Error> {
        let any: &dyn Any = &*self.setup.model;
        any.downcast_ref().ok_or(Error::NotANetwork {
            what: "the network itself, or its records",
        })
    }

    /// Its network with these batch-norm statistics and the run's penalty, without weights.
    ///
    /// # Errors
    /// As [`classifier`](Self::classifier).
    pub fn network_model(&self, statistics: Vec<f32>) -> Result<NetworkModel<'_>, Error> {
        let penalty = self.setup.settings.training.penalty;
        Ok(self.classifier()?.model(statistics, penalty))
    }

    /// The objective of the run over selected records, with these batch-norm statistics.
    ///
    /// # Errors
    /// An empty selection, or one of other records.
    pub fn objective(
        &self,
        on: &Selection,
        statistics: &[f32],
    ) -> Result<Box<dyn Objective + '_>, Error> {
        Ok(rescind_unlearn::objective(
            &*self.setup.model,
            on,
            statistics,
            &self.setup.penalty(),
        )?)
    }

    /// Where its weights stay.
    pub fn ball(&self) -> &Ball {
        &self.setup.ball
    }

    /// What is known of a request that leaves so many records, before any of them is looked at.
    pub(crate) fn public<'a>(
        &'a self,
        noise: Option<&'a NoiseChoice>,
        retained: usize,
        forgotten: usize,
    ) -> Result<Public<'a>, Error> {
        self.setup.public(noise, retained, forgotten)
    }

    /// What promises rest on that no program can check.
    pub(crate) fn declarations(&self) -> Vec<Declaration> {
        self.setup.declarations()
    }

    /// Records trained on and held out, as split before any request.
    pub fn split(&self) -> &Split {
        &self.setup.split
    }

    /// The records trained on from here.
    pub fn retained(&self) -> &Selection {
        &self.retained
    }

    /// The private state's record: progress of training, requests answered. None before training.
    pub fn state(&self) -> Option<&StateRecord> {
        self.current.as_ref().map(|(record, _)| record)
    }

    /// What tells it from every other run ([`MadeEntry::identity`](crate::ledger::MadeEntry::identity)).
    pub fn identity(&self) -> Digest {
        self.setup.made.identity()
    }

    /// Its ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Every request answered so far, in order.
    ///
    /// # Errors
    /// A damaged database.
    pub fn answers(&self) -> Result<Vec<Answered>, Error> {
        let bodies = self.ledger.answers()?;
        bodies.iter().map(|body| self.answered(body)).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// As [`answers`](Self::answers).
    pub fn answer(&self, number: u64) -> Result<Option<Answered>, Error> {
        let body = self.ledger.answer(number)?;
        body.map(|body| self.answered(&body)).transpose()
    }

    fn answered(&self, body: &str) -> Result<Answered, Error> {
        serde_json::from_str(body).map_err(|error| Error::Damaged {
            path: self.setup.private("requests.sqlite"),
            reason: error.to_string(),
        })
    }

    /// `‖w − c‖` of the private weights.
    ///
    /// # Errors
    /// A run without weights.
    pub fn norm(&self) -> Result<f64, Error> {
        let (_, state) = self.trained()?;
        Ok(self.setup.ball.distance(&state.weights.parameters))
    }

    /// The scaling of inputs now in force, if there is any.
    pub fn scaling(&self) -> Option<&Standardisation> {
        self.setup.model.scaling()
    }

    /// Whether training has ended.
    pub fn is_trained(&self) -> bool {
        self.current
            .as_ref()
            .is_some_and(|(_, state)| state.progress.ending.is_some())
    }

    /// Computes on these threads and within this memory from now on, where the model is a network.
    pub fn set_execution(&mut self, execution: Arc<Execution>) {
        let any: &mut dyn Any = &mut *self.setup.model;
        if let Some(classifier) = any.downcast_mut::<Classifier>() {
            classifier.set_execution(execution);
        }
    }

    /// Batch-norm statistics on these records with these weights; empty without batch norm.
    ///
    /// # Errors
    /// Fewer than two records; what the model meets.
    pub fn statistics_on(&self, on: &Selection, w: &[f32]) -> Result<Vec<f32>, Error> {
        self.setup.statistics_on(on, w)
    }

    /// The current state's weights and progress.
    pub(crate) fn trained_state(&self) -> Result<&TrainingState, Error> {
        Ok(&self.trained()?.1)
    }

    /// The current state, or why there is none to work from.
    fn trained(&self) -> Result<&(StateRecord, TrainingState), Error> {
        if self.broken {
            return Err(Error::OpenAgain);
        }
        self.current.as_ref().ok_or_else(|| Error::NothingTrained {
            path: self.setup.root.clone(),
        })
    }
}
