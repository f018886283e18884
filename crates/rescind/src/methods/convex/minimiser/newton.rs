//! A Newton step.

use super::Minimiser;
use crate::Error;
use crate::methods::convex::point::evaluate;
use crate::observer::Observer;
use crate::training::narrowed;
use rescind_curvature::{Damped, dot};

/// Gradient norms below which binary32 no longer tells where to go.
pub(super) const COARSE: f64 = 1e-6;
/// Least share that conjugate gradients in binary32 leave of a residual.
pub(super) const FINEST: f64 = 3e-4;
/// What the first solve may leave where the start is a minimum over more records, for each share of
/// them that left: the curvature changes by about as much before the new minimum is reached, and
/// what a finer solve gains is lost to that. MNIST, 1000 of 60 000: 0.08.
pub(super) const CHANGE: f64 = 5.0;
/// The least that the first solve may leave there.
pub(super) const NEAR: f64 = 5e-3;
/// Greatest share of the outputs' curvature that is left out.
pub(super) const THIN: f64 = 0.02;
/// Halvings of a step before the search gives up.
const HALVINGS: u32 = 40;

impl Minimiser<'_> {
    /// An inexact Newton step by conjugate gradients.
    pub(super) fn newton(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        let w = narrowed(&self.point.w);
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

        let x = self.direction(&system, &rhs, tolerance, observer)?;
        drop(system);
        let x: Vec<f64> = x.iter().map(|&x| scale * f64::from(x)).collect();
        self.advance(&x)
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
    pub(super) fn fine(&self, last: Option<f64>, before: Option<f64>) -> bool {
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
