//! Training as part of a run: checkpoints are private iterates.

use super::Run;
use super::store::{StateRecord, Store};
use crate::error::Error;
use rescind_data::Selection;
use rescind_unlearn::training::TrainingSettings;
use rescind_unlearn::training::{ConvexTrainer, Trainer, TrainingProgress, TrainingState};
use rescind_unlearn::{Ball, Model, ModelDescription, Observer};

impl Run {
    /// Trains to the end on the records retained, from the start or from the last checkpoint, and
    /// says how far it has come. Nothing is done where training has ended.
    ///
    /// # Errors
    /// Interruption when the observer breaks; the next call goes on from there, with bitwise the
    /// same result. Also whatever training and writing meet.
    pub fn train(&mut self, observer: &mut dyn Observer) -> Result<&TrainingProgress, Error> {
        if self.broken {
            return Err(Error::OpenAgain);
        }
        if !self.is_trained() {
            let training = self.setup.training_on(&self.retained);
            let (record, mut state) = match self.current.take() {
                Some(current) => current,
                None => (
                    self.setup.state_record(&self.retained, 0),
                    training.start()?,
                ),
            };
            let mut kept = record.clone();
            let description = self.setup.model.description();
            let mut save = |state: &TrainingState| {
                checkpoint(&self.setup.store, description, &mut kept, state)
            };
            let done = training.run(&mut state, &mut save, observer);
            // Memory goes back to what is on disk: a step that was not saved did not happen.
            self.current = self.setup.store.read(description, None)?;
            done?;
        }
        let (_, state) = self.trained()?;
        Ok(&state.progress)
    }

    /// Makes this the current state, on disk and in memory.
    pub(crate) fn keep(
        &mut self,
        mut record: StateRecord,
        state: TrainingState,
    ) -> Result<(), Error> {
        let description = self.setup.model.description();
        let staged = self.setup.store.stage(description, &mut record, &state)?;
        self.setup.store.commit(&staged)?;
        self.current = Some((record, state));
        Ok(())
    }
}

/// The training of a model, convex or not.
#[derive(Clone, Copy)]
pub(crate) struct Training<'a> {
    pub model: &'a dyn Model,
    pub train: &'a Selection,
    pub validation: &'a Selection,
    pub settings: &'a TrainingSettings,
    pub ball: &'a Ball,
}

impl Training<'_> {
    pub fn start(&self) -> Result<TrainingState, Error> {
        Ok(match self.model.is_convex() {
            true => self.convex().start()?,
            false => self.plain().start()?,
        })
    }

    pub fn run(
        &self,
        state: &mut TrainingState,
        save: &mut dyn FnMut(&TrainingState) -> Result<(), Error>,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let mut save = |state: &TrainingState| save(state).map_err(rescind_unlearn::Error::from);
        match self.model.is_convex() {
            true => self.convex().run(state, &mut save, observer)?,
            false => self.plain().run(state, &mut save, observer)?,
        }
        Ok(())
    }

    pub fn plain(&self) -> Trainer<'_> {
        Trainer {
            model: self.model,
            train: self.train,
            validation: self.validation,
            settings: self.settings,
            ball: self.ball,
        }
    }

    fn convex(&self) -> ConvexTrainer<'_> {
        ConvexTrainer {
            model: self.model,
            train: self.train,
            validation: self.validation,
            settings: self.settings,
            ball: self.ball,
        }
    }
}

/// Writes a checkpoint in place of the one before it; what training had come to when a request was
/// answered stays.
pub(super) fn checkpoint(
    store: &Store,
    model: &ModelDescription,
    record: &mut StateRecord,
    state: &TrainingState,
) -> Result<(), Error> {
    let before = store.numbers()?;
    let staged = store.stage(model, record, state)?;
    store.commit(&staged)?;
    for before in before {
        let older = store.record(before)?;
        if older.progress.ending.is_none() && older.answered == record.answered {
            store.remove(before)?;
        }
    }
    Ok(())
}
