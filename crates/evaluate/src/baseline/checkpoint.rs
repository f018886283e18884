//! Training from published weights without the forgotten records.

use super::task::BaselineTask;
use rescind::training::{Trainer, TrainingSettings};
use rescind::{Error, ModelError, Observer};
use rescind_network::Weights;
use std::path::Path;

pub(super) fn train(
    task: &BaselineTask<'_>,
    published: &Path,
    epochs: u64,
    observer: &mut dyn Observer,
) -> Result<Weights<f32>, Error> {
    let unreadable = |reason: String| ModelError::Setting {
        setting: "the checkpoint's weights",
        found: format!("{} ({reason})", published.display()),
        expected: "a safetensors file, or one of torch.save, of the comparison's network",
    };
    let bytes = std::fs::read(published).map_err(|error| unreadable(error.to_string()))?;
    let start = Weights::from_safetensors(task.model.network, &bytes);
    let start = start.map_err(|error| unreadable(error.to_string()))?;
    let settings = TrainingSettings {
        epochs,
        seed: task.seed,
        ..task.training.settings.clone()
    };
    let trainer = Trainer {
        settings: &settings,
        train: task.retained,
        ..task.training
    };
    let mut state = trainer.start()?;
    state.weights = start;
    task.training.ball.project(&mut state.weights.parameters);
    trainer.run(&mut state, &mut |_| Ok(()), observer)?;
    Ok(state.weights)
}
