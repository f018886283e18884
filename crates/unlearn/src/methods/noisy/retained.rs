//! What the steps after the first noise may see: the records that stay, and nothing else.

use crate::ball::Ball;
use crate::error::Error;
use crate::model::{Minibatches, Model};
use crate::observer::Observer;
use crate::penalty::L2Penalty;
use crate::selected::minibatches;
use crate::training::{Trainer, TrainingProgress, TrainingSettings, TrainingState};
use rescind_data::{Selection, epoch_order};
use rescind_network::{NetworkError, Weights};

/// The records that stay, with the model and how it is trained. There is no place in it for
/// weights: gradients and recovery are functions of the noised iterate and of these records, and of
/// what is public (docs/theory.md §4).
#[derive(Clone)]
pub struct Retained<'a> {
    /// The model; batch-norm statistics begin afresh.
    pub model: &'a dyn Model,
    /// The records that stay.
    pub records: &'a Selection,
    /// The ball to which the recovery projects.
    pub ball: &'a Ball,
    /// Records in a minibatch of a noisy step, at least 1 (2 with batch norm).
    pub minibatch: usize,
    /// Seed of the order of the minibatches.
    pub seed: u64,
    /// Strength of the penalty of the run's objective, part of every gradient.
    pub penalty: f64,
    /// Training after the last noisy step, without noise; it costs no ε. No record is held out: who
    /// is forgotten may be among those that would be.
    pub recovery: Option<TrainingSettings>,
}

/// Gradients of one minibatch after another, in an order that no record decides.
pub struct MinibatchGradients<'a> {
    gradients: Box<dyn Minibatches + 'a>,
    records: &'a Selection,
    size: usize,
    least: usize,
    seed: u64,
    epoch: u64,
    order: Vec<usize>,
    next: usize,
    running: Vec<f32>,
}

impl<'a> Retained<'a> {
    fn initial_statistics(&self) -> Vec<f32> {
        let batch_norm = self.model.batch_norm();
        batch_norm.map_or_else(Vec::new, |batch_norm| batch_norm.initial())
    }

    /// The gradients of the noisy steps.
    ///
    /// # Errors
    /// [`Error::Setting`] for a minibatch of no record.
    pub fn gradients(&self) -> Result<MinibatchGradients<'a>, Error> {
        let running = self.initial_statistics();
        // Batch norm has no variance over a single record.
        let least = if running.is_empty() { 1 } else { 2 };
        let size = self.minibatch.min(self.records.len());
        if size < least {
            return Err(Error::Setting {
                setting: "the minibatch of the noisy steps",
                found: size.to_string(),
                expected: "at least 1 retained record, 2 with batch norm",
            });
        }
        let penalty = L2Penalty {
            strength: self.penalty,
            centre: self.ball.centre().cloned(),
        };
        Ok(MinibatchGradients {
            gradients: minibatches(self.model, &penalty)?,
            records: self.records,
            size,
            least,
            seed: self.seed,
            epoch: 0,
            order: Vec::new(),
            next: 0,
            running,
        })
    }

    /// Trains on from these noised weights, where recovery is asked for.
    ///
    /// # Errors
    /// What training meets; [`Error::Interrupted`].
    pub fn recover(
        &self,
        parameters: Vec<f32>,
        observer: &mut dyn Observer,
    ) -> Result<(Vec<f32>, TrainingProgress), Error> {
        let mut parameters = parameters;
        let Some(settings) = &self.recovery else {
            return Ok((parameters, TrainingProgress::default()));
        };
        self.ball.project(&mut parameters);
        let nobody = Selection::none(self.model.records());
        let trainer = Trainer {
            model: self.model,
            train: self.records,
            validation: &nobody,
            settings,
            ball: self.ball,
        };
        let mut state = TrainingState {
            weights: Weights {
                parameters,
                statistics: self.initial_statistics(),
            },
            exact: None,
            moments: Vec::new(),
            best: None,
            progress: TrainingProgress::default(),
        };
        trainer.reset(&mut state);
        trainer.run(&mut state, &mut |_| Ok(()), observer)?;
        Ok((state.weights.parameters, state.progress))
    }
}

impl MinibatchGradients<'_> {
    /// Writes the gradient at `w` on the next minibatch.
    ///
    /// # Errors
    /// [`Error::Diverged`] for values that are not finite; what the model meets.
    pub fn next(&mut self, w: &[f32], gradient: &mut [f32]) -> Result<(), Error> {
        let mut left = self.order.len() - self.next;
        if left < self.least {
            self.order = epoch_order(self.records, self.seed, self.epoch);
            (self.next, left) = (0, self.order.len());
            self.epoch += 1;
        }
        let batch = &self.order[self.next..self.next + self.size.min(left)];
        self.next += batch.len();
        // In training mode gradients do not depend on the running statistics.
        self.gradients
            .gradient(w, batch, gradient, &mut self.running, 1.0)
            .map_err(|error| match error {
                Error::Network(NetworkError::NonFinite { .. }) => Error::Diverged {
                    epoch: self.epoch,
                    loss: f64::NAN,
                },
                other => other,
            })?;
        Ok(())
    }
}
