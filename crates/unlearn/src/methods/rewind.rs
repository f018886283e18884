//! Rewind-to-delete (Mu & Klabjan 2025, arXiv:2409.09778): back to an early checkpoint of training,
//! then on from there on the records that stay (docs/theory.md §13).

use super::diameter::diameter;
use super::method::{
    AccuracyForecast, Checkpoint, Forecast, Method, Outcome, Outlook, Promise, Public, Step, Task,
    members,
};
use super::report::MethodReport;
use crate::error::Error;
use crate::model::{Capability, Model};
use crate::norm::norm_above;
use crate::observer::Observer;
use crate::training::{Optimiser, Schedule};
use rescind_data::Provenance as ScalingFrom;
use rescind_privacy::sensitivity::{Constant, Provenance, SensitivityBound, Symbol, Theorem};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const NAME: &str = "rewind";

/// Rewinding to the run's early checkpoint. The theorem's two constants of the loss are assumed;
/// without them, or where training was not full-batch gradient descent of constant step size, only
/// the diameter of the ball bounds the outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rewind {
    /// L, above 0: a Lipschitz constant of every record's gradient within the ball.
    pub gradient_lipschitz: Option<f64>,
    /// G_ℓ, above 0: a bound on the norm of every record's gradient within the ball.
    pub record_gradient: Option<f64>,
}

/// What a rewinding did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewindReport {
    /// Epochs done at the checkpoint.
    pub from_epoch: u64,
    /// Epochs taken from there on the records that stay.
    pub epochs: u64,
    /// Records removed since the checkpoint, over all requests.
    pub removed: usize,
}

impl Method for Rewind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn needs(&self) -> &'static [Capability] {
        &[]
    }

    fn unsuited_to(&self, model: &dyn Model) -> Option<&'static str> {
        let convex = Capability::LinearOutputs.is_of(model);
        convex.then_some("this run's model is convex: its training has no checkpoint to go back to")
    }

    fn promise(&self, public: &Public<'_>) -> Result<Promise, Error> {
        let checkpoint = public.checkpoint.ok_or(Error::NoCheckpoint)?;
        let mut bounds = vec![diameter(public.ball)?];
        // After many steps it passes all limits, and is no bound any more.
        let constants = self.constants(public, checkpoint)?;
        let theorem = constants.map(|all| SensitivityBound::new(Theorem::RewindToDelete, all));
        bounds.extend(theorem.and_then(Result::ok));
        Ok(Promise::settled(bounds))
    }

    fn forecast(&self, outlook: &Outlook<'_>) -> Result<Forecast, Error> {
        // Without a checkpoint there is no promise, and a plan says so beside this.
        let from = outlook
            .public
            .checkpoint
            .map_or(0, |checkpoint| checkpoint.epoch);
        let epochs = outlook.public.training.epochs - from;
        Ok(Forecast {
            seconds: epochs as f64 * outlook.speed.steps,
            accuracy: AccuracyForecast::Noised,
            time: format!("as a few minibatches took, {epochs} epochs from the checkpoint"),
            how: "accuracy: the private weights with noise of this sigma, in memory".to_owned(),
        })
    }

    fn step<'a>(&self, task: Task<'a>, observer: &mut dyn Observer) -> Result<Step<'a>, Error> {
        task.load(observer)?;
        let public = task.public()?;
        let bounds = self.promise(&public)?.bounds;
        let mut next = task.kept.early_state()?;
        let from_epoch = next.progress.epoch;
        // What momentum or Adam remember of the records that go is left behind.
        task.trainer().reset(&mut next);
        task.trainer().run(&mut next, &mut |_| Ok(()), observer)?;
        next.weights.statistics = task.statistics(&next.weights.parameters)?;
        let details = RewindReport {
            from_epoch,
            epochs: next.progress.epoch - from_epoch,
            removed: public
                .checkpoint
                .map_or(0, |c| c.records - task.retained.len()),
        };
        if task.state.progress.ending.is_some() {
            next.progress = task.state.progress.clone();
        }
        Ok(Step::Taken(Box::new(Outcome {
            state: next,
            bounds,
            report: MethodReport {
                method: NAME.to_owned(),
                settings: members(NAME, self)?,
                explanation: None,
                gradient_norm_before: None,
                gradient_norm_after: None,
                solve: None,
                details: Value::Object(members(NAME, &details)?),
            },
        })))
    }

    fn repeatable(&self) -> Result<(), &'static str> {
        Err("a request went back to a checkpoint, which a training with another seed does not have")
    }
}

impl Rewind {
    /// What the theorem is given, where it speaks of this training.
    fn constants(
        &self,
        public: &Public<'_>,
        checkpoint: Checkpoint,
    ) -> Result<Option<Vec<Constant>>, Error> {
        let (Some(lipschitz), Some(gradient)) = (self.gradient_lipschitz, self.record_gradient)
        else {
            return Ok(None);
        };
        let training = public.training;
        let Optimiser::Sgd {
            learning_rate,
            momentum,
        } = training.optimiser
        else {
            return Ok(None);
        };
        // A record's loss must be the same function of the weights in both worlds, and the number
        // of steps must be a setting.
        let own_loss = public.model.batch_norm().is_none()
            && public.model.scaling().is_none_or(|scaling| {
                !matches!(scaling.provenance(), ScalingFrom::ComputedOn { .. })
            });
        let descent = momentum <= 0.0
            && training.batch >= checkpoint.records
            && training.schedule == Schedule::Constant
            && training.early_stopping.is_none()
            && training.until_gradient.is_none();
        if !own_loss || !descent {
            return Ok(None);
        }
        let assumed =
            |symbol, value| Constant::new(symbol, value, Provenance::Assumed, "given by the user");
        let proved = |symbol, value, how| Constant::new(symbol, value, Provenance::Proved, how);
        let run = "a setting of the run";
        let again = training.epochs - checkpoint.epoch;
        let removed = checkpoint.records - public.retained;
        Ok(Some(vec![
            proved(Symbol::LearningRate, learning_rate, run)?,
            proved(Symbol::Penalty, training.penalty, run)?,
            proved(Symbol::StepsTrained, training.epochs as f64, run)?,
            proved(
                Symbol::StepsAgain,
                again as f64,
                "steps after the checkpoint, by the run's settings",
            )?,
            proved(
                Symbol::RecordsTrained,
                checkpoint.records as f64,
                "counted at the checkpoint",
            )?,
            proved(
                Symbol::RecordsRemoved,
                removed as f64,
                "counted over all requests since",
            )?,
            assumed(Symbol::GradientLipschitz, lipschitz)?,
            assumed(Symbol::RecordGradient, gradient)?,
            Constant::new(
                Symbol::StepRounding,
                step_rounding(public, checkpoint, (learning_rate, gradient)),
                Provenance::Assumed,
                "8 units of binary32 of the largest weights, and 64 + sqrt(n) of the largest step",
            )?,
        ]))
    }
}

/// How far rounding takes a step away from that of the theorem, in norm, where steps are this long and
/// records' gradients at most so large. Weights, all within the ball, are subtracted from and projected
/// in binary32; a gradient loses what its sums over a record's own terms do, and its sums over records
/// what errors of both signs leave (docs/theory.md §13.2).
fn step_rounding(public: &Public<'_>, checkpoint: Checkpoint, (eta, gradient): (f64, f64)) -> f64 {
    const UNIT: f64 = 0.5 * f32::EPSILON as f64;
    let radius = public.ball.radius();
    let centre: &[f32] = public.ball.centre().map_or(&[], |centre| centre);
    let largest = norm_above(centre.iter().map(|&c| f64::from(c))) + radius;
    let step = eta * (gradient + 2.0 * public.training.penalty * radius);
    let units = 64.0 + (checkpoint.records as f64).sqrt();
    UNIT * (8.0 * largest + units * step)
}
