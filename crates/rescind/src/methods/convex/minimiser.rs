//! Newton's method with conjugate gradients, until the gradient is small.

mod direction;

use super::point::{Effort, Point, evaluate};
use super::settings::ConvexSettings;
use crate::observer::Observer;
use crate::{Error, Objective};
use rescind_curvature::{Damped, NystromPreconditioner, Preconditioner, dot, norm};

/// Share of G that the norm computed in binary64 must leave for that computation's own rounding.
const ROUNDING: f64 = 1e-3;
/// Gradient norms below which binary32 no longer tells where to go.
const COARSE: f64 = 1e-6;
/// Least share that conjugate gradients in binary32 leave of a residual.
const FINEST: f64 = 3e-4;
/// What the first solve may leave where the start is a minimum over more records, for each share of
/// them that left: the curvature changes by about as much before the new minimum is reached, and
/// what a finer solve gains is lost to that. MNIST, 1000 of 60 000: 0.08.
const CHANGE: f64 = 5.0;
/// The least that the first solve may leave there.
const NEAR: f64 = 5e-3;
/// Greatest share of the outputs' curvature that is left out.
const THIN: f64 = 0.02;
/// Halvings of a step before the search gives up.
const HALVINGS: u32 = 40;

/// A descent on a strongly convex objective F to `‖∇F(w)‖ ≤ G` (THEORY §3).
///
/// Inexact Newton steps: the right-hand side is the gradient, in binary64 once it is small, and the
/// system is solved in binary32, which is iterative refinement. The tolerance follows the
/// gradient's fall (Eisenstat & Walker 1996, choice 2), and records whose outputs are all but
/// certain are left out of the curvature to the same degree. Solves are preconditioned by a sample of
/// the Jacobian's rows where the objective gives one; otherwise, where a solve takes long, a
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
    /// Whether the curvature is near enough the minimum's from the start that one preconditioner
    /// made of rows serves all steps. A descent that can be resumed makes each from w alone.
    near: bool,
    rows: Option<Box<dyn Preconditioner<f32> + 'a>>,
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
            near: false,
            rows: None,
            sketch: None,
            effort: Effort::default(),
        };
        start.evaluate_here(start.fine(before, back(2)))?;
        start.settle()?;
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
            near: true,
            rows: None,
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
        if self.objective.has_row_preconditioner() {
            return Ok(());
        }
        let w: Vec<f32> = self.point.w.iter().map(|&w| w as f32).collect();
        let curvature = self.objective.thinned_curvature(&w, THIN)?;
        self.prepare(&Damped::new(curvature, 0.0)?, rank, observer)
    }

    /// Takes one step.
    ///
    /// # Errors
    /// [`Error::GradientStuck`] where rounding keeps the gradient above G; [`Error::NoStep`];
    /// [`Error::Interrupted`]; whatever the objective meets.
    pub fn step(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        let w: Vec<f32> = self.point.w.iter().map(|&w| w as f32).collect();
        let tolerance = self.tolerance(self.point.norm, self.before);
        let curvature = self
            .objective
            .thinned_curvature(&w, THIN.min(0.25 * tolerance))?;
        let system = Damped::new(curvature, 0.0)?;
        let scale = self.point.norm;
        let rhs: Vec<f32> = self
            .point
            .gradient
            .iter()
            .map(|g| (g / scale) as f32)
            .collect();

        let x = self.direction(&w, &system, &rhs, tolerance, observer)?;
        drop(system);
        let x: Vec<f64> = x.iter().map(|&x| scale * f64::from(x)).collect();
        self.advance(&x)?;
        self.effort.steps += 1;
        Ok(())
    }

    /// What the solve may leave of a gradient of this norm, after a step from one of norm `before`.
    fn tolerance(&self, norm: f64, before: Option<f64>) -> f64 {
        let fall = before.map_or(self.first, |before| (norm / before).powi(2));
        let enough = 0.3 * self.settings.gradient_bound / norm;
        fall.max(enough).clamp(FINEST, 0.1)
    }

    /// Whether a step is judged in binary64 from the start, after steps that left gradients of
    /// these norms: where it is to leave a small one, the last is small, or no longer falls as
    /// rounding may explain.
    fn fine(&self, last: Option<f64>, before: Option<f64>) -> bool {
        let small =
            |last| last <= 10.0 * COARSE || last * self.tolerance(last, before) <= 3.0 * COARSE;
        let stands = |(last, before): (f64, f64)| last > 0.9 * before;
        last.is_some_and(small) || last.zip(before).is_some_and(stands)
    }

    /// Goes along −x as far as it helps: by Armijo's rule on F or, where F is known too coarsely or
    /// not at all, by the gradient's norm.
    fn advance(&mut self, x: &[f64]) -> Result<(), Error> {
        let slope = dot(&self.point.gradient, x);
        let exact = self.fine(self.last, self.before);
        let mut length = 1.0;
        for _ in 0..HALVINGS {
            let pairs = self.point.w.iter().zip(x);
            let w = pairs.map(|(w, x)| w - length * x).collect();
            let next = evaluate(self.objective, w, exact, &mut self.effort)?;
            // A fall of F below its rounding says nothing; the gradient's still does.
            let least = 1e-4 * length * slope;
            let (falls, visible) = match (self.point.loss, next.loss) {
                (Some(before), Some(after)) => {
                    let visible = least > 4.0 * f64::EPSILON * before.abs();
                    (visible && after <= before - least, visible)
                }
                _ => (false, true),
            };
            let enough = if visible { 0.5 } else { 0.9 };
            if falls || next.norm <= enough * self.point.norm {
                self.point = next;
                self.settle()?;
                (self.before, self.last) = (self.last, Some(self.point.norm));
                return Ok(());
            }
            if !self.point.exact || self.point.loss.is_none() {
                // Perhaps the step is good and what is known here is not.
                self.evaluate_here(true)?;
            } else if !visible {
                break;
            }
            length *= 0.5;
        }
        Err(Error::GradientStuck {
            norm: self.point.norm,
            bound: self.settings.gradient_bound,
        })
    }
}
