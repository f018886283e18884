//! Descents until the gradient is small.

mod conjugate;
mod direction;
mod newton;
mod place;
mod round;
mod search;

use super::point::{Effort, Point, evaluate};
use super::settings::ConvexSettings;
use crate::observer::Observer;
use crate::training::narrowed;
use crate::{Error, Objective};
use newton::{CHANGE, COARSE, NEAR, THIN};
use place::Place;
use rescind_curvature::{Damped, NystromPreconditioner, Preconditioner, norm};

/// Share of G that the norm computed in binary64 must leave for that computation's own rounding.
const ROUNDING: f64 = 1e-3;

/// A descent on a strongly convex objective F to `‖∇F(w)‖ ≤ G` (THEORY §3).
///
/// Where the objective is to be had through its model's outputs, rounds of preconditioned nonlinear
/// conjugate gradients: a product with the Jacobian and one with its transpose for every direction,
/// an exact search on each line, and a fresh preconditioner once the outputs' curvature has moved.
///
/// Elsewhere, inexact Newton steps: the right-hand side is the gradient, in binary64 once it is
/// small, and the system is solved in binary32, which is iterative refinement. The tolerance
/// follows the gradient's fall (Eisenstat & Walker 1996, choice 2), and records whose outputs are
/// all but certain are left out of the curvature to the same degree. Where a solve takes long, a
/// randomised Nyström preconditioner is prepared from the curvature met there and used from then on.
pub struct Minimiser<'a> {
    objective: &'a dyn Objective,
    settings: ConvexSettings,
    point: Point,
    /// The gradient's norm after the last step and after the one before it.
    last: Option<f64>,
    before: Option<f64>,
    /// What the first solve may leave.
    first: f64,
    /// The point in the outputs, where it was followed there.
    place: Option<Place<'a>>,
    sketch: Option<NystromPreconditioner<f32>>,
    effort: Effort,
}

impl<'a> Minimiser<'a> {
    /// Starts at `w`.
    ///
    /// # Errors
    /// Settings out of range, and whatever the objective meets.
    pub fn start(
        objective: &'a dyn Objective,
        w: Vec<f64>,
        settings: ConvexSettings,
    ) -> Result<Self, Error> {
        Self::resume(objective, w, &[], settings)
    }

    /// Goes on at `w` as the descent did whose gradient norms, after each of its steps, were
    /// `norms`: with bitwise the same result.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn resume(
        objective: &'a dyn Objective,
        w: Vec<f64>,
        norms: &[f64],
        settings: ConvexSettings,
    ) -> Result<Self, Error> {
        settings.validate()?;
        let back = |steps: usize| norms.iter().rev().nth(steps).copied();
        let (last, before) = (back(0), back(1));
        let mut start = Self {
            objective,
            settings,
            point: Point::unknown(w),
            last,
            before,
            first: 0.1,
            place: None,
            sketch: None,
            effort: Effort::default(),
        };
        match objective.linear_outputs() {
            Some(model) => {
                let exact = last.is_some_and(|last| start.delicate(last, before));
                let w = std::mem::take(&mut start.point.w);
                start.see(model, w, before, exact)?;
            }
            None => {
                start.evaluate_here(start.fine(before, back(2)))?;
                start.settle()?;
            }
        }
        Ok(start)
    }

    /// Starts at `w`, the minimum over more records of which this share has left, where the gradient
    /// is known to be about `gradient`, so that it need not be computed.
    ///
    /// # Errors
    /// Settings out of range.
    pub fn start_with(
        objective: &'a dyn Objective,
        w: Vec<f64>,
        gradient: Vec<f64>,
        share: f64,
        settings: ConvexSettings,
    ) -> Result<Self, Error> {
        settings.validate()?;
        let point = Point {
            norm: norm(&gradient),
            w,
            gradient,
            loss: None,
            exact: false,
        };
        Ok(Self {
            objective,
            settings,
            last: Some(point.norm),
            point,
            before: None,
            first: (CHANGE * share).clamp(NEAR, 0.1),
            place: None,
            sketch: None,
            effort: Effort::default(),
        })
    }

    /// With a preconditioner made earlier, for this objective or one much like it.
    #[must_use]
    pub fn preconditioned_by(mut self, sketch: Option<NystromPreconditioner<f32>>) -> Self {
        let fits = |kept: &NystromPreconditioner<f32>| {
            let at = kept.at(self.settings.penalty);
            at.is_ok_and(|at| at.dim() == self.point.w.len())
        };
        self.sketch = sketch.filter(fits);
        self
    }

    /// Computes a small gradient exactly before anything is built on it.
    fn settle(&mut self) -> Result<(), Error> {
        match !self.point.exact && self.point.norm <= COARSE {
            true => self.evaluate_here(true),
            false => Ok(()),
        }
    }

    fn evaluate_here(&mut self, exact: bool) -> Result<(), Error> {
        let w = std::mem::take(&mut self.point.w);
        self.point = evaluate(self.objective, w, exact, &mut self.effort)?;
        Ok(())
    }

    /// Whether `‖∇F(w)‖ ≤ G`, computed in binary64 with room for rounding.
    pub fn has_arrived(&self) -> bool {
        self.point.exact && self.point.norm <= self.settings.gradient_bound * (1.0 - ROUNDING)
    }

    /// w.
    pub fn weights(&self) -> &[f64] {
        &self.point.w
    }

    /// `‖∇F(w)‖`.
    pub fn gradient_norm(&self) -> f64 {
        self.point.norm
    }

    /// The same, if it was computed in binary64.
    pub fn exact_gradient_norm(&self) -> Option<f64> {
        self.point.exact.then_some(self.point.norm)
    }

    /// `F(w)`, where it was computed.
    pub fn loss(&self) -> Option<f64> {
        self.point.loss
    }

    /// What it has cost so far.
    pub fn effort(&self) -> Effort {
        self.effort
    }

    /// The preconditioner in use.
    pub fn sketch(&self) -> Option<&NystromPreconditioner<f32>> {
        self.sketch.as_ref()
    }

    /// The final point and the preconditioner.
    pub fn into_parts(self) -> (Vec<f64>, Option<NystromPreconditioner<f32>>) {
        (self.point.w, self.sketch)
    }

    /// Prepares a preconditioner of this rank here, for later descents that start near, unless
    /// they will have a fresh one at every step for less.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; whatever the objective meets.
    pub fn prepare_here(&mut self, rank: usize, observer: &mut dyn Observer) -> Result<(), Error> {
        if self.objective.linear_outputs().is_some() {
            return Ok(());
        }
        let w = narrowed(&self.point.w);
        let curvature = self.objective.thinned_curvature(&w, THIN)?;
        self.prepare(&Damped::new(curvature, 0.0)?, rank, observer)
    }

    /// Takes one step.
    ///
    /// # Errors
    /// [`Error::GradientStuck`] where rounding keeps the gradient above G; [`Error::NoStep`];
    /// [`Error::Interrupted`]; whatever the objective meets.
    pub fn step(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        match self.objective.linear_outputs() {
            Some(model) => self.round(model, observer)?,
            None => self.newton(observer)?,
        }
        self.effort.steps += 1;
        Ok(())
    }
}
