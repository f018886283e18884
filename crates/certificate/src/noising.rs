//! How noise got into the weights, as far as the bounds tell.

use super::identity::BallIdentity;
use super::record::{BoundRecord, Certificate};
use rescind_privacy::sensitivity::{Symbol, Theorem};
use rescind_privacy::{NoiseScale, NoisyFineTuning, PrivacyError};

/// Bound on every |w_i| within the ball.
#[must_use]
pub fn largest_weight(ball: &BallIdentity) -> f64 {
    (ball.radius + ball.largest_centre).next_up()
}

/// The schedule behind the bounds, where they are those of fine-tuning or output perturbation. Such
/// a bound stands alone.
pub(crate) fn schedule(bounds: &[BoundRecord]) -> Option<NoisyFineTuning> {
    let of = |theorem| bounds.iter().find(|bound| bound.theorem == theorem);
    let bound = of(Theorem::NoisyFineTuning).or(of(Theorem::OutputPerturbation))?;
    let value = |symbol| {
        let mut constants = bound.constants.iter();
        let found = constants.find(|constant| constant.symbol() == symbol);
        found.map(|constant| constant.value())
    };
    let steps = value(Symbol::NoisySteps);
    Some(NoisyFineTuning {
        radius: value(Symbol::StartRadius)?,
        // Without a step nothing depends on these.
        step_size: value(Symbol::StepSize).unwrap_or(1.0),
        clip_norm: value(Symbol::ClipNorm).unwrap_or(1.0),
        weight_decay: value(Symbol::WeightDecay).unwrap_or(0.0),
        noisy_steps: steps.map_or(0, |steps| steps as u64),
    })
}

/// How often noise is added to every parameter.
#[must_use]
pub fn noisings(bounds: &[BoundRecord]) -> u64 {
    schedule(bounds).map_or(1, |schedule| schedule.noisy_steps.max(1))
}

/// What the released numbers are, seen from the ball's centre, where nothing follows the noise:
/// something no longer than the first number, and independent Gaussian noise whose standard deviation
/// is the second.
///
/// # Errors
/// [`PrivacyError`] for a schedule out of range.
pub fn released_parts(certificate: &Certificate) -> Result<(f64, f64), PrivacyError> {
    let sigma = certificate.noise.sigma;
    match schedule(&certificate.bounds) {
        Some(schedule) => schedule.parts(sigma),
        None => Ok((certificate.model.ball.radius, sigma.value())),
    }
}

/// Bound on every |x_i| before the last noise, from public settings.
///
/// # Errors
/// [`PrivacyError`] for a schedule out of range.
pub fn largest_before_noise(
    bounds: &[BoundRecord],
    ball: &BallIdentity,
    sigma: NoiseScale,
) -> Result<f64, PrivacyError> {
    match schedule(bounds) {
        Some(schedule) => Ok((schedule.reach(sigma)? + ball.largest_centre).next_up()),
        None => Ok(largest_weight(ball)),
    }
}
