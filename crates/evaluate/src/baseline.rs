//! Methods of the literature to compare with. None of them has a guarantee: what they leave of the
//! forgotten records is whatever a measurement finds.

mod ascent;
mod checkpoint;
mod dampening;
mod fine_tuning;
mod fisher;
mod random_labels;
mod rewind;
mod scrub;
mod sensitivity;
mod task;

pub use task::BaselineTask;

use task::require;

use rescind::training::TrainingState;
use rescind::{Error, ModelError, Observer};
use rescind_network::Weights;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A method without a guarantee. Unless it says otherwise it takes optimiser, minibatches and
/// penalty from the original training, starts with fresh moments and stays within the ball.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Baseline {
    /// Nothing: the original model.
    Original {},
    /// Training on with the retained records alone, and hoping for catastrophic forgetting.
    FineTuning {
        /// Epochs, at least 1.
        epochs: u64,
    },
    /// Training from weights that somebody published, with the retained records alone, as the original
    /// would be trained from them. It forgets exactly if no forgotten record went into those weights.
    RetrainFromCheckpoint {
        /// The weights: `safetensors`, or a file that `torch.save` made.
        weights: PathBuf,
        /// Epochs, at least 1.
        epochs: u64,
    },
    /// Going back to the weights that training had after an epoch, and on from there, to training's last
    /// epoch, with the retained records alone ("rewind-to-delete": Mu & Klabjan 2024). The forgotten
    /// records acted on the weights until then.
    RewindToDelete {
        /// The epoch gone back to, below training's own.
        epoch: u64,
    },
    /// Gradient ascent on the loss of the forgotten records, by plain steps without penalty
    /// ("NegGrad": Golatkar, Achille & Soatto 2020).
    GradientAscent {
        /// Epochs over the forgotten records, at least 1.
        epochs: u64,
        /// Learning rate, above 0.
        learning_rate: f64,
    },
    /// Training on with all records, the forgotten ones under wrong labels drawn at random
    /// (Golatkar, Achille & Soatto 2020).
    RandomLabels {
        /// Epochs over all records, at least 1.
        epochs: u64,
    },
    /// Normal noise of standard deviation `α F^(−1/4)` on every weight, F being the diagonal of
    /// the Fisher information on the retained records (Golatkar, Achille & Soatto 2020, "Fisher
    /// forgetting").
    Fisher {
        /// α, above 0.
        alpha: f64,
        /// Retained records over which F is taken, at least 1.
        records: usize,
    },
    /// Away from the original model on the forgotten records, towards it and the labels on the
    /// retained ones (SCRUB: Kurmanji, Triantafillou, Hayes & Triantafillou 2023). Distillation is
    /// at temperature 1.
    Scrub {
        /// Epochs over the retained records, at least 1.
        epochs: u64,
        /// How many of them an epoch over the forgotten ones precedes.
        max_epochs: u64,
        /// Weight α of the divergence from the original model, at least 0.
        alpha: f64,
        /// Weight γ of the labels' cross-entropy, at least 0, above 0 if α is not.
        gamma: f64,
        /// Adam's learning rate, above 0.
        learning_rate: f64,
    },
    /// Selective synaptic dampening (Foster, Schoepf & Brintrup 2024): weights that matter more
    /// than α times as much to the forgotten records as to all are multiplied by λ times the
    /// inverse of that ratio, at most 1. No training.
    Dampening {
        /// α, above 0.
        alpha: f64,
        /// λ, above 0.
        lambda: f64,
        /// Most records over which either importance is taken, at least 1.
        records: usize,
    },
}

impl Baseline {
    /// The method's name, as in configurations and tables.
    pub fn name(&self) -> &'static str {
        match self {
            Baseline::Original {} => "original",
            Baseline::FineTuning { .. } => "fine-tuning",
            Baseline::RetrainFromCheckpoint { .. } => "retrain-from-checkpoint",
            Baseline::RewindToDelete { .. } => "rewind-to-delete",
            Baseline::GradientAscent { .. } => "gradient-ascent",
            Baseline::RandomLabels { .. } => "random-labels",
            Baseline::Fisher { .. } => "fisher",
            Baseline::Scrub { .. } => "scrub",
            Baseline::Dampening { .. } => "dampening",
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`rescind::ModelError::Setting`] names the first that is out of range.
    pub fn validate(&self) -> Result<(), Error> {
        let positive = |setting, value: f64| {
            let valid = value > 0.0 && value.is_finite();
            require(valid, setting, value, "a finite number above 0")
        };
        let some = |setting, value: u64| require(value > 0, setting, value as f64, "at least 1");
        match *self {
            Baseline::Original {} | Baseline::RewindToDelete { .. } => Ok(()),
            Baseline::FineTuning { epochs }
            | Baseline::RandomLabels { epochs }
            | Baseline::RetrainFromCheckpoint { epochs, .. } => {
                some("the baseline's epochs", epochs)
            }
            Baseline::GradientAscent {
                epochs,
                learning_rate,
            } => {
                some("the baseline's epochs", epochs)?;
                positive("the ascent's learning rate", learning_rate)
            }
            Baseline::Fisher { alpha, records } => {
                positive("Fisher forgetting's alpha", alpha)?;
                some("Fisher forgetting's records", records as u64)
            }
            Baseline::Scrub {
                epochs,
                alpha,
                gamma,
                learning_rate,
                ..
            } => {
                some("the baseline's epochs", epochs)?;
                let weight = |w: f64| w >= 0.0 && w.is_finite();
                let expected = "finite, at least 0, and above 0 together with gamma";
                let valid = weight(alpha) && weight(gamma) && alpha + gamma > 0.0;
                require(valid, "SCRUB's alpha", alpha, expected)?;
                positive("SCRUB's learning rate", learning_rate)
            }
            Baseline::Dampening {
                alpha,
                lambda,
                records,
            } => {
                positive("the dampening's alpha", alpha)?;
                positive("the dampening's lambda", lambda)?;
                some("the dampening's records", records as u64)
            }
        }
    }

    /// What the method keeps of the original training, before anybody asks to be forgotten: to be given
    /// to [`forget`](Self::forget). Making it again here is no part of the method's cost.
    ///
    /// # Errors
    /// A setting out of range, what training meets.
    pub fn kept(
        &self,
        task: &BaselineTask<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Option<TrainingState>, Error> {
        match *self {
            Baseline::RewindToDelete { epoch } => rewind::kept(task, epoch, observer).map(Some),
            _ => Ok(None),
        }
    }

    /// Makes the model forget, or so it hopes. The result is un-noised: private.
    ///
    /// # Errors
    /// A setting out of range, weights that are not finite or not those of the network,
    /// [`rescind::ModelError::Interrupted`].
    pub fn forget(
        &self,
        task: &BaselineTask<'_>,
        kept: Option<TrainingState>,
        observer: &mut dyn Observer,
    ) -> Result<Weights<f32>, Error> {
        self.validate()?;
        if task.retained.is_empty() || task.forgotten.is_empty() {
            return Err(ModelError::NoRecords.into());
        }
        match *self {
            Baseline::Original {} => Ok(task.weights.clone()),
            Baseline::FineTuning { epochs } => fine_tuning::fine_tune(task, epochs, observer),
            Baseline::RetrainFromCheckpoint {
                ref weights,
                epochs,
            } => checkpoint::train(task, weights, epochs, observer),
            Baseline::RewindToDelete { epoch } => {
                let kept = match kept {
                    Some(kept) => kept,
                    None => rewind::kept(task, epoch, observer)?,
                };
                rewind::go_on(task, kept, observer)
            }
            Baseline::GradientAscent {
                epochs,
                learning_rate,
            } => ascent::ascend(task, epochs, learning_rate, observer),
            Baseline::RandomLabels { epochs } => random_labels::train(task, epochs, observer),
            Baseline::Fisher { alpha, records } => fisher::forget(task, alpha, records, observer),
            Baseline::Scrub {
                epochs,
                max_epochs,
                alpha,
                gamma,
                learning_rate,
            } => {
                let settings = scrub::Settings {
                    epochs,
                    max_epochs,
                    alpha,
                    gamma,
                    learning_rate,
                };
                scrub::scrub(task, settings, observer)
            }
            Baseline::Dampening {
                alpha,
                lambda,
                records,
            } => dampening::dampen(task, alpha, lambda, records, observer),
        }
    }
}
