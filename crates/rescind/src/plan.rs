//! What each method would promise and cost for this model and this request, before one is run.
//!
//! Promises are computed as a release would compute them. Times and accuracies are predictions from
//! short probes and from the run's own history; each says how it was made. Nothing changes on disk,
//! and what is found is for the operator alone: it was computed from private weights.

mod convex;
mod finetune;
mod newton;
mod probe;
mod recommendation;
mod retrain;

use crate::Error;
use crate::certificate::NoiseChoice;
use crate::observer::Observer;
use crate::run::Run;
use crate::training::TrainingState;
use probe::Speed;
use rescind_data::{RecordRequest, Selection};
use rescind_privacy::sensitivity::GuaranteeKind;
use serde::{Deserialize, Serialize};

/// A request that is only thought of, and the promise wanted for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// The records to forget.
    pub request: RecordRequest,
    /// ε of the release, at least 0.
    pub epsilon: f64,
    /// δ, above 0 and below 1.
    pub delta: f64,
}

/// The methods side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// ε asked for.
    pub epsilon: f64,
    /// δ asked for.
    pub delta: f64,
    /// Records to forget.
    pub forgotten: usize,
    /// Records that would stay.
    pub retained: usize,
    /// Test accuracy of the private model as it is, from 0 to 1.
    pub accuracy: f64,
    /// One for each method.
    pub methods: Vec<MethodPlan>,
    /// What to do, in words.
    pub recommendation: String,
}

/// What one method would promise and cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodPlan {
    /// Its name, as on the command line.
    pub method: String,
    /// What its guarantee would rest on; absent for retraining, which needs none.
    pub kind: Option<GuaranteeKind>,
    /// The sensitivity that noise has to hide.
    pub sensitivity: Option<f64>,
    /// σ on every weight, each time.
    pub sigma: Option<f64>,
    /// Why the promise would be refused, if it would.
    pub refused: Option<String>,
    /// Predicted test accuracy of what would be released, from 0 to 1, where there is a prediction.
    pub accuracy: Option<f64>,
    /// Predicted seconds.
    pub seconds: f64,
    /// How accuracy and time were predicted.
    pub how: String,
}

/// What plans are made from.
struct Here<'a> {
    run: &'a Run,
    state: &'a TrainingState,
    retained: &'a Selection,
    noise: NoiseChoice,
    speed: Speed,
}

impl Run {
    /// Plans a request with every method that the run allows.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve); a promise out of range; a run without weights;
    /// [`Error::Interrupted`].
    pub fn plan(&self, asked: &PlanRequest, observer: &mut dyn Observer) -> Result<Plan, Error> {
        let (record, state) = self.trained()?;
        let forget = self.resolve(&asked.request)?.forget;
        let retained = record.retained.difference(&forget)?;
        let here = Here {
            run: self,
            state,
            retained: &retained,
            noise: NoiseChoice::Promise {
                epsilon: asked.epsilon,
                delta: asked.delta,
                accept_noise: false,
            },
            speed: Speed::measure(self, state, &retained)?,
        };
        let accuracy = here.accuracy_with_noise(None, observer)?;
        let mut methods = match self.config.parameterisation.is_convex() {
            true => vec![convex::plan(&here, observer)?],
            false => vec![
                newton::plan(&here, observer)?,
                finetune::with_steps(&here)?,
                finetune::once(&here)?,
            ],
        };
        methods.push(retrain::plan(&here, accuracy));
        let recommendation = recommendation::of(asked, accuracy, &methods);
        Ok(Plan {
            epsilon: asked.epsilon,
            delta: asked.delta,
            forgotten: forget.len(),
            retained: retained.len(),
            accuracy,
            methods,
            recommendation,
        })
    }
}
