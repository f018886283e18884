//! What the steps after the first noise may see: the records that stay, and nothing else.

use crate::observer::Observer;
use crate::training::{Ball, Trainer, TrainingProgress, TrainingSettings, TrainingState};
use crate::{Error, NetworkModel};
use rescind_data::{Dataset, Selection, epoch_order};
use rescind_network::{Batch, Evaluator, NetworkError, Weights};

/// The records that stay, with the network and how it is trained. There is no place in it for
/// weights: gradients and recovery are functions of the noised iterate and of these records, and of
/// what is public (THEORY §4).
#[derive(Clone)]
pub struct Retained<'a> {
    /// The network; batch-norm statistics begin afresh, whatever it holds.
    pub model: NetworkModel<'a>,
    /// All records, as the network is to see them.
    pub dataset: &'a Dataset,
    /// Those that stay.
    pub records: &'a Selection,
    /// The ball to which the recovery projects.
    pub ball: &'a Ball,
    /// Records in a minibatch of a noisy step, at least 1 (2 with batch norm).
    pub minibatch: usize,
    /// Seed of the order of the minibatches.
    pub seed: u64,
    /// The penalty of the run's objective, part of every gradient.
    pub penalty: f64,
    /// Training after the last noisy step, without noise; it costs no ε. No record is held out: who
    /// is forgotten may be among those that would be.
    pub recovery: Option<TrainingSettings>,
}

/// Gradients of one minibatch after another, in an order that no record decides.
pub(super) struct Minibatches<'a> {
    evaluator: Evaluator<'a, f32>,
    dataset: &'a Dataset,
    records: &'a Selection,
    size: usize,
    least: usize,
    seed: u64,
    epoch: u64,
    order: Vec<usize>,
    next: usize,
    inputs: Vec<f32>,
    labels: Vec<u32>,
    running: Vec<f32>,
}

impl<'a> Retained<'a> {
    pub(super) fn minibatches(&self) -> Result<Minibatches<'a>, Error> {
        let running = self.model.network.initial_statistics();
        let mut model = self.model.clone();
        model.penalty = self.penalty;
        model.statistics.clone_from(&running);
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
        Ok(Minibatches {
            evaluator: model.evaluator()?,
            dataset: self.dataset,
            records: self.records,
            size,
            least,
            seed: self.seed,
            epoch: 0,
            order: Vec::new(),
            next: 0,
            inputs: Vec::new(),
            labels: Vec::new(),
            running,
        })
    }

    /// Trains on from these noised weights, where recovery is asked for.
    pub(super) fn recover(
        &self,
        parameters: Vec<f32>,
        observer: &mut dyn Observer,
    ) -> Result<(Vec<f32>, TrainingProgress), Error> {
        let mut parameters = parameters;
        let Some(settings) = &self.recovery else {
            return Ok((parameters, TrainingProgress::default()));
        };
        self.ball.project(&mut parameters);
        let statistics = self.model.network.initial_statistics();
        let mut model = self.model.clone();
        model.statistics.clone_from(&statistics);
        let nobody = Selection::none(self.dataset.len());
        let trainer = Trainer {
            model,
            dataset: self.dataset,
            train: self.records,
            validation: &nobody,
            settings,
            ball: self.ball,
        };
        let mut state = TrainingState {
            weights: Weights {
                parameters,
                statistics,
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

impl Minibatches<'_> {
    /// Writes the gradient at `w` on the next minibatch.
    pub(super) fn gradient(&mut self, w: &[f32], gradient: &mut [f32]) -> Result<(), Error> {
        let mut left = self.order.len() - self.next;
        if left < self.least {
            self.order = epoch_order(self.records, self.seed, self.epoch);
            (self.next, left) = (0, self.order.len());
            self.epoch += 1;
        }
        let batch = &self.order[self.next..self.next + self.size.min(left)];
        self.next += batch.len();
        self.dataset
            .copy_batch(batch, &mut self.inputs, &mut self.labels)?;
        let batch = Batch::classes(&self.inputs, &self.labels);
        // In training mode gradients do not depend on the running statistics.
        self.evaluator
            .training_gradient(w, batch, gradient, &mut self.running, 1.0)
            .map_err(|error| match error {
                NetworkError::NonFinite { .. } => Error::Diverged {
                    epoch: self.epoch,
                    loss: f64::NAN,
                },
                other => other.into(),
            })?;
        Ok(())
    }
}
