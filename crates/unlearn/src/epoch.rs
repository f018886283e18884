//! What an epoch of training gave.

use serde::{Deserialize, Serialize};

/// What an epoch gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochReport {
    /// The epoch, from 1.
    pub epoch: u64,
    /// Mean of the minibatches' losses, penalty included, as they were met.
    pub loss: f64,
    /// Mean loss on the validation records, without penalty, if there are any.
    pub validation_loss: Option<f64>,
    /// Share of records classified right, from 0 to 1: of the validation records if there are any,
    /// else of the first 2000 training records. Absent where the model is no classifier.
    pub accuracy: Option<f64>,
    /// `‖w − c‖`.
    pub norm: f64,
    /// Whether the ball ever drew a step of this epoch back.
    pub projected: bool,
    /// The full gradient's norm, if training is to reach one.
    pub gradient_norm: Option<f64>,
    /// Seconds since training began.
    pub seconds: f64,
}
