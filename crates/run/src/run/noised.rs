//! What a run keeps of weights that carry their noise.

use super::setup::Setup;
use crate::error::Error;
use crate::release::{FineTuned, Noised};
use rescind_data::Selection;
use rescind_unlearn::methods::noisy::FinetuneReport;
use rescind_unlearn::methods::{MethodReport, NoisyProcess, members};
use rescind_unlearn::training::TrainingState;

/// The private state that goes on from noised weights: a function of what was noised, in the ball.
pub(super) fn goes_on(
    setup: &Setup,
    retained: &Selection,
    state: &TrainingState,
    noised: &Noised<'_>,
) -> Result<TrainingState, Error> {
    let mut next = state.clone();
    next.weights.parameters = noised.weights().parameters().to_vec();
    next.weights.statistics = match setup.ball.project(&mut next.weights.parameters) {
        true => setup.statistics_on(retained, &next.weights.parameters)?,
        false => noised.weights().statistics().to_vec(),
    };
    if next.progress.ending.is_none() {
        setup.training_on(retained).plain().reset(&mut next);
    }
    Ok(next)
}

/// What fine-tuning did, as the run remembers it.
pub(super) fn finetune_report(
    method: &'static str,
    process: NoisyProcess<'_>,
    noised: &Noised<'_>,
    done: FineTuned,
) -> Result<MethodReport, Error> {
    let guarantee = noised.guarantee();
    let schedule = process.settings;
    let mut settings = members(method, &schedule)?;
    // The explanation is no setting, and without a step nothing depends on how it would be taken.
    settings.remove("explanation");
    if schedule.noisy_steps == 0 {
        for of_steps in [
            "noisy_steps",
            "step_size",
            "clip_norm",
            "weight_decay",
            "minibatch",
            "seed",
        ] {
            settings.remove(of_steps);
        }
    }
    let report = FinetuneReport {
        retained: process.retained.records.len(),
        sigma: noised.sigma(),
        sensitivity: noised.sensitivity().value(),
        epsilon: guarantee.epsilon.value(),
        delta: guarantee.delta.value(),
        start_projected: done.start_projected,
        clipped: done.clipped,
        noisy_seconds: done.noisy_seconds,
        recovery_seconds: done.recovery.seconds,
        recovery: done.recovery.history,
        schedule: schedule.clone(),
    };
    Ok(MethodReport {
        method: method.to_owned(),
        settings,
        explanation: Some(schedule.explanation),
        gradient_norm_before: None,
        gradient_norm_after: None,
        solve: None,
        details: serde_json::to_value(report).map_err(Error::Document)?,
    })
}
