//! R0, T and the rest, chosen from what is public.

use super::settings::FinetuneSettings;
use crate::ball::Ball;
use crate::error::Error;
use crate::model::Model;
use crate::setting::require;
use crate::training::{Schedule, TrainingSettings};
use rescind_privacy::{Delta, Epsilon, Gdp, NoiseChoice, NoisyFineTuning};
use serde::{Deserialize, Serialize};

/// Everything that a choice may depend on: no weights, no records (docs/theory.md §6).
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The model, for the size of freshly initialised weights.
    pub model: &'a dyn Model,
    /// The run's ball.
    pub ball: &'a Ball,
    /// The run's training, which the recovery repeats.
    pub training: &'a TrainingSettings,
    /// What is promised, or the noise.
    pub noise: &'a NoiseChoice,
}

/// Settings of noisy fine-tuning, complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinetuneSchedule {
    /// T; 0 for output perturbation.
    pub noisy_steps: u64,
    /// R0.
    pub start_radius: f64,
    /// γ.
    pub step_size: f64,
    /// C1.
    pub clip_norm: f64,
    /// λ.
    pub weight_decay: f64,
    /// Records in a minibatch of a noisy step.
    pub minibatch: usize,
    /// Epochs of training after the noise.
    pub recovery_epochs: u64,
    /// Seed of the order of minibatches.
    pub seed: u64,
    /// The choice in words.
    pub explanation: String,
}

/// Noisy steps where none are asked for.
const STEPS: u64 = 20;

/// Length of the noise, relative to that of freshly initialised weights. On MNIST, recovery from
/// noise of their own length took 16 epochs, from longer noise about 10 (docs/noisy-fine-tuning.md).
const BESIDE_FRESH: f64 = 2.5;

/// Length of the noise, relative to that of a public centre.
const BESIDE_CENTRE: f64 = 0.1;

/// The share of the training's epochs that the recovery gets.
const RECOVERY_SHARE: f64 = 1.0 / 3.0;

impl FinetuneSchedule {
    /// Completes the settings of noisy fine-tuning.
    ///
    /// - Without R0, and with (ε, δ) given: the R0 for which the noise of all steps together is 2.5
    ///   times as long as freshly initialised weights (a tenth as long as the centre where there is a
    ///   public one), at most the ball's radius. Weights drowned in other noise are a worse start for
    ///   the recovery. With σ given: the ball's radius, which leaves the weights as they are.
    /// - Without γ: the steps together can go as far as R0, `γ C1 T = R0`, where the sensitivity
    ///   `2R0/√T + 2γC1√T` is least; at most `1/(2λ)`.
    /// - Without T: 20 steps. Without a number of epochs: a third of the training's.
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting out of range or a start radius beyond the ball's;
    /// [`Error::Privacy`] for a promise that is none.
    pub fn choose(settings: &FinetuneSettings, around: Surroundings<'_>) -> Result<Self, Error> {
        let steps = settings.noisy_steps.unwrap_or(STEPS);
        require(
            steps > 0,
            "the number of noisy steps",
            0.0,
            "at least 1 (output perturbation is the method without any)",
        )?;
        Self::complete(settings, steps, around)
    }

    /// The same without noisy steps.
    ///
    /// # Errors
    /// As [`choose`](Self::choose).
    pub fn without_steps(
        settings: &FinetuneSettings,
        around: Surroundings<'_>,
    ) -> Result<Self, Error> {
        Self::complete(settings, 0, around)
    }

    fn complete(
        settings: &FinetuneSettings,
        steps: u64,
        around: Surroundings<'_>,
    ) -> Result<Self, Error> {
        settings.validate()?;
        let radius = around.ball.radius();
        let clip_norm = settings.clip_norm.unwrap_or(1.0);
        let weight_decay = settings.weight_decay.unwrap_or(0.0);
        let (start_radius, why) = match settings.start_radius {
            Some(given) => (given, "as given".to_owned()),
            None => start_radius(steps, settings, around)?,
        };
        require(
            start_radius <= radius,
            "the start radius R0",
            start_radius,
            "at most the radius of the run's ball, where the weights are anyway",
        )?;
        let mut explanation = format!("start radius {start_radius:.4e}: {why}");
        let step_size = match settings.step_size {
            Some(given) => given,
            None if steps == 0 => 1.0,
            None => {
                let reaching = start_radius / (steps as f64 * clip_norm);
                let most = 0.5 / weight_decay;
                reaching.min(most)
            }
        };
        let contraction = step_size * weight_decay;
        require(
            contraction < 1.0,
            "step size times weight decay (gamma lambda)",
            contraction,
            "below 1: the steps must not overshoot the centre",
        )?;
        if steps > 0 {
            let reach = step_size * clip_norm * steps as f64;
            explanation += &format!(
                "; {steps} noisy steps of size {step_size:.4e} on gradients clipped to \
                 {clip_norm}, which can lead {reach:.4e} away together"
            );
        }
        let share = (around.training.epochs as f64 * RECOVERY_SHARE).ceil() as u64;
        let recovery_epochs = settings.recovery_epochs.unwrap_or(share);
        explanation += &match recovery_epochs {
            0 => "; no recovery".to_owned(),
            epochs => format!(
                "; then {epochs} epochs of training on the records that stay, which cost no epsilon"
            ),
        };
        Ok(FinetuneSchedule {
            noisy_steps: steps,
            start_radius,
            step_size,
            clip_norm,
            weight_decay,
            minibatch: settings.minibatch.unwrap_or(around.training.batch),
            recovery_epochs,
            seed: settings.seed,
            explanation,
        })
    }

    /// What the privacy arithmetic knows of it.
    #[must_use]
    pub fn accounted(&self) -> NoisyFineTuning {
        NoisyFineTuning {
            radius: self.start_radius,
            step_size: self.step_size,
            clip_norm: self.clip_norm,
            weight_decay: self.weight_decay,
            noisy_steps: self.noisy_steps,
        }
    }

    /// How the recovery trains: as the run did, but for its length. It stops by nothing that
    /// validation records or a gradient could tell.
    #[must_use]
    pub fn recovery(&self, training: &TrainingSettings) -> Option<TrainingSettings> {
        let epochs = self.recovery_epochs;
        let schedule = match training.schedule {
            Schedule::Cosine { warmup, last } => Schedule::Cosine {
                warmup: warmup.min(epochs.saturating_sub(1)),
                last,
            },
            other => other,
        };
        (epochs > 0).then(|| TrainingSettings {
            epochs,
            schedule,
            validation: 0.0,
            early_stopping: None,
            until_gradient: None,
            early_checkpoint: None,
            checkpoint_every: epochs,
            ..training.clone()
        })
    }
}

/// R0 where none is given, and why.
fn start_radius(
    steps: u64,
    settings: &FinetuneSettings,
    around: Surroundings<'_>,
) -> Result<(f64, String), Error> {
    let radius = around.ball.radius();
    let NoiseChoice::Promise { epsilon, delta, .. } = *around.noise else {
        let why = "the ball's, since the noise was given rather than the promise".to_owned();
        return Ok((radius, why));
    };
    let mu = Gdp::for_promise(Epsilon::new(epsilon)?, Delta::new(delta)?)?.mu();
    let parameters = around.model.description().parameters() as f64;
    let (wanted, measure) = match around.ball.centre() {
        Some(centre) => (
            BESIDE_CENTRE * rescind_curvature::norm(centre),
            "a tenth as long as the public centre",
        ),
        None => {
            let fresh = around.model.description().draw(around.training.seed);
            match rescind_curvature::norm(&fresh) {
                length if length > 0.0 => (
                    BESIDE_FRESH * length,
                    "2.5 times as long as freshly initialised weights",
                ),
                // Training starts at zero: only the ball says how long weights are.
                _ => (
                    BESIDE_CENTRE * radius,
                    "a tenth as long as the ball's radius",
                ),
            }
        }
    };
    // All noise together has length √(q d) σ = √d s/μ, and without decay s = 2R0 + 2γC1T.
    let spread = wanted * mu / (2.0 * parameters.sqrt());
    let found = match settings.step_size {
        _ if steps == 0 => spread,
        None => spread / 2.0,
        Some(_) => spread,
    };
    if found >= radius {
        let why = format!("the ball's, where noise is at most {measure}");
        return Ok((radius, why));
    }
    let why = format!("all noise together is then about {measure} ({wanted:.3})");
    Ok((found.max(f64::MIN_POSITIVE), why))
}
