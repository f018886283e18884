//! Gradient ascent on the forgotten records.

use super::task::{BaselineTask, batches};
use crate::descent::{Descent, Direction};
use rescind::training::Optimiser;
use rescind::{Error, Observer};
use rescind_data::epoch_order;
use rescind_network::{Batch, Weights};

pub(super) fn ascend(
    task: &BaselineTask<'_>,
    epochs: u64,
    learning_rate: f64,
    observer: &mut dyn Observer,
) -> Result<Weights<f32>, Error> {
    let mut model = task.model.clone();
    model.penalty = 0.0;
    let plain = Optimiser::Sgd {
        learning_rate,
        momentum: 0.0,
    };
    let momentum = task.training.settings.statistics_momentum;
    let mut descent =
        Descent::new(&model, task.weights, plain, momentum)?.within(task.training.ball);
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    for epoch in 0..epochs {
        let order = epoch_order(task.forgotten, task.seed, epoch);
        for batch in batches(&order, task) {
            task.dataset.copy_batch(batch, &mut inputs, &mut labels)?;
            descent.step(Batch::classes(&inputs, &labels), Direction::Up)?;
            descent.report(None, observer)?;
        }
    }
    Ok(descent.into_weights())
}
