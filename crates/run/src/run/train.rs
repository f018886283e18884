//! Training as part of a run: checkpoints are private iterates.

use super::Run;
use super::store::{StateRecord, Store};
use super::training::checkpoint;
use crate::error::Error;
use rescind_unlearn::Observer;
use rescind_unlearn::training::{TrainingProgress, TrainingState};

impl Run {
    /// Trains to the end on the records retained, from the start or from the last checkpoint, and
    /// says how far it has come. Nothing is done where training has ended.
    ///
    /// # Errors
    /// Interruption when the observer breaks; the next call goes on from there, with bitwise the
    /// same result. Also whatever training and writing meet.
    pub fn train(&mut self, observer: &mut dyn Observer) -> Result<&TrainingProgress, Error> {
        let trained = self.train_to_end(observer);
        trained.map_err(|error| self.blamed(error))?;
        let (_, state) = self.trained()?;
        Ok(&state.progress)
    }

    fn train_to_end(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        if self.broken {
            return Err(Error::OpenAgain);
        }
        if !self.is_trained() {
            self.model_is_here()?;
            self.setup.model.prepare(&self.retained, observer)?;
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
            let early = self.setup.settings.training.early_checkpoint;
            let mut save = |state: &TrainingState| {
                let progress = &state.progress;
                // Only of a training that no request has met: else it is nobody's retraining.
                if early == Some(progress.epoch) && progress.step == 0 && kept.answered == 0 {
                    let early = Store::open(self.setup.early(), self.setup.made.identity())?;
                    let mut record = kept.clone();
                    checkpoint(&early, description, &mut record, state, None)?;
                    self.ledger.set_early(early.digest_of(record.number)?)?;
                }
                let (store, ledger) = (&self.setup.store, &mut self.ledger);
                checkpoint(store, description, &mut kept, state, Some(ledger))
            };
            let done = training.run(&mut state, &mut save, observer);
            // Memory goes back to what is on disk: a step that was not saved did not happen.
            self.current = self.setup.store.read(description, None)?;
            self.setup.early_record = self.ledger.early()?;
            done?;
        }
        Ok(())
    }

    /// Makes this the current state, on disk and in memory.
    pub(crate) fn keep(
        &mut self,
        mut record: StateRecord,
        state: TrainingState,
    ) -> Result<(), Error> {
        let description = self.setup.model.description();
        let staged = self.setup.store.stage(description, &mut record, &state)?;
        self.ledger.reached(staged.digest, &state.progress)?;
        self.setup.store.commit(&staged)?;
        self.current = Some((record, state));
        Ok(())
    }
}
