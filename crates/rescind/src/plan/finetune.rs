//! Noisy fine-tuning and output perturbation, with the schedules chosen for the promise.

use super::{Here, MethodPlan};
use crate::Error;
use crate::certificate::arithmetic::terms;
use crate::methods::finetune::{FinetuneSchedule, FinetuneSettings, Surroundings};
use crate::release::{ReleaseError, fine_tuning_bound};
use rescind_privacy::noise::Origin;

pub(super) fn with_steps(here: &Here<'_>) -> Result<MethodPlan, Error> {
    let schedule = FinetuneSchedule::choose(&FinetuneSettings::default(), here.surroundings())?;
    plan(here, "noisy-finetune", &schedule)
}

pub(super) fn once(here: &Here<'_>) -> Result<MethodPlan, Error> {
    let settings = FinetuneSettings::default();
    let schedule = FinetuneSchedule::without_steps(&settings, here.surroundings())?;
    plan(here, "output-perturbation", &schedule)
}

impl Here<'_> {
    fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            network: &self.run.network,
            ball: &self.run.ball,
            training: &self.run.config.training,
            noise: &self.noise,
        }
    }
}

fn plan(here: &Here<'_>, name: &str, schedule: &FinetuneSchedule) -> Result<MethodPlan, Error> {
    let bounds = vec![fine_tuning_bound(&schedule.accounted())?];
    let terms = terms(&here.noise, bounds, &[], Origin::OperatingSystem);
    let terms = terms.map_err(ReleaseError::from)?;
    let epochs = schedule.recovery_epochs;
    // What training from fresh weights had reached after as many epochs.
    let history = &here.state.progress.history;
    let reached = history.iter().rev().find(|epoch| epoch.epoch <= epochs);
    let accuracy = reached.map(|epoch| epoch.accuracy);
    let predicted = match reached {
        Some(epoch) => format!(
            "what training had after {} epochs (on validation or training records), since little \
             but noise is left to recover from",
            epoch.epoch
        ),
        None => "none, as the run has no history of training".to_owned(),
    };
    let speed = &here.speed;
    Ok(MethodPlan {
        method: name.to_owned(),
        kind: Some(terms.guarantee.kind),
        sensitivity: Some(terms.guarantee.sensitivity.value()),
        sigma: Some(terms.sigma.value()),
        refused: None,
        accuracy,
        seconds: schedule.noisy_steps as f64 * speed.noisy_step + epochs as f64 * speed.epoch,
        how: format!(
            "accuracy: {predicted}; time: as {} for an epoch; {}",
            speed.epoch_from, schedule.explanation
        ),
    })
}
