//! The descent of a convex model, tangent or head: on from where it stands, on the records that
//! stay, until the gradient is as small as training made it (docs/theory.md §3).

mod bounds;
mod prepared;

pub use bounds::bounds;
pub use prepared::{
    Preparation, PreparingForecast, discard_superseded, is_prepared, prepare, preparing_forecast,
};

use super::method::{
    AccuracyForecast, Forecast, Method, Outcome, Outlook, Promise, Public, Recomputed, Step, Task,
    members,
};
use super::report::MethodReport;
use crate::descent::{ConvexSettings, Effort, Minimiser};
use crate::error::Error;
use crate::model::{Capability, Model};
use crate::observer::Observer;
use crate::precision::{narrowed, widened};
use crate::training::{TrainingEnding, TrainingState, convex_objective, convex_settings};
use rescind_curvature::norm;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const NAME: &str = "descent";

/// Products that a descent from the old solution is taken for (MNIST, 1000 of 60 000 records: 14
/// directions, a preconditioner, and a gradient in double precision at the price of four).
const PRODUCTS: f64 = 19.0;

/// The share of its training that a request takes: both go down the same hill, from another height
/// (MNIST, the digits and made-up records, heads and tangent models: from 0.2 to 0.65).
const TRAINING: f64 = 0.4;

/// The descent. How far it goes is a setting of the run's training: both sides must stop alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Descent {}

/// What a descent on the retained records did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DescentReport {
    /// What it was to reach.
    pub settings: ConvexSettings,
    /// Records that stay.
    pub retained: usize,
    /// Records that go.
    pub forgotten: usize,
    /// What it cost; gradients alone where sums over the records had been prepared.
    pub effort: Effort,
    /// Whether it was answered from what was prepared of the records that stay.
    #[serde(default)]
    pub prepared: bool,
}

impl Method for Descent {
    fn name(&self) -> &'static str {
        NAME
    }

    fn needs(&self) -> &'static [Capability] {
        &[Capability::LinearOutputs]
    }

    fn unsuited_to(&self, model: &dyn Model) -> Option<&'static str> {
        (!model.is_convex()).then_some(
            "this run trains all weights of a model whose loss is not convex in them, so this \
             method would prove nothing: train a tangent model or a convex head, or use another \
             method",
        )
    }

    fn promise(&self, public: &Public<'_>) -> Result<Promise, Error> {
        let settings = convex_settings(public.training)?;
        Ok(Promise::settled(bounds(public.ball, &settings)?))
    }

    fn forecast(&self, outlook: &Outlook<'_>) -> Result<Forecast, Error> {
        let trained = outlook
            .history
            .last()
            .map(|_| outlook.speed.trained(outlook.history));
        let (seconds, time) = match outlook.prepared {
            Some(seconds) => (
                seconds,
                "from what was prepared, by a few records that were summed up now",
            ),
            None if trained.is_some() => (
                TRAINING * trained.unwrap_or_default(),
                "the share of the run's own training that such requests take",
            ),
            None => {
                let records = outlook.public.retained as f64;
                let product = outlook.speed.product.unwrap_or(f64::NAN);
                let how = "fourteen directions, a preconditioner and a gradient in double \
                           precision, from a few products that were timed";
                (product * records * PRODUCTS, how)
            }
        };
        Ok(Forecast {
            seconds,
            time: time.to_owned(),
            accuracy: AccuracyForecast::Noised,
            how: "accuracy: the private weights with noise of this sigma, in memory; bound: 2 G / mu, \
                  from the gradient that both sides reach and the penalty"
                .to_owned(),
        })
    }

    fn works_without_a_run(&self) -> bool {
        true
    }

    fn step<'a>(&self, task: Task<'a>, observer: &mut dyn Observer) -> Result<Step<'a>, Error> {
        let settings = convex_settings(task.training)?;
        let w = exact_weights(task.state);
        let arrived = matches!(
            task.state.progress.ending,
            Some(TrainingEnding::GradientReached { .. })
        );
        if arrived
            && !task.inputs_moved
            && task.state.exact.is_some()
            && let Some(answer) = prepared::forget(&task, &w, &settings, observer)?
        {
            let effort = Effort {
                steps: answer.exact_gradients + 1,
                exact_gradients: answer.exact_gradients,
                ..Effort::default()
            };
            let reached = Reached {
                weights: answer.weights,
                gradient_norm: answer.gradient_norm,
                gradient_norm_before: None,
                effort,
                prepared: true,
            };
            return taken(&task, settings, reached);
        }
        task.load(observer)?;
        let retain = convex_objective(task.model, task.retained, task.training, task.ball)?;
        let mut gradient_norm_before = None;
        // Scaling that changes with the records moves the gradient of every one of them.
        let known = match arrived && !task.inputs_moved {
            true => influence(&task, &w)?,
            false => None,
        };
        let mut descent = match known {
            Some(gradient) => Minimiser::start_with(&*retain, w, gradient, settings)?,
            None => {
                let descent = Minimiser::start(&*retain, w, settings)?;
                gradient_norm_before = descent.exact_gradient_norm();
                descent
            }
        };
        while !descent.has_arrived() {
            descent.step(observer)?;
        }
        let reached = Reached {
            gradient_norm: descent.gradient_norm(),
            gradient_norm_before,
            effort: descent.effort(),
            prepared: false,
            weights: descent.into_weights(),
        };
        taken(&task, settings, reached)
    }

    fn repeatable(&self) -> Result<(), &'static str> {
        Err("the training of a convex model has no randomness that another seed would change")
    }

    fn recompute(
        &self,
        task: &Task<'_>,
        after: &TrainingState,
        _: &MethodReport,
    ) -> Result<Recomputed, Error> {
        let retain = convex_objective(task.model, task.retained, task.training, task.ball)?;
        let norm_at = |w: &[f64]| {
            let mut gradient = vec![0.0; w.len()];
            retain.exact_gradient(w, &mut gradient)?;
            Ok::<f64, Error>(norm(&gradient))
        };
        let before = task.state.exact.as_deref().map(norm_at).transpose()?;
        Ok(Recomputed {
            gradient_norm_before: before,
            gradient_norm_after: after.exact.as_deref().map(norm_at).transpose()?,
            ..Recomputed::default()
        })
    }
}

/// Where a request led.
struct Reached {
    weights: Vec<f64>,
    gradient_norm: f64,
    gradient_norm_before: Option<f64>,
    effort: Effort,
    prepared: bool,
}

fn taken<'a>(
    task: &Task<'a>,
    settings: ConvexSettings,
    reached: Reached,
) -> Result<Step<'a>, Error> {
    let gradient_norm = reached.gradient_norm;
    let details = DescentReport {
        settings,
        retained: task.retained.len(),
        forgotten: task.forget.len(),
        effort: reached.effort,
        prepared: reached.prepared,
    };
    let mut next = task.state.clone();
    next.weights.parameters = narrowed(&reached.weights);
    next.exact = Some(reached.weights);
    // Also where training had not ended: it ends here, on the records that stay.
    next.progress.ending = Some(TrainingEnding::GradientReached { gradient_norm });
    Ok(Step::Taken(Box::new(Outcome {
        state: next,
        bounds: bounds(task.ball, &settings)?,
        report: MethodReport {
            method: NAME.to_owned(),
            settings: members(NAME, &settings)?,
            explanation: None,
            gradient_norm_before: reached.gradient_norm_before,
            gradient_norm_after: Some(gradient_norm),
            solve: None,
            details: Value::Object(members(NAME, &details)?),
        },
    })))
}

/// The gradient's norm over the records that stay at these weights, in double precision.
pub(super) fn gradient_norm(task: &Task<'_>, at: &TrainingState) -> Result<f64, Error> {
    let retain = convex_objective(task.model, task.retained, task.training, task.ball)?;
    let w = exact_weights(at);
    let mut gradient = vec![0.0; w.len()];
    retain.exact_gradient(&w, &mut gradient)?;
    Ok(norm(&gradient))
}

fn exact_weights(state: &TrainingState) -> Vec<f64> {
    match &state.exact {
        Some(exact) => exact.clone(),
        None => widened(&state.weights.parameters),
    }
}

/// The retain gradient at a minimum over all records: `−(n_u/n_r) ∇F_u` (docs/theory.md §2); none
/// where records to forget have left their source already.
fn influence(task: &Task<'_>, w: &[f64]) -> Result<Option<Vec<f64>>, Error> {
    let going = match task.objective(task.forget, &[]) {
        Err(error) if error.is_of_gone_records() => return Ok(None),
        going => going?,
    };
    let mut influence = vec![0.0; w.len()];
    going.exact_gradient(w, &mut influence)?;
    let share = task.forget.len() as f64 / task.retained.len() as f64;
    influence.iter_mut().for_each(|g| *g *= -share);
    Ok(Some(influence))
}
