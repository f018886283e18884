//! Training afresh, which all methods are measured by.

use super::{Here, MethodPlan};

pub(super) fn plan(here: &Here<'_>, accuracy: f64) -> MethodPlan {
    let history = &here.state.progress.history;
    // Early stopping may have ended the training before its last epoch.
    let epochs = history
        .last()
        .map_or(here.run.config.training.epochs, |last| last.epoch);
    MethodPlan {
        method: "retrain".to_owned(),
        kind: None,
        sensitivity: None,
        sigma: None,
        refused: None,
        accuracy: Some(accuracy),
        seconds: epochs as f64 * here.speed.epoch,
        how: format!(
            "accuracy: that of the model as it is; time: as {} for an epoch, {epochs} epochs; a \
             model trained without the records (a run on the data without them) has nothing to \
             hide about them and needs no noise",
            here.speed.epoch_from
        ),
    }
}
