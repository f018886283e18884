//! Training of a model, convex or not, and its checkpoints.

use super::store::{StateRecord, Store};
use crate::error::Error;
use crate::ledger::Ledger;
use rescind_data::Selection;
use rescind_unlearn::training::{ConvexTrainer, Trainer, TrainingSettings, TrainingState};
use rescind_unlearn::{Ball, Model, ModelDescription, Observer};

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
/// answered stays. In a run's own `ledger` it becomes the state in force.
pub(super) fn checkpoint(
    store: &Store,
    model: &ModelDescription,
    record: &mut StateRecord,
    state: &TrainingState,
    ledger: Option<&mut Ledger>,
) -> Result<(), Error> {
    let before = store.numbers()?;
    let staged = store.stage(model, record, state)?;
    if let Some(ledger) = ledger {
        ledger.reached(staged.digest, &state.progress)?;
    }
    store.commit(&staged)?;
    for before in before {
        let older = store.record(before)?;
        if older.progress.ending.is_none() && older.answered == record.answered {
            store.remove(before)?;
        }
    }
    Ok(())
}
