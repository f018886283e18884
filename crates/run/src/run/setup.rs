//! What of a run no request changes, but for the scaling of its inputs.

use super::config::{Origin, RunSettings};
use super::kept::KeptByRun;
use super::store::{StateRecord, Store};
use super::training::Training;
use crate::error::Error;
use crate::ledger::MadeEntry;
use crate::release::{Ball as ReleasedBall, Basis, RequestFacts, RetainedStatistics};
use crate::request::ReleaseChoice;
use rescind_certificate::{DataFacts, Declaration, Declared, InputScaling};
use rescind_data::{Digest, Manifest, Provenance, Selection, Split, Standardisation};
use rescind_privacy::NoiseChoice;
use rescind_unlearn::methods::{Kept, Memory, Public};
use rescind_unlearn::{Ball, L2Penalty, Model};
use std::path::PathBuf;
use std::sync::Arc;

/// What of a run no request changes, but for the scaling of its inputs.
pub(crate) struct Setup {
    pub root: PathBuf,
    pub origin: Origin,
    pub settings: RunSettings,
    /// BLAKE3 of `run.json`.
    pub configuration: Digest,
    pub manifest: Arc<Manifest>,
    pub model: Box<dyn Model>,
    pub ball: Ball,
    /// The seed that the centre was drawn from, where the run drew it.
    pub centre_seed: Option<u64>,
    pub split: Split,
    pub store: Store,
    /// What the run was made of.
    pub made: MadeEntry,
    /// Digest of the record of training's early checkpoint, if one was kept.
    pub early_record: Option<Digest>,
    /// What methods want to find again.
    pub memory: Memory,
}

impl Setup {
    /// `private/` and what is in it.
    pub fn private(&self, name: &str) -> PathBuf {
        self.root.join("private").join(name)
    }

    /// Where the state of training's early checkpoint is kept.
    pub fn early(&self) -> PathBuf {
        self.private("early")
    }

    /// Whether the weights depend on the records held out for validation, by the epoch at which
    /// training stopped.
    pub fn validation_chose_the_epoch(&self) -> bool {
        self.settings.training.early_stopping.is_some()
    }

    pub fn penalty(&self) -> L2Penalty {
        L2Penalty {
            strength: self.settings.training.penalty,
            centre: self.ball.centre().cloned(),
        }
    }

    /// Batch-norm statistics on these records with these weights; empty without batch norm.
    pub fn statistics_on(&self, on: &Selection, w: &[f32]) -> Result<Vec<f32>, Error> {
        let training = &self.settings.training;
        match self.model.batch_norm() {
            Some(batch_norm) => Ok(batch_norm.on(on, w, training.batch, training.seed)?),
            None => Ok(Vec::new()),
        }
    }

    /// The training of the run's model on these records.
    pub fn training_on<'a>(&'a self, retained: &'a Selection) -> Training<'a> {
        Training {
            model: &*self.model,
            train: retained,
            validation: &self.split.validation,
            settings: &self.settings.training,
            ball: &self.ball,
        }
    }

    /// The record of a state of this run that is not yet written.
    pub fn state_record(&self, retained: &Selection, answered: u64) -> StateRecord {
        StateRecord::new(retained, answered, self.model.scaling().cloned())
    }

    /// What is known of a request that leaves so many records, before any of them is looked at.
    pub fn public<'a>(
        &'a self,
        noise: Option<&'a NoiseChoice>,
        retained: usize,
        forgotten: usize,
    ) -> Result<Public<'a>, Error> {
        Ok(Public {
            model: &*self.model,
            ball: &self.ball,
            training: &self.settings.training,
            checkpoint: self.kept().checkpoint()?,
            noise,
            retained,
            forgotten,
        })
    }

    /// What the run keeps for its methods.
    pub fn kept(&self) -> KeptByRun<'_> {
        KeptByRun {
            folder: self.private("kept"),
            reference: self.private("reference"),
            early: self.early(),
            early_record: self.early_record,
            memory: &self.memory,
            run: self.made.identity(),
            training: self.training_on(&self.split.train),
            scaling: self.model.scaling().cloned(),
        }
    }

    /// What every release of the run is told.
    pub fn basis<'a>(
        &'a self,
        choice: &ReleaseChoice,
        retained: &Selection,
        request: Option<RequestFacts>,
        statistics: RetainedStatistics<'a>,
    ) -> Basis<'a> {
        let model = self.model.description();
        Basis {
            run: &self.root,
            configuration: Some(self.configuration),
            model,
            ball: ReleasedBall {
                radius: self.ball.radius(),
                centre: self.ball.centre().map(|centre| &**centre),
                seed: self.centre_seed,
            },
            noise: choice.noise,
            accept_noise: choice.accept_noise,
            insecure_noise_seed: choice.insecure_noise_seed,
            statistics: (model.statistic_count() > 0).then_some(statistics),
            budget: choice.budget,
            request,
            data: self.data_facts(retained),
            declarations: self.declarations(),
        }
    }

    /// What promises rest on that no program can check.
    pub fn declarations(&self) -> Vec<Declaration> {
        let supplied = |scaling: &Standardisation| *scaling.provenance() == Provenance::Supplied;
        let holds = [
            (
                Declared::PublicCentre,
                self.ball.centre().is_some() && self.centre_seed.is_none(),
            ),
            (
                Declared::InputScaling,
                self.model.scaling().is_some_and(supplied),
            ),
            (Declared::InputEncoding, self.encoding_given()),
            (Declared::ClassesReadFromRecords, self.classes_read()),
            (Declared::ImportedWeights, self.made.imported),
            (
                Declared::OutsideModel,
                matches!(self.origin, Origin::Outside(_)),
            ),
        ];
        let holds = holds.into_iter().filter(|(_, holds)| *holds);
        let by = &self.settings.declared_by;
        holds
            .map(|(what, _)| Declaration {
                what,
                by: by.clone(),
            })
            .collect()
    }

    /// The records, of which these stay, under the scaling now in force.
    fn data_facts(&self, retained: &Selection) -> DataFacts {
        DataFacts {
            dataset: self.manifest.dataset().to_owned(),
            manifest: self.manifest.root(),
            records: self.manifest.len() as u64,
            retained: retained.len() as u64,
            validation: self.split.validation.len() as u64,
            input_scaling: scaling(self.model.scaling(), retained),
        }
    }
}

fn scaling(scaling: Option<&Standardisation>, retained: &Selection) -> InputScaling {
    let Some(scaling) = scaling else {
        return InputScaling::None;
    };
    match scaling.provenance() {
        Provenance::None => InputScaling::None,
        Provenance::Fixed | Provenance::Supplied => InputScaling::Constants,
        Provenance::ComputedOn { selection, .. } if *selection == retained.digest() => {
            InputScaling::FromRetained
        }
        Provenance::ComputedOn { .. } => InputScaling::FromRecords,
    }
}
