//! Retraining on the records that stay: the reference every other method is measured by.

use super::Run;
use super::store::{StateRecord, Store};
use super::training::checkpoint;
use crate::Error;
use crate::observer::Observer;
use crate::training::TrainingState;
use rescind_data::Selection;
use serde::{Deserialize, Serialize};

/// A retrained model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// Records it was trained on.
    pub retained: usize,
    /// Seconds its training took.
    pub seconds: f64,
}

impl Run {
    /// Trains afresh on the records now retained, as if the forgotten ones had never been there,
    /// and keeps the result in `private/` for comparison. A retraining that was broken off goes on
    /// where it stood; one that is done is not done again.
    ///
    /// # Errors
    /// As [`train`](Self::train).
    pub fn retrain(&mut self, observer: &mut dyn Observer) -> Result<Reference, Error> {
        let (record, _) = self.trained()?;
        let retained = record.retained.clone();
        let state = self.retrained(&retained, observer)?;
        Ok(Reference {
            retained: retained.len(),
            seconds: state.progress.seconds,
        })
    }

    /// The retrained state for these records, trained now if it is not there.
    pub(crate) fn retrained(
        &self,
        retained: &Selection,
        observer: &mut dyn Observer,
    ) -> Result<TrainingState, Error> {
        let store = self.reference_store()?;
        store.sweep()?;
        let (mut record, mut state) = match self.reference(retained)? {
            Some((_, state)) if state.progress.ending.is_some() => return Ok(state),
            Some(begun) => begun,
            None => {
                for number in store.numbers()? {
                    store.remove(number)?;
                }
                let scaling = self.records.scaling.clone();
                let record = StateRecord::new(retained.clone(), Vec::new(), scaling);
                let state = match self.config.parameterisation.is_convex() {
                    true => self.convex_trainer(retained).start()?,
                    false => self.trainer(retained).start()?,
                };
                (record, state)
            }
        };
        let mut save =
            |state: &TrainingState| checkpoint(&store, &self.network, &mut record, state);
        match self.config.parameterisation.is_convex() {
            true => self
                .convex_trainer(retained)
                .run(&mut state, &mut save, observer)?,
            false => self
                .trainer(retained)
                .run(&mut state, &mut save, observer)?,
        }
        Ok(state)
    }

    /// The retraining of these records as far as it has come.
    pub(super) fn reference(
        &self,
        retained: &Selection,
    ) -> Result<Option<(StateRecord, TrainingState)>, Error> {
        let found = self.reference_store()?.read(&self.network, None)?;
        Ok(found.filter(|(record, _)| record.retained == *retained))
    }

    fn reference_store(&self) -> Result<Store, Error> {
        Store::open(self.private("reference"))
    }
}
