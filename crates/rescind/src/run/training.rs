//! Training as part of a run: checkpoints are private iterates.

use super::Run;
use super::store::{StateRecord, Store};
use crate::Error;
use crate::observer::Observer;
use crate::training::{ConvexTrainer, Trainer, TrainingProgress, TrainingState};
use rescind_data::Selection;
use rescind_network::Network;

impl Run {
    /// Trains to the end on the records retained, from the start or from the last checkpoint, and
    /// says how far it has come. Nothing is done where training has ended.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when the observer breaks; the next call goes on from there, with
    /// bitwise the same result. Also whatever training and writing meet.
    pub fn train(&mut self, observer: &mut dyn Observer) -> Result<&TrainingProgress, Error> {
        if self.broken {
            return Err(Error::OpenAgain);
        }
        if !self.is_trained() && self.config.parameterisation.is_convex() {
            self.descend(observer)?;
        } else if !self.is_trained() {
            let (record, mut state) = match self.current.take() {
                Some(current) => current,
                None => {
                    let retained = self.split.train.clone();
                    let scaling = self.records.scaling.clone();
                    let state = self.trainer(&retained).start()?;
                    (StateRecord::new(retained, Vec::new(), scaling), state)
                }
            };
            let mut kept = record.clone();
            let trainer = self.trainer(&record.retained);
            let mut save =
                |state: &TrainingState| checkpoint(&self.store, &self.network, &mut kept, state);
            let done = trainer.run(&mut state, &mut save, observer);
            // Memory goes back to what is on disk: a step that was not saved did not happen.
            self.current = self.store.read(&self.network, None)?;
            done?;
        }
        let (_, state) = self.trained()?;
        Ok(&state.progress)
    }

    /// The training of a convex model.
    fn descend(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        let (record, mut state) = match self.current.take() {
            Some(current) => current,
            None => {
                let retained = self.split.train.clone();
                let scaling = self.records.scaling.clone();
                let state = self.convex_trainer(&retained).start()?;
                (StateRecord::new(retained, Vec::new(), scaling), state)
            }
        };
        let mut kept = record.clone();
        let trainer = self.convex_trainer(&record.retained);
        let mut save =
            |state: &TrainingState| checkpoint(&self.store, &self.network, &mut kept, state);
        let done = trainer.run(&mut state, &mut save, observer);
        self.current = self.store.read(&self.network, None)?;
        done
    }

    /// The training of this run's convex model on these records.
    pub(crate) fn convex_trainer<'a>(&'a self, retained: &'a Selection) -> ConvexTrainer<'a> {
        ConvexTrainer {
            model: self.model(Vec::new()),
            dataset: &self.records.train,
            train: retained,
            validation: &self.split.validation,
            settings: &self.config.training,
            ball: &self.ball,
            features: self.features.as_ref(),
        }
    }

    /// The training of this run on these records.
    pub(crate) fn trainer<'a>(&'a self, retained: &'a Selection) -> Trainer<'a> {
        Trainer {
            model: self.model(self.network.initial_statistics()),
            dataset: &self.records.train,
            train: retained,
            validation: &self.split.validation,
            settings: &self.config.training,
            ball: &self.ball,
        }
    }

    /// Makes this the current state, on disk and in memory.
    pub(crate) fn keep(
        &mut self,
        mut record: StateRecord,
        state: TrainingState,
    ) -> Result<(), Error> {
        let staged = self.store.stage(&self.network, &mut record, &state)?;
        self.store.commit(&staged)?;
        self.current = Some((record, state));
        Ok(())
    }
}

/// Writes a checkpoint in place of the one before it; what training had come to when a request was
/// answered stays.
pub(super) fn checkpoint(
    store: &Store,
    network: &Network,
    record: &mut StateRecord,
    state: &TrainingState,
) -> Result<(), Error> {
    let before = store.numbers()?;
    let staged = store.stage(network, record, state)?;
    store.commit(&staged)?;
    for before in before {
        let older = store.record(before)?;
        if older.progress.ending.is_none() && older.requests.len() == record.requests.len() {
            store.remove(before)?;
        }
    }
    Ok(())
}
