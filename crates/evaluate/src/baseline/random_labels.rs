//! Training on with wrong labels on the forgotten records.

use super::task::{BaselineTask, batches};
use crate::descent::{Descent, Direction};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rescind::ModelError;
use rescind::{Error, Observer};
use rescind_data::epoch_order;
use rescind_network::{Batch, Weights};

pub(super) fn train(
    task: &BaselineTask<'_>,
    epochs: u64,
    observer: &mut dyn Observer,
) -> Result<Weights<f32>, Error> {
    let classes = task.model.network.outputs() as u32;
    if classes < 2 {
        return Err(ModelError::Setting {
            setting: "the number of classes",
            found: classes.to_string(),
            expected: "at least 2: with one class no label is wrong",
        }
        .into());
    }
    // One wrong label per forgotten record, the same in every epoch.
    let mut random = ChaCha8Rng::seed_from_u64(task.seed);
    let mut wrong = task.dataset.labels().to_vec();
    for &position in task.forgotten.positions() {
        let shift = random.random_range(1..classes);
        wrong[position] = (wrong[position] + shift) % classes;
    }
    let all = task.retained.union(task.forgotten)?;
    let settings = task.training.settings;
    let (optimiser, momentum) = (settings.optimiser, settings.statistics_momentum);
    let descent = Descent::new(task.model, task.weights, optimiser, momentum)?;
    let mut descent = descent.within(task.training.ball);
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    for epoch in 0..epochs {
        let order = epoch_order(&all, task.seed, epoch);
        for batch in batches(&order, task) {
            task.dataset.copy_batch(batch, &mut inputs, &mut labels)?;
            labels.clear();
            labels.extend(batch.iter().map(|&position| wrong[position]));
            descent.step(Batch::classes(&inputs, &labels), Direction::Down)?;
            descent.report(None, observer)?;
        }
    }
    Ok(descent.into_weights())
}
