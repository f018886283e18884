//! What every method makes of the task it is given.

use super::method::Task;
use crate::error::Error;
use crate::objective::Objective;
use crate::observer::Observer;
use crate::penalty::L2Penalty;
use crate::selected::objective;
use crate::training::{Trainer, TrainingState};
use rescind_data::Selection;

impl<'a> Task<'a> {
    /// Reads the records that stay, where they have not been read: those that go may have left the
    /// source already.
    ///
    /// # Errors
    /// Records that can no longer be read.
    pub fn load(&self, observer: &mut dyn Observer) -> Result<(), Error> {
        self.model.prepare(self.retained, observer)
    }

    /// The penalty that the run trains with.
    #[must_use]
    pub fn penalty(&self) -> L2Penalty {
        L2Penalty {
            strength: self.training.penalty,
            centre: self.ball.centre().cloned(),
        }
    }

    /// The objective over some records, with these statistics.
    ///
    /// # Errors
    /// No record among them.
    pub fn objective(
        &self,
        on: &Selection,
        statistics: &[f32],
    ) -> Result<Box<dyn Objective + 'a>, Error> {
        objective(self.model, on, statistics, &self.penalty())
    }

    /// Statistics on the records that stay, with these weights.
    ///
    /// # Errors
    /// Fewer than two records; what the model meets.
    pub fn statistics(&self, w: &[f32]) -> Result<Vec<f32>, Error> {
        let (batch, seed) = (self.training.batch, self.training.seed);
        match self.model.batch_norm() {
            Some(batch_norm) => batch_norm.on(self.retained, w, batch, seed),
            None => Ok(Vec::new()),
        }
    }

    /// The state that goes on from these weights: nothing that the optimiser remembers of the
    /// records that go is left.
    ///
    /// # Errors
    /// As [`statistics`](Self::statistics).
    pub fn moved_to(&self, parameters: Vec<f32>) -> Result<TrainingState, Error> {
        let mut next = self.state.clone();
        next.weights.statistics = self.statistics(&parameters)?;
        next.weights.parameters = parameters;
        if next.progress.ending.is_none() {
            self.trainer().reset(&mut next);
        }
        Ok(next)
    }

    /// Training on the records that stay.
    #[must_use]
    pub fn trainer(&self) -> Trainer<'a> {
        Trainer {
            model: self.model,
            train: self.retained,
            validation: self.validation,
            settings: self.training,
            ball: self.ball,
        }
    }
}
