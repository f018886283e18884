//! Retraining on the records that stay: the reference every other method is measured by.

use super::Run;
use super::retraining::retrained;
use super::store::Store;
use crate::error::Error;
use rescind_data::Selection;
use rescind_unlearn::Observer;
use rescind_unlearn::training::TrainingState;
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
        self.trained()?;
        let state = self.retrained(&self.retained, observer)?;
        Ok(Reference {
            retained: self.retained.len(),
            seconds: state.progress.seconds,
        })
    }

    /// The retrained state for these records, trained now if it is not there.
    pub(crate) fn retrained(
        &self,
        retained: &Selection,
        observer: &mut dyn Observer,
    ) -> Result<TrainingState, Error> {
        // What was done already needs no model.
        let there = self.reference(retained)?;
        if let Some(done) = there.filter(|state| state.progress.ending.is_some()) {
            return Ok(done);
        }
        self.model_is_here()?;
        let folder = self.setup.private("reference");
        retrained(
            Store::open(folder, self.setup.made.identity())?,
            self.setup.training_on(retained),
            self.setup.state_record(retained, 0),
            observer,
        )
    }

    /// The retraining of these records as far as it has come.
    pub(super) fn reference(&self, retained: &Selection) -> Result<Option<TrainingState>, Error> {
        let folder = self.setup.private("reference");
        if !folder.is_dir() {
            return Ok(None);
        }
        let store = Store::at(folder, Some(self.setup.made.identity()));
        let found = store.read(self.setup.model.description(), None)?;
        let same = found.filter(|(record, _)| record.retained == retained.digest());
        Ok(same.map(|(_, state)| state))
    }
}
