//! Noisy fine-tuning: the mechanism that puts the noise into the steps (Koloskova et al. 2025;
//! THEORY §4).
//!
//! # Finite precision
//! Iterates between noisy steps are held in binary64, noise included, and nobody sees them. The map
//! from one to the next is `a`-Lipschitz up to `2γC1` whatever the gradient is, so that a gradient
//! computed in binary32, at the iterate rounded to binary32, changes nothing. The last iterate is
//! rounded to the [grid](rescind_privacy::noise::Grid) as any release is. Recovery starts from the
//! rounded iterate and sees nothing else of what went before: it is post-processing, and however it
//! computes, it reveals no more.

use super::decision::{Decision, Judged};
use super::error::ReleaseError;
use super::foundation::{check_ball, check_vector, norm_above};
use super::noised::Noised;
use super::order::{Basis, FineTuneOrder};
use crate::Error;
use crate::certificate::{FollowedBy, largest_before_noise};
use crate::key::RunKey;
use crate::observer::{Observer, Phase, report};
use crate::training::{Ball, TrainingProgress};
use rescind_privacy::NoisyFineTuning;
use rescind_privacy::noise::{NoiseReport, NoiseSource, ReleaseFormat};
use rescind_privacy::sensitivity::{Constant, Provenance, SensitivityBound, Symbol, Theorem};
use std::sync::Arc;
use std::time::Instant;

/// What noisy fine-tuning did. It was computed from the records and carries no noise: private.
#[derive(Debug, Clone, PartialEq)]
pub struct FineTuned {
    /// Whether the start had to be drawn towards the centre.
    pub start_projected: bool,
    /// Noisy steps whose gradient was clipped.
    pub clipped: u64,
    /// Seconds of the noisy steps.
    pub noisy_seconds: f64,
    /// How the recovery went; empty without one.
    pub recovery: TrainingProgress,
}

/// Projects private weights to within R0 of the centre, takes the noisy steps on the retained
/// records, and lets the recovery follow. Nothing is written but the run's signing key; what
/// comes back can be released, or kept.
///
/// Noise that outweighs the weights is refused only where no recovery follows it.
///
/// # Errors
/// As [`release()`](super::release()), and [`Error::Interrupted`].
pub fn fine_tune<'a>(
    order: FineTuneOrder<'a>,
    observer: &mut dyn Observer,
) -> Result<(Noised<'a>, FineTuned), Error> {
    let FineTuneOrder {
        run,
        network,
        weights,
        ball,
        schedule,
        retained,
        noise,
        insecure_noise_seed,
        statistics,
        budget,
        request,
        data,
    } = order;
    check_vector("weights", weights.values(), network.parameter_count())?;
    check_ball(network, weights.values(), &ball)?;
    if retained.records.len() as u64 != data.retained {
        return Err(ReleaseError::Inconsistent {
            field: "/data/retained".to_owned(),
            found: retained.records.len().to_string(),
            expected: data.retained.to_string(),
            why: "steps and recovery see the records that stay".to_owned(),
        }
        .into());
    }
    let bound = bound(&schedule)?;
    let centre: Option<Arc<[f32]>> = ball.centre.map(Into::into);
    let mut start: Vec<f32> = weights.values().iter().map(|&w| w as f32).collect();
    let start_projected = Ball::new(schedule.radius, centre.clone())?.project(&mut start);
    let mut iterate: Vec<f64> = start.into_iter().map(f64::from).collect();
    let basis = Basis {
        run,
        network,
        linearised: false,
        ball,
        noise,
        insecure_noise_seed,
        statistics,
        budget,
        request,
        data,
    };
    let judged = match retained.recovery {
        Some(_) => Judged::Not,
        None => Judged::ByNoise,
    };
    let decision = Decision::new(basis, &iterate, vec![bound], judged)?;
    let (sigma, terms) = (decision.terms.sigma, &decision.terms);
    let largest =
        largest_before_noise(&terms.bounds, &decision.ball, sigma).map_err(ReleaseError::from)?;
    let mut source = decision.noise_source()?;

    let began = Instant::now();
    check_start(&iterate, centre.as_deref(), schedule.radius)?;
    let mut gradients = retained.minibatches()?;
    let mut steps = Steps {
        schedule,
        centre: centre.as_deref(),
        gradient: vec![0.0; iterate.len()],
        clipped: 0,
    };
    let total = schedule.noisy_steps;
    for step in 1..=total {
        steps.descend(&mut iterate, &mut |w, g| gradients.gradient(w, g))?;
        if step < total {
            let noised = source.add_gaussian_unrounded(sigma, &mut iterate);
            noised.map_err(ReleaseError::from)?;
        }
        report(observer, Phase::NoisySteps, step, Some(total))?;
    }
    let noise = last_noise(&mut source, &decision, largest, &mut iterate)?;
    // Exact: the grid's numbers are binary32 numbers.
    let noised: Vec<f32> = iterate.into_iter().map(|value| value as f32).collect();
    let noisy_seconds = began.elapsed().as_secs_f64();

    let (released, recovery) = retained.recover(noised, observer)?;
    let followed_by = match retained.recovery {
        Some(_) => FollowedBy::Recovery,
        None => FollowedBy::Nothing,
    };
    let key = RunKey::of(run).map_err(ReleaseError::from)?;
    let done = FineTuned {
        start_projected,
        clipped: steps.clipped,
        noisy_seconds,
        recovery,
    };
    let noised = Noised::new(decision, key, released, noise, largest, followed_by)?;
    Ok((noised, done))
}

fn last_noise(
    source: &mut NoiseSource,
    decision: &Decision<'_>,
    largest: f64,
    iterate: &mut [f64],
) -> Result<NoiseReport, ReleaseError> {
    let sigma = decision.terms.sigma;
    Ok(source.add_gaussian(sigma, largest, ReleaseFormat::F32, iterate)?)
}

/// The projection is what the bound rests on: looked at again in f64.
fn check_start(start: &[f64], centre: Option<&[f32]>, radius: f64) -> Result<(), ReleaseError> {
    let distance = norm_above(
        start
            .iter()
            .enumerate()
            .map(|(index, value)| value - centre.map_or(0.0, |centre| f64::from(centre[index]))),
    );
    if distance <= radius {
        return Ok(());
    }
    Err(ReleaseError::OutsideBall { distance, radius })
}

/// Writes a gradient at some weights.
type Gradient<'a> = dyn FnMut(&[f32], &mut [f32]) -> Result<(), Error> + 'a;

/// The steps between the noise.
struct Steps<'a> {
    schedule: NoisyFineTuning,
    centre: Option<&'a [f32]>,
    gradient: Vec<f32>,
    clipped: u64,
}

impl Steps<'_> {
    /// `x ← x − γ (clip_{C1}(ĝ(x)) + λ (x − c))`.
    fn descend(&mut self, x: &mut [f64], gradient: &mut Gradient<'_>) -> Result<(), Error> {
        let NoisyFineTuning {
            step_size,
            clip_norm,
            weight_decay,
            ..
        } = self.schedule;
        let at: Vec<f32> = x.iter().map(|&x| x as f32).collect();
        gradient(&at, &mut self.gradient)?;
        let norm = norm_above(self.gradient.iter().map(|&g| f64::from(g)));
        if !norm.is_finite() {
            return Err(Error::Diverged {
                epoch: 1,
                loss: norm,
            });
        }
        let scale = if norm > clip_norm {
            self.clipped += 1;
            clip_norm / norm
        } else {
            1.0
        };
        for (index, (x, &g)) in x.iter_mut().zip(&self.gradient).enumerate() {
            let c = self.centre.map_or(0.0, |centre| f64::from(centre[index]));
            *x -= step_size * (scale * f64::from(g) + weight_decay * (*x - c));
        }
        Ok(())
    }
}

/// The bound of a schedule: all its constants are settings, so it is proved.
pub(crate) fn bound(schedule: &NoisyFineTuning) -> Result<SensitivityBound, Error> {
    let constant = |symbol, value, how| Constant::new(symbol, value, Provenance::Proved, how);
    let radius = constant(
        Symbol::StartRadius,
        schedule.radius,
        "a setting of the request; the mechanism projects the start",
    )?;
    if schedule.noisy_steps == 0 {
        let theorem = Theorem::OutputPerturbation;
        return Ok(SensitivityBound::new(theorem, vec![radius])?);
    }
    let constants = vec![
        radius,
        constant(
            Symbol::StepSize,
            schedule.step_size,
            "a setting of the request",
        )?,
        constant(
            Symbol::ClipNorm,
            schedule.clip_norm,
            "a setting of the request; the mechanism clips every gradient",
        )?,
        constant(
            Symbol::WeightDecay,
            schedule.weight_decay,
            "a setting of the request",
        )?,
        constant(
            Symbol::NoisySteps,
            schedule.noisy_steps as f64,
            "a setting of the request; the mechanism adds noise at every step",
        )?,
    ];
    let theorem = Theorem::NoisyFineTuning;
    Ok(SensitivityBound::new(theorem, constants)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(clip_norm: f64, centre: Option<&[f32]>) -> Steps<'_> {
        Steps {
            schedule: NoisyFineTuning {
                radius: 1.0,
                step_size: 0.5,
                clip_norm,
                weight_decay: 0.2,
                noisy_steps: 1,
            },
            centre,
            gradient: vec![0.0; 2],
            clipped: 0,
        }
    }

    #[test]
    fn a_step_is_that_of_the_theorem() {
        let centre = [1.0_f32, 1.0];
        let mut gradient = |w: &[f32], g: &mut [f32]| {
            assert_eq!(w, [3.0, 0.5]);
            g.copy_from_slice(&[3.0, 4.0]);
            Ok(())
        };
        for (clip_norm, scale) in [(2.5, 0.5), (5.1, 1.0)] {
            let mut steps = steps(clip_norm, Some(&centre));
            let mut x = [3.0, 0.5];
            steps.descend(&mut x, &mut gradient).unwrap();
            let expected = [
                3.0 - 0.5 * (scale * 3.0 + 0.2 * 2.0),
                0.5 - 0.5 * (scale * 4.0 - 0.2 * 0.5),
            ];
            for (x, expected) in x.iter().zip(expected) {
                assert!((x - expected).abs() < 1e-12, "{x} {expected}");
            }
            assert_eq!(steps.clipped, u64::from(scale < 1.0));
        }
    }

    /// Whatever gradients two processes meet, a step brings them no further apart than the bound
    /// counts on.
    #[test]
    fn no_gradient_moves_further_than_the_clipping_allows() {
        for (one, other) in [
            ([1e30_f32, -1e30], [-1e30, 1e30]),
            ([f32::MAX, 0.0], [f32::MIN, 0.0]),
            ([1e-20, 0.0], [3.0, -7.0]),
        ] {
            let step = |gradient: [f32; 2]| {
                let mut x = [0.25, -0.5];
                let mut give = |_: &[f32], g: &mut [f32]| {
                    g.copy_from_slice(&gradient);
                    Ok(())
                };
                steps(1.5, None).descend(&mut x, &mut give).unwrap();
                x
            };
            let (a, b) = (step(one), step(other));
            let apart = (a[0] - b[0]).hypot(a[1] - b[1]);
            assert!(apart <= 2.0 * 0.5 * 1.5, "{apart}");
        }
        let mut broken = |_: &[f32], g: &mut [f32]| {
            g[0] = f32::NAN;
            Ok(())
        };
        let outcome = steps(1.0, None).descend(&mut [0.0, 0.0], &mut broken);
        assert!(matches!(outcome, Err(Error::Diverged { .. })));
    }
}
