//! Noisy fine-tuning and output perturbation as methods.

use super::bounds::bound;
use super::retained::Retained;
use super::schedule::{FinetuneSchedule, Surroundings};
use super::settings::FinetuneSettings;
use crate::error::Error;
use crate::methods::method::{
    AccuracyForecast, Forecast, Method, NoisyProcess, Outlook, Promise, Public, Step, Task,
};
use crate::model::{Capability, Model};
use crate::observer::Observer;

/// Noisy steps, then recovery.
#[derive(Clone, Debug)]
pub struct NoisyFinetune(pub FinetuneSettings);

/// Noise once, then recovery: the same without a noisy step.
#[derive(Clone, Debug)]
pub struct OutputPerturbation(pub FinetuneSettings);

/// A schedule from settings and what is public.
type Choose = fn(&FinetuneSettings, Surroundings<'_>) -> Result<FinetuneSchedule, Error>;

fn schedule(
    name: &'static str,
    settings: &FinetuneSettings,
    choose: Choose,
    public: &Public<'_>,
) -> Result<FinetuneSchedule, Error> {
    settings.validate()?;
    let noise = public.noise.ok_or(Error::NoNoise { method: name })?;
    choose(
        settings,
        Surroundings {
            model: public.model,
            ball: public.ball,
            training: public.training,
            noise,
        },
    )
}

fn promise(schedule: &FinetuneSchedule) -> Result<Promise, Error> {
    let accounted = schedule.accounted();
    Ok(Promise {
        noisy: Some(accounted),
        recovers: schedule.recovery_epochs > 0,
        ..Promise::settled(vec![bound(&accounted)?])
    })
}

fn forecast(schedule: &FinetuneSchedule, outlook: &Outlook<'_>) -> Forecast {
    let (epochs, speed) = (schedule.recovery_epochs, &outlook.speed);
    // What training from fresh weights had reached after as many epochs.
    let reached = outlook.history.iter().rev().find(|e| e.epoch <= epochs);
    let predicted = match reached {
        Some(epoch) => format!(
            "what training had after {} epochs (on validation or training records), since little \
             but noise is left to recover from",
            epoch.epoch
        ),
        None => "none, as the run has no history of training".to_owned(),
    };
    Forecast {
        seconds: schedule.noisy_steps as f64 * speed.noisy_step + epochs as f64 * speed.steps,
        time: "as a few minibatches took".to_owned(),
        accuracy: AccuracyForecast::AfterEpochs(epochs),
        how: format!("accuracy: {predicted}; {}", schedule.explanation),
    }
}

fn process<'a>(schedule: FinetuneSchedule, task: &Task<'a>) -> Step<'a> {
    Step::Noisy(Box::new(NoisyProcess {
        schedule: schedule.accounted(),
        retained: Retained {
            model: task.model,
            records: task.retained,
            ball: task.ball,
            minibatch: schedule.minibatch,
            seed: schedule.seed,
            penalty: task.training.penalty,
            recovery: schedule.recovery(task.training),
        },
        settings: schedule,
    }))
}

/// Why no audit can draw the two sides of such a release.
const NOISE_WITHIN: &str = "a request was answered by a method whose noise is part of its steps";

/// What stands in the way on a convex model.
fn unsuited(model: &dyn Model) -> Option<&'static str> {
    Capability::LinearOutputs
        .is_of(model)
        .then_some("this run's model is convex, and its own method proves as much with less noise")
}

macro_rules! noisy {
    ($method:ty, $name:literal, $choose:path) => {
        impl Method for $method {
            fn name(&self) -> &'static str {
                $name
            }

            fn needs(&self) -> &'static [Capability] {
                &[]
            }

            fn unsuited_to(&self, model: &dyn Model) -> Option<&'static str> {
                unsuited(model)
            }

            fn promise(&self, public: &Public<'_>) -> Result<Promise, Error> {
                promise(&schedule($name, &self.0, $choose, public)?)
            }

            fn forecast(&self, outlook: &Outlook<'_>) -> Result<Forecast, Error> {
                let schedule = schedule($name, &self.0, $choose, &outlook.public)?;
                Ok(forecast(&schedule, outlook))
            }

            fn step<'a>(
                &self,
                task: Task<'a>,
                observer: &mut dyn Observer,
            ) -> Result<Step<'a>, Error> {
                task.load(observer)?;
                let schedule = schedule($name, &self.0, $choose, &task.public()?)?;
                Ok(process(schedule, &task))
            }

            fn repeatable(&self) -> Result<(), &'static str> {
                Err(NOISE_WITHIN)
            }
        }
    };
}

noisy!(NoisyFinetune, "noisy-finetune", FinetuneSchedule::choose);
noisy!(
    OutputPerturbation,
    "output-perturbation",
    FinetuneSchedule::without_steps
);
