//! A Newton step seen in double precision.

use super::report::{ExactCheck, NewtonReport};
use super::settings::RightHandSide;
use super::task::NewtonTask;
use crate::error::Error;
use crate::objective::Curvature;
use crate::objective::{Objective, exact_gradient_norm};
use crate::observer::{Observer, report};
use crate::phase::Phase;
use rescind_curvature::norm;

/// Computes the residuals of a step again, of the system solved and of the theorem's, from where it
/// led: `weights` must not have been projected.
pub fn residuals(
    task: &NewtonTask<'_>,
    report: &NewtonReport,
    weights: &[f32],
) -> Result<(f64, f64), Error> {
    let x = step_taken(task.weights, weights);
    let rhs = right_hand_side(task, report.settings.right_hand_side)?;
    let exact = Exact::new(task, report.settings.curvature, &x, &mut ())?;
    let damping = report.damping.damping;
    Ok((
        exact.residual(&rhs, damping),
        exact.theorem_residual(damping)?,
    ))
}

/// `w* − w̃` before projection: what was rounded away belongs to the residual.
pub(super) fn step_taken(before: &[f32], after: &[f32]) -> Vec<f64> {
    let pairs = before.iter().zip(after);
    pairs
        .map(|(&w, &new)| f64::from(w) - f64::from(new))
        .collect()
}

/// The b of `(B + λI) x = b`.
pub(super) fn right_hand_side(
    task: &NewtonTask<'_>,
    which: RightHandSide,
) -> Result<Vec<f32>, Error> {
    let mut rhs = vec![0.0; task.weights.len()];
    match which {
        RightHandSide::RetainGradient => {
            task.retain.gradient(task.weights, &mut rhs)?;
        }
        RightHandSide::ForgetInfluence => {
            let forget = task.forget.ok_or(Error::NoRecords)?;
            forget.gradient(task.weights, &mut rhs)?;
            let share = task.forgotten as f64 / task.retain.records() as f64;
            rhs.iter_mut()
                .for_each(|b| *b = (-share * f64::from(*b)) as f32);
        }
    }
    Ok(rhs)
}

/// Double-precision quantities at the weights before the step x.
pub(crate) struct Exact<'a> {
    retain: &'a dyn Objective,
    weights: Vec<f64>,
    x: &'a [f64],
    curvature: Curvature,
    /// `∇F_r(w*)`.
    gradient: Vec<f64>,
    /// `Bx`.
    product: Vec<f64>,
}

impl<'a> Exact<'a> {
    pub(super) fn new(
        task: &NewtonTask<'a>,
        curvature: Curvature,
        x: &'a [f64],
        observer: &mut dyn Observer,
    ) -> Result<Self, Error> {
        let weights: Vec<f64> = task.weights.iter().map(|&w| f64::from(w)).collect();
        let (mut gradient, mut product) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        let retain = task.retain;
        retain.exact_gradient_and_product(&weights, curvature, x, &mut gradient, &mut product)?;
        report(observer, Phase::Check, 1, None)?;
        Ok(Exact {
            retain,
            weights,
            x,
            curvature,
            gradient,
            product,
        })
    }

    /// All that is computed again of a step that led to these weights.
    pub(super) fn check(
        &self,
        rhs: &[f32],
        damping: f64,
        weights: &[f32],
        observer: &mut dyn Observer,
    ) -> Result<ExactCheck, Error> {
        let gradient_norm_after = exact_gradient_norm(self.retain, weights)?;
        report(observer, Phase::Check, 2, None)?;
        Ok(ExactCheck {
            residual: self.residual(rhs, damping),
            gradient_norm_before: norm(&self.gradient),
            gradient_norm_after,
        })
    }

    /// `‖b − (B + λI)x‖`.
    fn residual(&self, rhs: &[f32], damping: f64) -> f64 {
        let rhs: Vec<f64> = rhs.iter().map(|&b| f64::from(b)).collect();
        self.remainder(&rhs, &self.product, damping)
    }

    /// The same for the theorem's system: the Hessian and the full gradient (docs/theory.md §2).
    pub fn theorem_residual(&self, damping: f64) -> Result<f64, Error> {
        if self.curvature == Curvature::Hessian {
            return Ok(self.remainder(&self.gradient, &self.product, damping));
        }
        let mut product = vec![0.0; self.x.len()];
        self.retain
            .exact_product(&self.weights, Curvature::Hessian, self.x, &mut product)?;
        Ok(self.remainder(&self.gradient, &product, damping))
    }

    fn remainder(&self, rhs: &[f64], product: &[f64], damping: f64) -> f64 {
        let parts = rhs.iter().zip(product).zip(self.x);
        let parts: Vec<f64> = parts.map(|((b, p), x)| b - p - damping * x).collect();
        norm(&parts)
    }

    /// `x`.
    pub fn step(&self) -> &'a [f64] {
        self.x
    }
}
