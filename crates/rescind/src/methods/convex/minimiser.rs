//! Newton's method with conjugate gradients, until the gradient is small.

use super::settings::ConvexSettings;
use crate::observer::{Observer, Phase, relay};
use crate::{Error, Objective};
use rescind_curvature::{
    Cg, Control, Damped, Ending, NystromPreconditioner, NystromSettings, PreconditionerError,
    Solver, Stopping, dot, norm,
};
use serde::{Deserialize, Serialize};

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
/// Products without a preconditioner that say that one is worth its price.
const PATIENCE: u64 = 12;
/// Greatest share of the outputs' curvature that is left out.
const THIN: f64 = 0.02;
/// Halvings of a step before the search gives up.
const HALVINGS: u32 = 40;

/// A descent on a strongly convex objective F to `‖∇F(w)‖ ≤ G` (THEORY §3).
///
/// Inexact Newton steps: the right-hand side is the gradient, in binary64 once it is small, and the
/// system is solved in binary32, which is iterative refinement. The tolerance follows the
/// gradient's fall (Eisenstat & Walker 1996, choice 2), and records whose outputs are all but
/// certain are left out of the curvature to the same degree. Where a solve takes long, a
/// randomised preconditioner is prepared from the curvature met there and used from then on.
pub struct Minimiser<'a> {
    objective: &'a dyn Objective,
    settings: ConvexSettings,
    point: Point,
    /// The gradient's norm after the last step and after the one before it.
    last: Option<f64>,
    before: Option<f64>,
    /// What the first solve may leave.
    first: f64,
    sketch: Option<NystromPreconditioner<f32>>,
    effort: Effort,
}

/// What a descent has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effort {
    /// Newton steps taken.
    pub steps: u64,
    /// Products with the curvature, in binary32.
    pub products: u64,
    /// Of these, the ones spent on a preconditioner.
    pub sketch_products: u64,
    /// Gradients over all records, in binary32.
    pub gradients: u64,
    /// Gradients over all records, in binary64.
    pub exact_gradients: u64,
}

/// A point and what is known there.
struct Point {
    w: Vec<f64>,
    gradient: Vec<f64>,
    norm: f64,
    /// Absent where the gradient was had without it.
    loss: Option<f64>,
    exact: bool,
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
        let mut effort = Effort::default();
        let point = evaluate(objective, w, fine(before, back(2)), &mut effort)?;
        let start = Self {
            objective,
            settings,
            point,
            last,
            before,
            first: 0.1,
            sketch: None,
            effort,
        };
        start.settled()
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
            sketch: None,
            effort: Effort::default(),
        })
    }

    /// With a preconditioner made earlier, for this objective or one much like it.
    #[must_use]
    pub fn preconditioned_by(mut self, sketch: Option<NystromPreconditioner<f32>>) -> Self {
        let fits = |kept: &NystromPreconditioner<f32>| {
            let at = kept.at(self.settings.penalty);
            at.is_ok_and(|at| rescind_curvature::Preconditioner::dim(&at) == self.point.w.len())
        };
        self.sketch = sketch.filter(fits);
        self
    }

    /// Computes a small gradient exactly before anything is built on it.
    fn settle(&mut self) -> Result<(), Error> {
        if !self.point.exact && self.point.norm <= COARSE {
            let w = std::mem::take(&mut self.point.w);
            self.point = evaluate(self.objective, w, true, &mut self.effort)?;
        }
        Ok(())
    }

    fn settled(mut self) -> Result<Self, Error> {
        self.settle()?;
        Ok(self)
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

    /// Prepares a preconditioner of this rank here, for later descents that start near.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; whatever the objective meets.
    pub fn prepare_here(&mut self, rank: usize, observer: &mut dyn Observer) -> Result<(), Error> {
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
        let tolerance = self.tolerance();
        let curvature = self
            .objective
            .thinned_curvature(&w, THIN.min(0.25 * tolerance))?;
        // The penalty is in the curvature already.
        let system = Damped::new(curvature, 0.0)?;
        let scale = self.point.norm;
        let rhs: Vec<f32> = self
            .point
            .gradient
            .iter()
            .map(|g| (g / scale) as f32)
            .collect();

        let mut x = None;
        if self.sketch.is_none() {
            let solution = self.solve(&system, &rhs, tolerance, PATIENCE, observer)?;
            match solution.ending {
                Ending::Converged => x = Some(solution.x),
                _ if self.point.norm > self.settings.sketch_below => x = Some(solution.x),
                _ => self.prepare(&system, self.settings.sketch_rank, observer)?,
            }
        }
        let x = match x {
            Some(x) => x,
            None => {
                let most = self.settings.max_products;
                self.solve(&system, &rhs, tolerance, most, observer)?.x
            }
        };
        drop(system);
        let x: Vec<f64> = x.iter().map(|&x| scale * f64::from(x)).collect();
        self.advance(&x)?;
        self.effort.steps += 1;
        Ok(())
    }

    /// What the solve may leave of the gradient.
    fn tolerance(&self) -> f64 {
        let norm = self.point.norm;
        let fall = match self.before {
            Some(before) => (norm / before).powi(2),
            None => self.first,
        };
        let enough = 0.3 * self.settings.gradient_bound / norm;
        fall.max(enough).clamp(FINEST, 0.1)
    }

    fn solve(
        &mut self,
        system: &Damped<Box<dyn rescind_curvature::LinearOperator<f32> + '_>>,
        rhs: &[f32],
        tolerance: f64,
        max_products: u64,
        observer: &mut dyn Observer,
    ) -> Result<rescind_curvature::Solution<f32>, Error> {
        let at = match &self.sketch {
            Some(sketch) => Some(sketch.at(self.settings.penalty)?),
            None => None,
        };
        let mut cg = Cg::new(Stopping {
            relative_tolerance: tolerance,
            max_products,
        });
        if let Some(at) = &at {
            cg = cg.preconditioned_by(at);
        }
        let mut relay = relay(observer, Phase::Solve, None);
        let solution = cg.solve(system, rhs, &mut Control::new(&mut relay))?;
        self.effort.products += solution.products;
        match solution.ending {
            Ending::Interrupted => Err(Error::Interrupted {
                phase: Phase::Solve,
            }),
            Ending::Converged | Ending::BudgetSpent | Ending::Stagnated => Ok(solution),
            ending => Err(Error::NoStep { ending }),
        }
    }

    fn prepare(
        &mut self,
        system: &Damped<Box<dyn rescind_curvature::LinearOperator<f32> + '_>>,
        rank: usize,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let settings = NystromSettings {
            initial_rank: rank,
            max_rank: rank,
            seed: self.settings.seed,
            ..NystromSettings::for_damping(self.settings.penalty)
        };
        let mut relay = relay(observer, Phase::Precondition, Some(rank as u64));
        let sketch =
            NystromPreconditioner::prepare(system, &settings, &mut Control::new(&mut relay));
        let sketch = sketch.map_err(|error| match error {
            PreconditionerError::Interrupted { .. } => Error::Interrupted {
                phase: Phase::Precondition,
            },
            other => other.into(),
        })?;
        self.effort.products += sketch.products();
        self.effort.sketch_products += sketch.products();
        self.sketch = Some(sketch);
        Ok(())
    }

    /// Goes along −x as far as it helps: by Armijo's rule on F or, where F is known too coarsely or
    /// not at all, by the gradient's norm.
    fn advance(&mut self, x: &[f64]) -> Result<(), Error> {
        let slope = dot(&self.point.gradient, x);
        let exact = fine(self.last, self.before);
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
                let w = std::mem::take(&mut self.point.w);
                self.point = evaluate(self.objective, w, true, &mut self.effort)?;
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

/// Whether a step is judged in binary64 from the start, after steps that left gradients of these
/// norms: where the last is small, or no longer falls as rounding may explain.
fn fine(last: Option<f64>, before: Option<f64>) -> bool {
    let small = |norm| norm <= 10.0 * COARSE;
    let stands = |(norm, before): (f64, f64)| norm > 0.9 * before;
    last.is_some_and(small) || last.zip(before).is_some_and(stands)
}

fn evaluate(
    objective: &dyn Objective,
    w: Vec<f64>,
    exact: bool,
    effort: &mut Effort,
) -> Result<Point, Error> {
    let mut gradient = vec![0.0; w.len()];
    let loss = match exact {
        true => {
            effort.exact_gradients += 1;
            objective.exact_gradient(&w, &mut gradient)?
        }
        false => {
            effort.gradients += 1;
            let single: Vec<f32> = w.iter().map(|&w| w as f32).collect();
            let mut coarse = vec![0.0; w.len()];
            let loss = objective.gradient(&single, &mut coarse)?;
            for (exact, coarse) in gradient.iter_mut().zip(coarse) {
                *exact = f64::from(coarse);
            }
            loss
        }
    };
    Ok(Point {
        norm: norm(&gradient),
        w,
        gradient,
        loss: Some(loss),
        exact,
    })
}
