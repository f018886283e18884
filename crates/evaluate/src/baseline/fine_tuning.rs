//! Training on with the retained records.

use super::task::{BaselineTask, batches};
use crate::descent::{Descent, Direction};
use rescind::{Error, Observer};
use rescind_data::epoch_order;
use rescind_network::{Batch, Weights};

pub(super) fn fine_tune(
    task: &BaselineTask<'_>,
    epochs: u64,
    observer: &mut dyn Observer,
) -> Result<Weights<f32>, Error> {
    let settings = task.training.settings;
    let (optimiser, momentum) = (settings.optimiser, settings.statistics_momentum);
    let descent = Descent::new(task.model, task.weights, optimiser, momentum)?;
    let mut descent = descent.within(task.training.ball);
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    for epoch in 0..epochs {
        let order = epoch_order(task.retained, task.seed, epoch);
        for batch in batches(&order, task) {
            task.dataset.copy_batch(batch, &mut inputs, &mut labels)?;
            descent.step(Batch::classes(&inputs, &labels), Direction::Down)?;
            descent.report(None, observer)?;
        }
    }
    Ok(descent.into_weights())
}
