//! Nonlinear conjugate gradients for a model that is linear in its weights.

use super::place::Place;
use crate::error::Error;
use crate::observer::{Observer, report};
use crate::phase::Phase;
use rescind_curvature::{Preconditioner, dot, norm};

/// Directions that a preconditioner is kept for whatever becomes of the curvature.
const LEAST: u64 = 4;
/// Share of the outputs' curvature that may have moved before a preconditioner is made anew.
const MOVED: f64 = 0.2;
/// Directions that may go by without a gradient shorter by a tenth, at first.
pub(super) const PATIENCE: u64 = 10;

/// How a round ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// With a gradient as small as asked for.
    Reached,
    /// With a preconditioner that no longer fits, or no longer helps.
    Stale,
}

/// What a round is to reach, and how.
pub(super) struct Goal {
    /// Gradient norm to reach.
    pub target: f64,
    /// Most directions.
    pub most: u64,
    /// Seed of the preconditioner.
    pub seed: u64,
    /// Directions that may go by without a gradient shorter by a tenth.
    pub patience: u64,
}

/// What a round took.
#[derive(Clone, Copy, Default)]
pub(super) struct Taken {
    pub directions: u64,
    pub preconditioners: u64,
}

/// Goes down from `place`, where the gradient is this and computed in binary64 or not, until its
/// norm is as asked or the preconditioner, made here, no longer fits.
///
/// Conjugate gradients of Polak and Ribiere. One direction takes one product with J and one with
/// its transpose: the outputs along it are known from the first, so that the minimum of F on its
/// line is found without another.
pub(super) fn descend(
    place: &mut Place<'_>,
    (start, exact): (&[f64], bool),
    goal: &Goal,
    observer: &mut dyn Observer,
) -> Result<(Ending, Taken), Error> {
    let mut taken = Taken::default();
    if norm(start) <= goal.target {
        return Ok((Ending::Reached, taken));
    }
    let preconditioner = place.preconditioner(goal.seed)?;
    taken.preconditioners = u64::from(preconditioner.is_some());
    let known = exact.then(|| place.reference(start.to_vec()));
    let traces = place.traces();
    let mut gradient = start.to_vec();
    let mut directions = Directions::default();
    let (mut best, mut since) = (f64::INFINITY, 0);
    while taken.directions < goal.most {
        let size = norm(&gradient);
        if size <= goal.target {
            return Ok((Ending::Reached, taken));
        }
        (best, since) = match size < 0.9 * best {
            true => (size, 0),
            false => (best, since + 1),
        };
        if since > goal.patience {
            return Ok((Ending::Stale, taken));
        }
        let slope = directions.turn(gradient, size, preconditioner.as_deref());
        let direction = &directions.direction;
        let dz = place.along(direction)?;
        let Some(length) = place.line(slope, direction, &dz).minimum() else {
            return Ok((Ending::Stale, taken));
        };
        place.advance(length, direction, &dz);
        taken.directions += 1;
        report(observer, Phase::Solve, taken.directions, None)?;
        if taken.directions >= LEAST && moved(&traces, &place.traces()) > MOVED {
            return Ok((Ending::Stale, taken));
        }
        gradient = match &known {
            Some(known) => place.gradient_from(known)?,
            None => place.gradient()?,
        };
    }
    Ok((Ending::Stale, taken))
}

/// Preconditioned directions, each conjugate to the one before it.
#[derive(Default)]
struct Directions {
    direction: Vec<f64>,
    gradient: Vec<f64>,
    /// Of the last gradient with itself, preconditioned.
    product: f64,
}

impl Directions {
    /// Turns to the direction at this gradient, of norm `size`; returns F's slope along it.
    fn turn(
        &mut self,
        gradient: Vec<f64>,
        size: f64,
        preconditioner: Option<&dyn Preconditioner<f32>>,
    ) -> f64 {
        let steepest = match preconditioner {
            Some(preconditioner) => {
                let unit: Vec<f32> = gradient.iter().map(|g| (g / size) as f32).collect();
                let mut out = vec![0.0; unit.len()];
                preconditioner.apply(&unit, &mut out);
                out.into_iter().map(|s| size * f64::from(s)).collect()
            }
            None => gradient.clone(),
        };
        let product = dot(&gradient, &steepest);
        let kept = match self.gradient.is_empty() {
            true => 0.0,
            false => ((product - dot(&self.gradient, &steepest)) / self.product).max(0.0),
        };
        self.direction.resize(gradient.len(), 0.0);
        let pairs = self.direction.iter_mut().zip(&steepest);
        pairs.for_each(|(d, s)| *d = kept * *d - s);
        let mut slope = dot(&gradient, &self.direction);
        if slope >= 0.0 {
            let pairs = self.direction.iter_mut().zip(&steepest);
            pairs.for_each(|(d, s)| *d = -s);
            slope = -product;
        }
        (self.gradient, self.product) = (gradient, product);
        slope
    }
}

/// Share of these that moved.
fn moved(before: &[f64], now: &[f64]) -> f64 {
    let pairs = || before.iter().zip(now);
    let change: f64 = pairs().map(|(a, b)| (a - b).abs()).sum();
    let all: f64 = pairs().map(|(a, b)| a.max(*b)).sum();
    if all > 0.0 { change / all } else { 0.0 }
}
