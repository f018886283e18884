//! What every baseline is given.

use rescind::training::Trainer;
use rescind::{Error, ModelError, NetworkModel};
use rescind_data::{Dataset, Selection};
use rescind_network::Weights;

/// What a baseline starts from.
pub struct BaselineTask<'a> {
    /// The network and its penalty.
    pub model: &'a NetworkModel<'a>,
    /// The original weights.
    pub weights: &'a Weights<f32>,
    /// The records.
    pub dataset: &'a Dataset,
    /// Those that stay.
    pub retained: &'a Selection,
    /// Those that go.
    pub forgotten: &'a Selection,
    /// The original training, of all these records.
    pub training: Trainer<'a>,
    /// Seed of all that is drawn.
    pub seed: u64,
}

/// Minibatches of an epoch, without a last one too small for batch norm.
pub(super) fn batches<'o>(
    order: &'o [usize],
    task: &BaselineTask<'_>,
) -> impl Iterator<Item = &'o [usize]> {
    let least = if task.weights.statistics.is_empty() {
        1
    } else {
        2
    };
    order
        .chunks(task.training.settings.batch.max(1))
        .filter(move |batch| batch.len() >= least)
}

/// A setting in its range.
pub(super) fn require(
    valid: bool,
    setting: &'static str,
    found: f64,
    expected: &'static str,
) -> Result<(), Error> {
    match valid {
        true => Ok(()),
        false => Err(ModelError::Setting {
            setting,
            found: found.to_string(),
            expected,
        }
        .into()),
    }
}
