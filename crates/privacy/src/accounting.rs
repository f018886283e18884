//! What releases spent, and what is left of a promise after several of them (docs/theory.md §5).
//!
//! A [`Spending`] is kept in the mechanism's own terms, so that another accountant can compose the
//! same releases again. An [`Accountant`] composes them; [`GaussianAccountant`] does so exactly for
//! Gaussian mechanisms.

use crate::error::PrivacyError;
use crate::gdp::Gdp;
use crate::noisy_fine_tuning::NoisyFineTuning;
use crate::quantity::{Delta, Epsilon, NoiseScale, Sensitivity};
use serde::{Deserialize, Serialize};

/// What one release spent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mechanism", rename_all = "snake_case", deny_unknown_fields)]
pub enum Spending {
    /// Noise N(0, σ²I) added once to something that moves by at most Δ.
    Gaussian {
        /// Δ.
        sensitivity: Sensitivity,
        /// σ.
        sigma: NoiseScale,
        /// Probability that a constant behind Δ is wrong.
        failure_probability: f64,
    },
    /// Noise N(0, σ²I) added at every step of fine-tuning.
    NoisySteps {
        /// R0, to which the start is projected.
        radius: f64,
        /// γ.
        step_size: f64,
        /// C1.
        clip_norm: f64,
        /// λ.
        weight_decay: f64,
        /// T.
        noisy_steps: u64,
        /// σ of every step.
        sigma: NoiseScale,
    },
}

impl Spending {
    /// That of noisy steps with this schedule; of a schedule without a step, that of noise added
    /// once.
    ///
    /// # Errors
    /// [`PrivacyError::OutOfRange`] for a schedule out of range.
    pub fn of_schedule(
        schedule: &NoisyFineTuning,
        sigma: NoiseScale,
    ) -> Result<Self, PrivacyError> {
        if schedule.noisy_steps == 0 {
            return Ok(Self::Gaussian {
                sensitivity: schedule.effective_sensitivity()?,
                sigma,
                failure_probability: 0.0,
            });
        }
        Ok(Self::NoisySteps {
            radius: schedule.radius,
            step_size: schedule.step_size,
            clip_norm: schedule.clip_norm,
            weight_decay: schedule.weight_decay,
            noisy_steps: schedule.noisy_steps,
            sigma,
        })
    }

    /// σ of every noising.
    #[must_use]
    pub fn sigma(&self) -> NoiseScale {
        match *self {
            Self::Gaussian { sigma, .. } | Self::NoisySteps { sigma, .. } => sigma,
        }
    }

    /// Probability that a constant behind it is wrong.
    #[must_use]
    pub fn failure_probability(&self) -> f64 {
        match *self {
            Self::Gaussian {
                failure_probability,
                ..
            } => failure_probability,
            Self::NoisySteps { .. } => 0.0,
        }
    }

    /// The sensitivity that noise σ added once would have to hide.
    ///
    /// # Errors
    /// [`PrivacyError::OutOfRange`] for terms out of range.
    pub fn sensitivity(&self) -> Result<Sensitivity, PrivacyError> {
        match *self {
            Self::Gaussian { sensitivity, .. } => Ok(sensitivity),
            Self::NoisySteps {
                radius,
                step_size,
                clip_norm,
                weight_decay,
                noisy_steps,
                ..
            } => NoisyFineTuning {
                radius,
                step_size,
                clip_norm,
                weight_decay,
                noisy_steps,
            }
            .effective_sensitivity(),
        }
    }

    /// The Gaussian privacy parameter of this release alone.
    ///
    /// # Errors
    /// As [`sensitivity`](Self::sensitivity), and beyond 1e150.
    pub fn gdp(&self) -> Result<Gdp, PrivacyError> {
        Gdp::of_release(self.sensitivity()?, self.sigma())
    }
}

/// Composes what several releases spent, adaptively chosen ones too.
pub trait Accountant {
    /// Adds a release.
    ///
    /// # Errors
    /// [`PrivacyError`] where the sum cannot be written down; nothing was added then.
    fn spend(&mut self, spending: &Spending) -> Result<(), PrivacyError>;

    /// The least ε at δ that all releases together keep to, rounded up; 0 without any.
    ///
    /// # Errors
    /// [`PrivacyError::DeltaSpentOnFailures`] if constants may already be wrong with probability δ.
    fn epsilon(&self, delta: Delta) -> Result<Epsilon, PrivacyError>;
}

/// The accountant that every run keeps.
pub type RunAccountant = GaussianAccountant;

/// The accountant of Gaussian mechanisms: √Σμ², constants failing with the sum of their
/// probabilities (Dong, Roth & Su 2022).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaussianAccountant {
    gdp: Gdp,
    failure_probability: f64,
    releases: u64,
}

impl GaussianAccountant {
    /// Nothing spent.
    ///
    /// # Errors
    /// None that can happen.
    pub fn new() -> Result<Self, PrivacyError> {
        Ok(Self {
            gdp: Gdp::new(0.0)?,
            failure_probability: 0.0,
            releases: 0,
        })
    }

    /// All of these.
    ///
    /// # Errors
    /// As [`Accountant::spend`].
    pub fn of<'a>(spendings: impl IntoIterator<Item = &'a Spending>) -> Result<Self, PrivacyError> {
        let mut accountant = Self::new()?;
        for spending in spendings {
            accountant.spend(spending)?;
        }
        Ok(accountant)
    }

    /// The Gaussian privacy parameter of all releases together.
    #[must_use]
    pub fn gdp(&self) -> Gdp {
        self.gdp
    }

    /// Probability that a constant behind one of them is wrong.
    #[must_use]
    pub fn failure_probability(&self) -> f64 {
        self.failure_probability
    }
}

impl Accountant for GaussianAccountant {
    fn spend(&mut self, spending: &Spending) -> Result<(), PrivacyError> {
        let gdp = match self.releases {
            // Exactly: a budget that equals the first release's promise is not exceeded by it.
            0 => spending.gdp()?,
            _ => Gdp::compose([self.gdp, spending.gdp()?])?,
        };
        let failure = spending.failure_probability();
        self.gdp = gdp;
        self.failure_probability = match self.releases {
            // Exactly, likewise.
            0 => failure,
            _ if failure > 0.0 => (self.failure_probability + failure).next_up(),
            _ => self.failure_probability,
        };
        self.releases += 1;
        Ok(())
    }

    fn epsilon(&self, delta: Delta) -> Result<Epsilon, PrivacyError> {
        if self.releases == 0 {
            return Epsilon::new(0.0);
        }
        self.gdp
            .epsilon(delta.less_failure(self.failure_probability)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaussian(sensitivity: f64, sigma: f64, failure_probability: f64) -> Spending {
        Spending::Gaussian {
            sensitivity: Sensitivity::new(sensitivity).unwrap(),
            sigma: NoiseScale::new(sigma).unwrap(),
            failure_probability,
        }
    }

    #[test]
    fn releases_compose_as_one_of_the_root_of_the_squares() {
        let four = GaussianAccountant::of(&[gaussian(1.0, 8.0, 1e-7); 4]).unwrap();
        assert!((four.gdp().mu() - 0.25).abs() < 1e-12);
        assert!((four.failure_probability() - 4e-7).abs() < 1e-15);
        let once = GaussianAccountant::of(&[gaussian(1.0, 4.0, 4e-7)]).unwrap();
        let delta = Delta::new(1e-5).unwrap();
        let [four, once] = [four, once].map(|a| a.epsilon(delta).unwrap().value());
        assert!(
            (four / once - 1.0).abs() < 1e-9 && four >= once,
            "{four} {once}"
        );
    }

    #[test]
    fn nothing_spent_costs_nothing_and_delta_can_be_used_up() {
        let delta = Delta::new(1e-6).unwrap();
        let mut accountant = GaussianAccountant::new().unwrap();
        assert!(accountant.epsilon(delta).unwrap().value() <= 0.0);
        accountant.spend(&gaussian(1.0, 1.0, 1e-6)).unwrap();
        assert!(matches!(
            accountant.epsilon(delta),
            Err(PrivacyError::DeltaSpentOnFailures { .. })
        ));
    }

    #[test]
    fn noisy_steps_spend_what_their_schedule_says_and_travel_through_json() {
        let schedule = NoisyFineTuning {
            radius: 0.5,
            step_size: 0.1,
            clip_norm: 1.0,
            weight_decay: 0.0,
            noisy_steps: 4,
        };
        let sigma = NoiseScale::new(3.0).unwrap();
        let spent = Spending::of_schedule(&schedule, sigma).unwrap();
        // s = 2 R0 + 2 gamma C1 T = 1.8, q = 4.
        assert!((spent.gdp().unwrap().mu() - 1.8 / (3.0 * 2.0)).abs() < 1e-12);
        let json = serde_json::to_string(&spent).unwrap();
        assert!(
            json.starts_with(r#"{"mechanism":"noisy_steps","radius":0.5"#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Spending>(&json).unwrap(), spent);
        let once = NoisyFineTuning {
            noisy_steps: 0,
            ..schedule
        };
        let spent = Spending::of_schedule(&once, sigma).unwrap();
        assert!((spent.gdp().unwrap().mu() - 1.0 / 3.0).abs() < 1e-12);
    }
}
