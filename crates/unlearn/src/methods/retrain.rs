//! Training afresh on the records that stay: the reference that every other method is measured by.

use super::descent;
use super::diameter::diameter;
use super::method::{
    AccuracyForecast, Forecast, Method, Outcome, Outlook, Promise, Public, Recomputed, Step, Task,
    members,
};
use super::report::MethodReport;
use crate::ball::Ball;
use crate::error::Error;
use crate::model::{Capability, Model};
use crate::observer::Observer;
use crate::training::{TrainingSettings, TrainingState, convex_settings};
use rescind_privacy::sensitivity::SensitivityBound;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const NAME: &str = "retrain";

/// Retraining, with the run's own settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retrain {}

impl Method for Retrain {
    fn name(&self) -> &'static str {
        NAME
    }

    fn needs(&self) -> &'static [Capability] {
        &[]
    }

    fn promise(&self, public: &Public<'_>) -> Result<Promise, Error> {
        let bounds = bounds_of_reached(public.model, public.training, public.ball)?;
        Ok(Promise::settled(bounds))
    }

    fn forecast(&self, outlook: &Outlook<'_>) -> Result<Forecast, Error> {
        // Early stopping may have ended the training before its last epoch.
        let epochs = outlook
            .history
            .last()
            .map_or(outlook.public.training.epochs, |last| last.epoch);
        Ok(Forecast {
            seconds: epochs as f64 * outlook.speed.epoch,
            accuracy: AccuracyForecast::Unchanged,
            time: format!("as {} for an epoch, {epochs} epochs", outlook.speed.epoch_from),
            how: "accuracy: that of the model as it is; a model trained without the records (a run on \
                  the data without them) has nothing to hide about them and needs no noise"
                .to_owned(),
        })
    }

    fn works_without_a_run(&self) -> bool {
        true
    }

    fn step<'a>(&self, task: Task<'a>, observer: &mut dyn Observer) -> Result<Step<'a>, Error> {
        task.load(observer)?;
        let mut next = task.kept.retrained(task.retained, observer)?;
        let reached = match Capability::LinearOutputs.is_of(task.model) {
            true => Some(measured(&task, &next)?),
            false => None,
        };
        let details = Value::Object(members(NAME, &next.progress)?);
        if task.state.progress.ending.is_some() {
            next.progress = task.state.progress.clone();
        }
        Ok(Step::Taken(Box::new(Outcome {
            bounds: bounds_of_reached(task.model, task.training, task.ball)?,
            state: next,
            report: MethodReport {
                method: NAME.to_owned(),
                settings: match Capability::LinearOutputs.is_of(task.model) {
                    true => members(NAME, &convex_settings(task.training)?)?,
                    false => Map::new(),
                },
                explanation: None,
                gradient_norm_before: None,
                gradient_norm_after: reached,
                solve: None,
                details,
            },
        })))
    }

    fn recompute(
        &self,
        task: &Task<'_>,
        after: &TrainingState,
        _: &MethodReport,
    ) -> Result<Recomputed, Error> {
        let convex = Capability::LinearOutputs.is_of(task.model);
        Ok(Recomputed {
            gradient_norm_after: match convex {
                true => Some(descent::gradient_norm(task, after)?),
                false => None,
            },
            ..Recomputed::default()
        })
    }
}

/// The gradient's norm at the outcome of a convex training, which its bound rests on: measured here,
/// whatever was written down of the training.
fn measured(task: &Task<'_>, after: &TrainingState) -> Result<f64, Error> {
    let bound = convex_settings(task.training)?.gradient_bound;
    let norm = descent::gradient_norm(task, after)?;
    match norm <= bound {
        true => Ok(norm),
        false => Err(Error::NotProvable {
            reason: format!(
                "the gradient's norm at the weights kept of a retraining is {norm:e} and not at most \
                 {bound:e}: they are not where it ended, or of other records: retrain again"
            ),
        }),
    }
}

/// Bounds for weights that training's own stopping rule accepted.
fn bounds_of_reached(
    model: &dyn Model,
    training: &TrainingSettings,
    ball: &Ball,
) -> Result<Vec<SensitivityBound>, Error> {
    match Capability::LinearOutputs.is_of(model) {
        true => descent::bounds(ball, &convex_settings(training)?),
        false => Ok(vec![diameter(ball)?]),
    }
}
