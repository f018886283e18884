//! Going back to an early checkpoint and on without the forgotten records.

use super::task::{BaselineTask, require};
use rescind::training::{Trainer, TrainingSettings, TrainingState};
use rescind::{Error, ModelError, Observer, Phase};
use rescind_network::Weights;

/// What training had after `epoch` epochs of all records: training as it was, up to there.
pub(super) fn kept(
    task: &BaselineTask<'_>,
    epoch: u64,
    observer: &mut dyn Observer,
) -> Result<TrainingState, Error> {
    let epochs = task.training.settings.epochs;
    let expected = "an epoch below those of training";
    require(
        epoch < epochs,
        "the epoch gone back to",
        epoch as f64,
        expected,
    )?;
    let settings = TrainingSettings {
        early_checkpoint: (epoch > 0).then_some(epoch),
        ..task.training.settings.clone()
    };
    let begun = Trainer {
        settings: &settings,
        ..task.training
    };
    let mut state = begun.start()?;
    if epoch == 0 {
        return Ok(state);
    }
    let mut kept = None;
    let mut keep = |state: &TrainingState| match state.progress.epoch >= epoch {
        // Nothing after it is wanted.
        true => {
            kept = Some(state.clone());
            let phase = Phase::Train;
            Err(ModelError::Interrupted { phase })
        }
        false => Ok(()),
    };
    let ended = begun.run(&mut state, &mut keep, observer);
    match kept {
        Some(kept) => Ok(kept),
        // It ended before that epoch, or was stopped.
        None => ended.map(|()| state).map_err(Error::from),
    }
}

/// On to training's last epoch, with fresh moments.
pub(super) fn go_on(
    task: &BaselineTask<'_>,
    mut state: TrainingState,
    observer: &mut dyn Observer,
) -> Result<Weights<f32>, Error> {
    let rest = Trainer {
        train: task.retained,
        ..task.training
    };
    rest.reset(&mut state);
    state.progress.ending = None;
    rest.run(&mut state, &mut |_| Ok(()), observer)?;
    Ok(state.weights)
}
