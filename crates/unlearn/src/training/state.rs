//! Training as it stands: all that is needed to go on.

use crate::epoch::EpochReport;
use rescind_network::Weights;
use serde::{Deserialize, Serialize};

/// Training as it stands between two minibatches. Going on from it gives bitwise what an
/// uninterrupted training gives.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingState {
    /// The weights, un-noised: private.
    pub weights: Weights<f32>,
    /// The same in binary64, of convex models: what their guarantee is about.
    pub exact: Option<Vec<f64>>,
    /// The optimiser's vectors; empty once training has ended.
    pub moments: Vec<Vec<f32>>,
    /// The weights of the lowest validation loss, under early stopping.
    pub best: Option<Weights<f32>>,
    /// The rest.
    pub progress: TrainingProgress,
}

/// How far training has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingProgress {
    /// Whole epochs done.
    pub epoch: u64,
    /// Minibatches done of the epoch begun.
    pub step: u64,
    /// Steps the optimiser has taken since its vectors were zero.
    pub optimiser_steps: u64,
    /// Sum over the minibatches done of this epoch of their size times their loss.
    pub loss_sum: f64,
    /// One report for each epoch done.
    pub history: Vec<EpochReport>,
    /// Under early stopping, the epoch of the lowest validation loss, from 1.
    pub best_epoch: Option<u64>,
    /// How training ended; absent while it has not.
    pub ending: Option<TrainingEnding>,
    /// Seconds of work so far, over all sittings.
    pub seconds: f64,
}

/// Why training ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum TrainingEnding {
    /// All epochs are done.
    EpochsDone,
    /// The validation loss no longer fell; the weights are those of this epoch.
    EarlyStopped {
        /// The epoch of the lowest validation loss, from 1.
        best_epoch: u64,
    },
    /// The full gradient's norm is at most the one asked for.
    GradientReached {
        /// The norm.
        gradient_norm: f64,
    },
    /// All epochs are done and the gradient is still larger than asked for.
    GradientNotReached {
        /// The norm.
        gradient_norm: f64,
    },
    /// The weights were trained elsewhere.
    Imported,
}

impl std::fmt::Display for TrainingEnding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TrainingEnding::EpochsDone => f.write_str("all epochs done"),
            TrainingEnding::EarlyStopped { best_epoch } => {
                write!(f, "stopped early, weights of epoch {best_epoch}")
            }
            TrainingEnding::GradientReached { gradient_norm } => {
                write!(f, "gradient norm {gradient_norm:.3e} reached")
            }
            TrainingEnding::GradientNotReached { gradient_norm } => write!(
                f,
                "all epochs done with gradient norm {gradient_norm:.3e}, above the one asked for: \
                 allow more epochs"
            ),
            TrainingEnding::Imported => f.write_str("imported"),
        }
    }
}
