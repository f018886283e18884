//! How a model's requests are answered, and what its releases promise.

use crate::error::ServiceError;
use rescind::ledger::Budget;
use rescind::methods::MethodChoice;
use rescind::{Code, ReleaseChoice};
use rescind_privacy::NoiseChoice;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A model's policy. What is left out has its default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// The method, as `{"kind": NAME, "settings": {…}}`; absent: the one that suits the model.
    #[schema(value_type = Option<Object>)]
    pub method: Option<MethodChoice>,
    /// What to do where the method fails.
    pub fallback: Fallback,
    /// How many requests are answered together.
    pub batch: BatchPolicy,
    /// When a release is made, and with how much noise.
    pub release: ReleasePolicy,
    /// The promise to everybody ever forgotten; absent: none is kept.
    pub promise: Option<PromisePolicy>,
    /// What becomes of requests whose time runs out.
    pub deadline: DeadlinePolicy,
}

/// What to do where a method fails: its solve finds no step, its noise destroys the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// Wait for an operator.
    #[default]
    Hold,
    /// Retrain without the records.
    Retrain,
}

/// How many requests are answered together: one step of the method, one release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BatchPolicy {
    /// At most so many, at least 1.
    #[schema(minimum = 1, maximum = 100_000)]
    pub at_most: u32,
    /// Answered as soon as so many wait that each name records of the run which none of the others names,
    /// and that are trained on still; at most `at_most`,
    #[schema(minimum = 1, maximum = 100_000)]
    pub at_least: u32,
    /// or the oldest of them has waited so many seconds: above 0 where `at_least` is above 1.
    #[schema(minimum = 0, maximum = 31_622_400)]
    pub wait_seconds: u32,
}

impl Default for BatchPolicy {
    /// Up to 250 at once, as soon as one waits: writing down that so many are done keeps those who ask
    /// meanwhile waiting for some hundredths of a second.
    fn default() -> Self {
        Self {
            at_most: 250,
            at_least: 1,
            wait_seconds: 0,
        }
    }
}

/// When a release is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// With every batch.
    Each,
    /// Once a time, for all that was forgotten since: every release weakens the promise to those
    /// forgotten before.
    Scheduled,
    /// When an operator says so.
    #[default]
    Asked,
    /// Never: the weights do not leave the run, and a request is done once they have changed.
    Never,
}

/// When a release is made, and with how much noise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReleasePolicy {
    /// When.
    pub when: When,
    /// How many seconds lie between two scheduled releases, at least 1.
    #[schema(minimum = 1, maximum = 31_622_400)]
    pub every_seconds: u32,
    /// How much: `{"by": "promise", "epsilon": 1, "delta": 1e-5}` or `{"by": "sigma", "sigma": 0.01,
    /// "delta": 1e-5}`.
    #[schema(value_type = Option<Object>)]
    pub noise: Option<NoiseChoice>,
    /// Release even if the noise that a promise takes outweighs the weights.
    pub accept_noise: bool,
}

impl Default for ReleasePolicy {
    /// When asked; a schedule's is once a day.
    fn default() -> Self {
        Self {
            when: When::Asked,
            every_seconds: 86_400,
            noise: None,
            accept_noise: false,
        }
    }
}

/// What everybody ever forgotten is to be promised, whatever is released later.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromisePolicy {
    /// ε, above 0.
    pub epsilon: f64,
    /// at this δ, above 0 and below 1.
    pub delta: f64,
    /// What to do where a release would promise less.
    #[serde(default)]
    pub if_broken: IfBroken,
}

/// What to do where a release would promise somebody less than the policy says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IfBroken {
    /// Release nothing; wait for an operator.
    #[default]
    Hold,
    /// Release, and tell.
    Warn,
}

/// What becomes of requests whose time runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DeadlinePolicy {
    /// So many seconds before a request is due it waits for no batch.
    #[schema(minimum = 0, maximum = 31_622_400)]
    pub hurry_seconds: u32,
    /// Whether it waits for no release either then: one is made out of schedule, and a batch is answered
    /// although that makes one (`each`). A release weakens what everybody was promised, and whoever makes
    /// a request says when it is due: so only where an operator wants it.
    pub releases: bool,
    /// So many seconds before it is due operators are told.
    #[schema(minimum = 0, maximum = 31_622_400)]
    pub tell_seconds: u32,
}

impl Default for DeadlinePolicy {
    /// Three days, no release, and seven days.
    fn default() -> Self {
        Self {
            hurry_seconds: 3 * 86_400,
            releases: false,
            tell_seconds: 7 * 86_400,
        }
    }
}

/// Bounds on numbers that people write.
const MOST_TOGETHER: u32 = 100_000;
const MOST_SECONDS: u32 = 366 * 86_400;

impl Policy {
    /// Refuses a policy that nothing could be done by.
    ///
    /// # Errors
    /// A number out of its range, a method that nobody knows, a release without noise.
    pub fn check(&self) -> Result<(), ServiceError> {
        let refused = |message: String| Err(ServiceError::refused(Code::Setting, message));
        for (name, value) in [
            ("batch.at_most", self.batch.at_most),
            ("batch.at_least", self.batch.at_least),
        ] {
            if !(1..=MOST_TOGETHER).contains(&value) {
                return refused(format!("{name} is {value}: expected 1 to {MOST_TOGETHER}"));
            }
        }
        if self.batch.at_least > self.batch.at_most {
            return refused(format!(
                "batch.at_least is {} and batch.at_most {}: a batch never has as many; expected at_least \
                 no larger than at_most",
                self.batch.at_least, self.batch.at_most
            ));
        }
        if self.batch.at_least > 1 && self.batch.wait_seconds == 0 {
            return refused(format!(
                "batch.at_least is {} and batch.wait_seconds 0, by which the first is answered at once: \
                 say how long requests wait for company, such as 86400",
                self.batch.at_least
            ));
        }
        for (name, value, least) in [
            ("batch.wait_seconds", self.batch.wait_seconds, 0),
            ("release.every_seconds", self.release.every_seconds, 1),
            ("deadline.hurry_seconds", self.deadline.hurry_seconds, 0),
            ("deadline.tell_seconds", self.deadline.tell_seconds, 0),
        ] {
            if !(least..=MOST_SECONDS).contains(&value) {
                return refused(format!(
                    "{name} is {value}: expected {least} to {MOST_SECONDS}"
                ));
            }
        }
        if let Some(method) = &self.method {
            method.method().map_err(rescind::Error::from)?;
        }
        let releases = matches!(self.release.when, When::Each | When::Scheduled);
        match self.release.noise {
            None if releases => {
                return refused(
                    "release.when makes releases, and release.noise is absent: say how much noise, \
                     such as {\"by\": \"promise\", \"epsilon\": 1, \"delta\": 1e-5}"
                        .to_owned(),
                );
            }
            Some(noise) => check_noise(&noise)?,
            None => {}
        }
        if let Some(promise) = &self.promise {
            let noise = NoiseChoice::Promise {
                epsilon: promise.epsilon,
                delta: promise.delta,
            };
            check_noise(&noise)?;
        }
        Ok(())
    }

    /// The release that the policy makes, if it makes any.
    pub(crate) fn release(&self) -> Option<ReleaseChoice> {
        Some(self.release_with(self.release.noise?))
    }

    /// A release with this noise.
    pub(crate) fn release_with(&self, noise: NoiseChoice) -> ReleaseChoice {
        let choice = ReleaseChoice {
            accept_noise: self.release.accept_noise,
            ..ReleaseChoice::new(noise)
        };
        self.holding(choice)
    }

    /// A release, whoever asked for it and whenever, that keeps the promise as it is now: where one that
    /// breaks it is to be held back, the run is told the promise, and keeps it from then on.
    pub(crate) fn holding(&self, choice: ReleaseChoice) -> ReleaseChoice {
        let kept = self.promise;
        let kept = kept.filter(|promise| promise.if_broken == IfBroken::Hold);
        ReleaseChoice {
            budget: kept.map(|promise| Budget {
                epsilon: promise.epsilon,
                delta: promise.delta,
            }),
            ..choice
        }
    }
}

/// Refuses noise whose numbers are out of range.
pub(crate) fn check_noise(noise: &NoiseChoice) -> Result<(), ServiceError> {
    let (name, value, delta) = match *noise {
        NoiseChoice::Sigma { sigma, delta } => ("sigma", sigma, delta),
        NoiseChoice::Promise { epsilon, delta } => ("epsilon", epsilon, delta),
    };
    if !(value.is_finite() && value > 0.0) {
        let message = format!("{name} is {value}: expected a number above 0");
        return Err(ServiceError::refused(Code::Setting, message));
    }
    if !(delta > 0.0 && delta < 1.0) {
        let message = format!("delta is {delta}: expected above 0 and below 1, such as 1e-5");
        return Err(ServiceError::refused(Code::Setting, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Policy, When};
    use rescind::Code;

    #[test]
    fn an_empty_policy_answers_at_once_and_releases_when_asked() {
        let policy: Policy = serde_json::from_str("{}").unwrap();
        policy.check().unwrap();
        assert_eq!(
            (policy.batch.at_least, policy.release.when),
            (1, When::Asked)
        );
        assert_eq!(policy.release(), None);
    }

    #[test]
    fn a_policy_that_nothing_could_be_done_by_is_refused() {
        for (text, code) in [
            (r#"{"batch": {"at_most": 0}}"#, Code::Setting),
            (r#"{"batch": {"at_least": 0}}"#, Code::Setting),
            (r#"{"batch": {"wait_seconds": 4000000000}}"#, Code::Setting),
            (r#"{"batch": {"at_least": 10}}"#, Code::Setting),
            (
                r#"{"batch": {"at_least": 6, "at_most": 4, "wait_seconds": 60}}"#,
                Code::Setting,
            ),
            (r#"{"release": {"when": "each"}}"#, Code::Setting),
            (r#"{"release": {"every_seconds": 0}}"#, Code::Setting),
            (
                r#"{"release": {"noise": {"by": "sigma", "sigma": 0, "delta": 1e-5}}}"#,
                Code::Setting,
            ),
            (r#"{"promise": {"epsilon": 1, "delta": 2}}"#, Code::Setting),
            (r#"{"method": {"kind": "no such"}}"#, Code::UnknownMethod),
        ] {
            let policy: Policy = serde_json::from_str(text).unwrap();
            let refused = policy.check().err();
            assert_eq!(refused.map(|error| error.code()), Some(code), "{text}");
        }
    }
}
