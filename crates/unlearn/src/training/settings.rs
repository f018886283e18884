//! What training is asked to do.

use super::optimiser::Optimiser;
use super::schedule::Schedule;
use crate::error::Error;
use crate::setting::require;
use serde::{Deserialize, Serialize};

/// How to train. Retraining without some records uses the same settings (docs/theory.md §0).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingSettings {
    /// How gradients become steps.
    pub optimiser: Optimiser,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// Most passes over the records, at least 1.
    pub epochs: u64,
    /// Records in a minibatch, at least 1. The last of an epoch may be smaller.
    pub batch: usize,
    /// Strength μ ≥ 0 of the L2 penalty `(μ/2)‖w − c‖²`.
    pub penalty: f64,
    /// Share of the records held out for validation, in [0, 1); they are never trained on.
    pub validation: f64,
    /// Stop after this many epochs (at least 1) without a lower validation loss, and go back to
    /// the best; needs validation records.
    pub early_stopping: Option<u64>,
    /// Stop once the full gradient's norm is at most this G > 0 (checked after every epoch, in
    /// double precision). A convex model's training ends nowhere else, so that G is proved for the
    /// reference too (docs/theory.md §3); a network's also ends after its last epoch.
    pub until_gradient: Option<f64>,
    /// Epochs between checkpoints, at least 1.
    pub checkpoint_every: u64,
    /// Keep, in private and for good, the state that training had after this many epochs (at least
    /// 1, fewer than `epochs`), for methods that go back to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_checkpoint: Option<u64>,
    /// Momentum of batch norm's running statistics, in (0, 1]; without effect on other networks.
    pub statistics_momentum: f64,
    /// Seed of the starting weights, the validation split and the order of the records.
    pub seed: u64,
}

impl Default for TrainingSettings {
    /// Adam at 1e-3, 30 epochs of minibatches of 128, no penalty, everything trained on,
    /// a checkpoint after every epoch, seed 42.
    fn default() -> Self {
        TrainingSettings {
            optimiser: Optimiser::adam(1e-3),
            schedule: Schedule::Constant,
            epochs: 30,
            batch: 128,
            penalty: 0.0,
            validation: 0.0,
            early_stopping: None,
            until_gradient: None,
            checkpoint_every: 1,
            early_checkpoint: None,
            statistics_momentum: 0.1,
            seed: 42,
        }
    }
}

impl TrainingSettings {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::Setting`] names the first that is out of range.
    pub fn validate(&self) -> Result<(), Error> {
        let count = |name, value: u64| require(value > 0, name, value as f64, "at least 1");
        count("the number of epochs", self.epochs)?;
        count("the minibatch size", self.batch as u64)?;
        count("checkpoint_every", self.checkpoint_every)?;
        if let Some(epoch) = self.early_checkpoint {
            let (name, expected) = ("early_checkpoint", "at least 1, fewer than all epochs");
            require(
                (1..self.epochs).contains(&epoch),
                name,
                epoch as f64,
                expected,
            )?;
        }
        self.optimiser.validate()?;
        self.schedule.validate(self.epochs)?;
        let finite = |x: f64| x >= 0.0 && x.is_finite();
        require(
            finite(self.penalty),
            "the penalty",
            self.penalty,
            "finite, at least 0",
        )?;
        let share = (0.0..1.0).contains(&self.validation);
        require(
            share,
            "the validation share",
            self.validation,
            "at least 0 and below 1",
        )?;
        let momentum = self.statistics_momentum;
        let valid = momentum > 0.0 && momentum <= 1.0;
        require(
            valid,
            "the statistics' momentum",
            momentum,
            "above 0, at most 1",
        )?;
        if let Some(patience) = self.early_stopping {
            count("the patience of early stopping", patience)?;
            let expected = "above 0 where early stopping is asked for";
            require(
                self.validation > 0.0,
                "the validation share",
                self.validation,
                expected,
            )?;
        }
        if let Some(gradient) = self.until_gradient {
            let valid = gradient > 0.0 && gradient.is_finite();
            require(valid, "until_gradient", gradient, "a finite number above 0")?;
        }
        Ok(())
    }
}
