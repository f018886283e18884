//! Noisy fine-tuning: the mechanism that puts the noise into the steps (Koloskova et al. 2025;
//! docs/theory.md §4).
//!
//! # Finite precision
//! What happens between two additions of noise is the method's. The last iterate is rounded to the [grid](rescind_privacy::noise::Grid) as any release is. Recovery starts from the
//! rounded iterate and sees nothing else of what went before: it is post-processing, and however it
//! computes, it reveals no more.

use super::decision::{Decision, NoiseLimit};
use super::error::ReleaseError;
use super::foundation::{check_ball, check_vector};
use super::noised::Noised;
use super::order::FineTuneOrder;
use crate::error::Error;
use crate::ledger::Ledger;
use rescind_certificate::{BoundChoice, FollowedBy, largest_before_noise};
use rescind_privacy::noise::{NoiseReport, NoiseSource, ReleaseFormat};
use rescind_unlearn::methods::noisy::{NoisySteps, bound};
use rescind_unlearn::training::TrainingProgress;
use rescind_unlearn::{Ball, Observer, Phase, narrowed, norm_above, report};
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
/// records, and lets the recovery follow. Nothing is written; what comes back can be released, or
/// kept.
///
/// Noise that outweighs the weights is refused only where no recovery follows it.
///
/// # Errors
/// As [`release()`](super::release()), and interruption.
pub fn fine_tune<'a>(
    order: FineTuneOrder<'a>,
    ledger: &Ledger,
    observer: &mut dyn Observer,
) -> Result<(Noised<'a>, FineTuned), Error> {
    let FineTuneOrder {
        basis,
        weights,
        schedule,
        retained,
    } = order;
    check_vector("weights", weights.values(), basis.model.parameters())?;
    check_ball(basis.model, weights.values(), &basis.ball)?;
    if retained.records.len() as u64 != basis.data.retained {
        return Err(ReleaseError::Inconsistent {
            field: "/data/retained".to_owned(),
            found: retained.records.len().to_string(),
            expected: basis.data.retained.to_string(),
            why: "steps and recovery see the records that stay".to_owned(),
        }
        .into());
    }
    let bound = bound(&schedule)?;
    let centre: Option<Arc<[f32]>> = basis.ball.centre.map(Into::into);
    let mut start = narrowed(weights.values());
    let start_projected = Ball::new(schedule.radius, centre.clone())?.project(&mut start);
    let mut iterate: Vec<f64> = start.into_iter().map(f64::from).collect();
    let recovers = retained.recovery.is_some();
    let limit = NoiseLimit::of(&basis.noise, basis.accept_noise, recovers);
    let limit = (limit, Some(&schedule));
    let bounds = (vec![bound], BoundChoice::Public);
    let decision = Decision::new(basis, ledger.history(), &iterate, bounds, limit)?;
    let (sigma, terms) = (decision.terms.sigma, &decision.terms);
    let largest =
        largest_before_noise(&terms.bounds, &decision.ball, sigma).map_err(ReleaseError::from)?;
    let of_steps = (
        schedule.step_size,
        schedule.clip_norm,
        schedule.weight_decay,
    );
    let process = (
        (schedule.radius, of_steps, schedule.noisy_steps),
        (retained.records.digest(), retained.minibatch),
        (retained.seed, retained.penalty, &retained.recovery),
    );
    let mut source = decision.noise_source(ledger, &iterate, largest, &process)?;

    let began = Instant::now();
    check_start(&iterate, centre.as_deref(), schedule.radius)?;
    let mut gradients = retained.gradients()?;
    let mut steps = NoisySteps::new(schedule, centre.as_deref(), iterate.len());
    let total = schedule.noisy_steps;
    for step in 1..=total {
        steps.descend(&mut iterate, &mut |w, g| gradients.next(w, g))?;
        if step < total {
            let noised = source.add_gaussian_unrounded(sigma, &mut iterate);
            noised.map_err(ReleaseError::from)?;
        }
        report(observer, Phase::NoisySteps, step, Some(total))?;
    }
    let noise = last_noise(&mut source, &decision, largest, &mut iterate)?;
    // Exact: the grid's numbers are binary32 numbers.
    let noised = narrowed(&iterate);
    let noisy_seconds = began.elapsed().as_secs_f64();

    let (released, recovery) = retained.recover(noised, observer)?;
    let followed_by = match retained.recovery {
        Some(_) => FollowedBy::Recovery,
        None => FollowedBy::Nothing,
    };
    let done = FineTuned {
        start_projected,
        clipped: steps.clipped,
        noisy_seconds,
        recovery,
    };
    let noised = Noised::new(decision, released, noise, largest, followed_by)?;
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
