//! What each method would promise and cost for this model and this request, before one is run.
//!
//! Promises are computed as a release would compute them. Times and accuracies are predictions from
//! short probes and from the run's own history; each says how it was made. Nothing changes on disk,
//! and what is found is for the operator alone: it was computed from private weights.

mod comparison;
mod preparing;
mod probe;
mod recommendation;

pub use comparison::{MethodPlan, OtherLoss, Plan, PlanRequest, Preparing};

use crate::error::Error;
use crate::release::{NoiseLimit, ReleaseError, terms_in_advance};
use crate::run::{Run, has_prepared};
use rescind_data::Selection;
use rescind_privacy::NoiseChoice;
use rescind_privacy::noise::Origin;
use rescind_privacy::sensitivity::GuaranteeKind;
use rescind_unlearn::Observer;
use rescind_unlearn::methods::descent::{DescentReport, preparing_forecast};
use rescind_unlearn::methods::{AccuracyForecast, Method, Outlook, Public, Speed, suited_to};
use rescind_unlearn::training::TrainingState;
use std::time::Instant;

/// What plans are made from.
struct Basis<'a> {
    run: &'a Run,
    state: &'a TrainingState,
    retained: &'a Selection,
    public: Public<'a>,
    speed: Speed,
    accuracy: f64,
    /// Seconds that state and ledger take to reach the disk.
    disk: f64,
    /// Seconds that every request takes beside its step.
    beside: f64,
    /// Seconds of the step of a request from what was prepared, where it was.
    prepared: Option<f64>,
}

impl Run {
    /// Plans a request with every method of the table that the run allows.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve); a promise out of range; a run without weights; interruption.
    pub fn plan(&self, asked: &PlanRequest, observer: &mut dyn Observer) -> Result<Plan, Error> {
        self.model_is_here()?;
        let state = self.trained_state()?;
        let forget = self.resolve(&asked.records)?.forget;
        let retained = self.retained().difference(&forget)?;
        let noise = NoiseChoice::Promise {
            epsilon: asked.epsilon,
            delta: asked.delta,
        };
        self.model().prepare(&retained, observer)?;
        let speed = probe::speed(self, state, &retained)?;
        let began = Instant::now();
        let accuracy = probe::accuracy_with_noise(self, state, &retained, None, observer)?;
        let testing = began.elapsed().as_secs_f64();
        let preparing = preparing_forecast(self.model(), (state, &retained), self.ball())?;
        let is_prepared = has_prepared(self.root());
        let prepared = preparing.map(|preparing| preparing.request);
        let disk = probe::disk(self);
        let basis = Basis {
            disk,
            // How the model does on the test records, and on those that go, before and after.
            beside: disk + 2.0 * testing * (1.0 + self.share_of_tests(forget.len())),
            prepared: prepared.filter(|_| is_prepared),
            run: self,
            state,
            retained: &retained,
            public: self.public(Some(&noise), retained.len(), forget.len())?,
            speed,
            accuracy,
        };
        let methods = suited_to(self.model())
            // A method that goes back to a checkpoint has no place where none is kept.
            .filter(|method| {
                let promise = method.promise(&basis.public);
                !matches!(promise, Err(rescind_unlearn::Error::NoCheckpoint))
            })
            .map(|method| basis.plan(&*method, observer))
            .collect::<Result<Vec<_>, _>>()?;
        let recommendation = recommendation::of(asked, accuracy, &methods);
        let descent = methods.iter().find(|method| method.method == "descent");
        let preparing = preparing.zip(descent).filter(|_| !is_prepared);
        let preparing = preparing.map(|(preparing, descent)| {
            let request = preparing.request + basis.beside;
            Preparing::of(preparing, request, descent.seconds)
        });
        let squared_error = preparing::other_loss(self, &retained, observer)?;
        Ok(Plan {
            epsilon: asked.epsilon,
            delta: asked.delta,
            forgotten: forget.len(),
            retained: retained.len(),
            accuracy,
            methods,
            preparing,
            squared_error,
            recommendation,
        })
    }

    /// So many records as a share of the test records; 0 where it is not known.
    fn share_of_tests(&self, records: usize) -> f64 {
        let tests = self
            .classifier()
            .ok()
            .and_then(|own| own.test_records().ok());
        tests.map_or(0.0, |tests| records as f64 / tests.len().max(1) as f64)
    }
}

impl Basis<'_> {
    fn plan(&self, method: &dyn Method, observer: &mut dyn Observer) -> Result<MethodPlan, Error> {
        let answers = self.run.answers()?;
        let is_prepared = self.prepared.is_some();
        let last = answers.iter().rev().find(|answered| {
            let report = answered.method.details::<DescentReport>();
            let prepared = report.is_some_and(|report| report.prepared);
            answered.method.method == method.name() && prepared == is_prepared
        });
        let forecast = method.forecast(&Outlook {
            public: self.public,
            history: &self.state.progress.history,
            prepared: self.prepared,
            speed: self.speed,
        })?;
        let (seconds, time) = match last {
            Some(last) => (
                self.disk + last.seconds,
                "that of the last such request of this run".to_owned(),
            ),
            None => (self.beside + forecast.seconds, forecast.time),
        };
        let how = format!("{}; time: {time}", forecast.how);
        // Retraining needs no noise: whoever trains without the records has nothing to hide.
        if forecast.accuracy == AccuracyForecast::Unchanged {
            return Ok(MethodPlan {
                method: method.name().to_owned(),
                kind: None,
                sensitivity: None,
                sigma: None,
                refused: None,
                accuracy: Some(self.accuracy),
                seconds,
                how,
            });
        }
        let promise = match method.promise(&self.public) {
            Err(why @ rescind_unlearn::Error::MostRecordsGo { .. }) => {
                return Ok(MethodPlan {
                    method: method.name().to_owned(),
                    kind: None,
                    sensitivity: None,
                    sigma: None,
                    refused: Some(why.to_string()),
                    accuracy: None,
                    seconds,
                    how,
                });
            }
            promise => promise?,
        };
        let declarations = self.run.declarations();
        let model = (self.run.model().description(), &*declarations);
        let noise = self.public.noise;
        let noise = noise.copied().unwrap_or(NoiseChoice::Promise {
            epsilon: 0.0,
            delta: 0.0,
        });
        let origin = Origin::OperatingSystem;
        let limit = (NoiseLimit::Waived, 0.0);
        let terms = terms_in_advance(model, &noise, promise.bounds.clone(), origin, limit)?;
        // Where a step may find a smaller bound, which one binds is measured on the records.
        let kind = match promise.settled {
            true => terms.guarantee.kind,
            false => terms.guarantee.kind.max(GuaranteeKind::Assumed),
        };
        let moving = self.run.model().description().moving();
        let weights = moving.of(&self.state.weights.parameters);
        let length = rescind_unlearn::norm_above(weights.into_iter().map(f64::from));
        let limit = (NoiseLimit::of(&noise, false, promise.recovers), length);
        let refused = match terms_in_advance(model, &noise, promise.bounds, origin, limit) {
            Ok(_) => None,
            Err(ReleaseError::Refused(refusal)) => Some(format!(
                "noise of length {:.3e} would destroy weights of length {:.3}",
                refusal.noise_norm, refusal.weights_norm
            )),
            Err(other) => return Err(other.into()),
        };
        let accuracy = match forecast.accuracy {
            AccuracyForecast::Noised => {
                let sigma = Some(terms.sigma);
                let (run, state) = (self.run, self.state);
                Some(probe::accuracy_with_noise(
                    run,
                    state,
                    self.retained,
                    sigma,
                    observer,
                )?)
            }
            AccuracyForecast::AfterEpochs(epochs) => {
                let history = self.state.progress.history.iter().rev();
                let mut reached = history.filter(|epoch| epoch.epoch <= epochs);
                reached.next().and_then(|epoch| epoch.accuracy)
            }
            AccuracyForecast::Unchanged => Some(self.accuracy),
        };
        Ok(MethodPlan {
            method: method.name().to_owned(),
            kind: Some(kind),
            sensitivity: Some(terms.sensitivity.value()),
            sigma: Some(terms.sigma.value()),
            refused,
            accuracy,
            seconds,
            how,
        })
    }
}
