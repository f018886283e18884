//! A round of conjugate gradients, followed in the outputs.

use super::conjugate::{Ending, Goal, PATIENCE, descend};
use super::place::Place;
use super::{Minimiser, evaluate};
use crate::descent::point::Point;
use crate::error::Error;
use crate::observer::Observer;
use rescind_curvature::norm;

/// Gradient norms below which binary32 no longer tells where to go.
const COARSE: f64 = 1e-6;
/// Least share that binary32 leaves of a gradient that is known exactly.
const FINEST: f64 = 3e-4;
/// Gradient norms down to which binary32 takes a descent by itself, from no exact gradient.
const ALONE: f64 = 1e-7;
/// Rounds that may go by since the gradient was last shorter by a tenth, each twice as patient as the
/// one before it: where curvatures lie many orders of magnitude apart, its norm rises before it falls.
const STALLS: u32 = 4;

impl Minimiser<'_> {
    /// Goes down as far as one preconditioner leads, or to G.
    pub(super) fn round(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        let mut place = match self.place.take() {
            Some(place) => place,
            None => Place::new(self.objective, &self.point.w)?,
        };
        let half = 0.5 * self.settings.gradient_bound;
        let goal = Goal {
            target: match self.point.exact {
                true => half.max(FINEST * self.point.norm),
                false => half.max(ALONE),
            },
            most: self.settings.max_products,
            seed: self.settings.seed,
            patience: PATIENCE << self.headway.stalls.min(STALLS),
        };
        let start = (&*self.point.gradient, self.point.exact);
        let (ending, taken) = descend(&mut place, start, &goal, observer)?;
        self.effort.products += taken.directions;
        self.effort.preconditioners += taken.preconditioners;
        let w = place.weights();
        drop(place);
        let known = std::mem::replace(&mut self.point, Point::unknown(Vec::new()));
        self.move_to(w, Some(known.norm), ending == Ending::Reached)?;
        if !self.point.norm.is_finite() {
            let ending = rescind_curvature::Ending::NonFinite;
            return Err(Error::NoStep { ending });
        }
        self.headway.note(self.point.norm);
        (self.before, self.last) = (self.last, Some(self.point.norm));
        let falls = match (known.loss, self.point.loss) {
            (Some(before), Some(now)) => before - now > 4.0 * f64::EPSILON * before.abs(),
            _ => false,
        };
        if known.exact && !falls && self.headway.stalls > STALLS {
            let value = self.point.loss.unwrap_or(f64::INFINITY);
            let w = self.point.w.clone();
            return Err(Error::GradientStuck {
                norm: self.point.norm,
                bound: self.settings.gradient_bound,
                rounding: self.rounding(&w, value)?,
            });
        }
        Ok(())
    }

    /// Evaluates at w, after a step from a gradient of norm `before`; in binary64 where that is
    /// asked for or where binary32 is not to be trusted.
    pub(super) fn move_to(
        &mut self,
        w: Vec<f64>,
        before: Option<f64>,
        exact: bool,
    ) -> Result<(), Error> {
        self.place = None;
        if !exact {
            let place = Place::new(self.objective, &w)?;
            let gradient = place.gradient()?;
            self.effort.gradients += 1;
            let norm = norm(&gradient);
            if !self.needs_binary64(norm, before) {
                self.point = Point {
                    norm,
                    loss: Some(place.loss()),
                    w,
                    gradient,
                    exact: false,
                    rounding: f64::INFINITY,
                };
                self.place = Some(place);
                return Ok(());
            }
        }
        let mut point = evaluate(self.objective, w, &mut self.effort)?;
        if point.norm <= self.settings.gradient_bound {
            let value = point.loss.unwrap_or(f64::INFINITY);
            point.rounding = self.rounding(&point.w, value)?;
        }
        self.point = point;
        Ok(())
    }

    /// Whether a gradient of this norm, after one of norm `before`, is computed in binary64: it is
    /// small, or does not fall as rounding may explain.
    pub(super) fn needs_binary64(&self, norm: f64, before: Option<f64>) -> bool {
        let small = 4.0 * self.settings.gradient_bound.max(COARSE);
        norm <= small || before.is_some_and(|before| norm > 0.9 * before)
    }
}
