//! One damped Newton step towards the retrained weights (Zhang, Dong, Wang & Li, ICML 2024;
//! THEORY §2).

mod bounds;
mod damping;
mod lipschitz;
mod settings;
mod solver;

pub(crate) use bounds::diameter;
pub use bounds::{Constants, HessianLipschitz};
pub(crate) use damping::interrupted;
pub use damping::{ChosenDamping, Damping};
pub use lipschitz::{LipschitzEstimate, LipschitzSettings};
pub use settings::{NewtonSettings, RightHandSide};
pub use solver::{Preconditioning, SolverChoice};

use crate::observer::{Observer, Phase, report};
use crate::training::Ball;
use crate::{Curvature, Error, Objective};
use rescind_curvature::{Ending, NystromPreconditioner, norm};
use rescind_privacy::sensitivity::{Constant, SensitivityBound, Symbol};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// What a step starts from.
pub struct NewtonTask<'a> {
    /// The private weights w*, inside the ball.
    pub weights: &'a [f32],
    /// The objective over the records that stay.
    pub retain: &'a dyn Objective,
    /// The objective over the records that go, with the same penalty.
    pub forget: &'a dyn Objective,
    /// Where the weights must stay.
    pub ball: &'a Ball,
    /// The gradient bound G of the reference run, where it follows from how training stops.
    pub proved_gradient_bound: Option<f64>,
    /// A preconditioner kept from an earlier request.
    pub kept: Option<&'a NystromPreconditioner<f32>>,
}

/// What a step gives.
pub struct NewtonOutcome {
    /// The new private weights, inside the ball.
    pub weights: Vec<f32>,
    /// Bounds on their distance from what retraining gives; the ball's diameter at least.
    pub candidates: Vec<SensitivityBound>,
    /// What was done.
    pub report: NewtonReport,
    /// A preconditioner made for this step, to keep for the next.
    pub made: Option<NystromPreconditioner<f32>>,
}

/// What a Newton step did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewtonReport {
    /// What was asked for.
    pub settings: NewtonSettings,
    /// The damping λ used, and why.
    pub damping: ChosenDamping,
    /// Records that stay.
    pub retained: usize,
    /// Records that go.
    pub forgotten: usize,
    /// Records that the curvature was to be taken over; how many were drawn is not told.
    pub curvature_records: usize,
    /// How the solve ended.
    pub ending: Ending,
    /// Products of the solve with the curvature over all its records.
    pub products: u64,
    /// Products of the solve with minibatches.
    pub sampled_products: u64,
    /// Products spent on a preconditioner made for this request; 0 when one was kept.
    pub preconditioner_products: u64,
    /// Rank of the preconditioner used; 0 without.
    pub preconditioner_rank: usize,
    /// Norm of the system's right-hand side.
    pub right_hand_side: f64,
    /// `‖b − (B + λI)x‖` over the curvature's records, recomputed from scratch by the solver in
    /// single precision.
    pub solver_residual: f64,
    /// What was computed again in double precision, where a bound rests on it or it was asked for.
    pub check: Option<ExactCheck>,
    /// `‖∇F_r − (H + λI)x‖` in double precision, where the theorem of the step gives a bound.
    pub theorem_residual: Option<f64>,
    /// The solver's relative residual after each iteration, for plots.
    pub history: Vec<f64>,
    /// `‖x‖`, the length of the step.
    pub step_norm: f64,
    /// Whether the ball drew the step back.
    pub projected: bool,
    /// Why the theorem of the step gives no bound, if it gives none.
    pub no_theorem: Option<String>,
    /// Seconds spent on drawing the curvature's records, damping and preconditioner.
    pub prepare_seconds: f64,
    /// Seconds spent on the solve.
    pub solve_seconds: f64,
    /// Seconds spent on recomputing in double precision.
    pub check_seconds: f64,
}

/// A step seen in double precision, over all records that stay.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExactCheck {
    /// `‖b − (B + λI)x‖` of the system solved.
    pub residual: f64,
    /// `‖∇F_r‖` before the step.
    pub gradient_norm_before: f64,
    /// `‖∇F_r‖` after it.
    pub gradient_norm_after: f64,
}

/// Takes the step.
///
/// # Errors
/// Settings out of range; [`Error::NoStep`] where the solver found none (negative curvature,
/// divergence, values that are not finite); [`Error::Interrupted`].
pub fn step(
    task: &NewtonTask<'_>,
    settings: &NewtonSettings,
    observer: &mut dyn Observer,
) -> Result<NewtonOutcome, Error> {
    settings.validate()?;
    let w = task.weights;
    let rhs = right_hand_side(task, settings.right_hand_side)?;

    let prepared = Instant::now();
    let all = task.retain.records();
    // What a certificate may quote: how many were drawn follows from the records, this does not.
    let records = settings.subsample.map_or(all, |records| records.min(all));
    let subset = match settings.subsample {
        Some(records) if records < all => {
            Some(task.retain.curved_subset(w, records, settings.seed)?)
        }
        _ => None,
    };
    let curved: &dyn Objective = subset.as_deref().unwrap_or(task.retain);
    let chosen = settings
        .damping
        .choose(curved, records, w, settings, observer)?;
    let prepare = solver::prepare(task, curved, settings, chosen.damping, observer)?;
    let prepare_seconds = prepared.elapsed().as_secs_f64();

    let solving = Instant::now();
    let kept = prepare.as_ref().or(task.kept);
    let solved = solver::solve(curved, w, &rhs, settings, chosen.damping, kept, observer)?;
    let solve_seconds = solving.elapsed().as_secs_f64();
    let solution = solved.solution;
    match solution.ending {
        Ending::Interrupted => {
            return Err(Error::Interrupted {
                phase: Phase::Solve,
            });
        }
        Ending::Converged | Ending::BudgetSpent | Ending::Stagnated => {}
        ending => return Err(Error::NoStep { ending }),
    }

    let mut weights: Vec<f32> = w.iter().zip(&solution.x).map(|(w, x)| w - x).collect();
    let x = step_taken(w, &weights);
    let projected = task.ball.project(&mut weights);

    let checking = Instant::now();
    let exact = match settings.checks() {
        true => Some(Exact::new(task, settings.curvature, &x, observer)?),
        false => None,
    };
    let check = match &exact {
        Some(exact) => Some(exact.check(&rhs, chosen.damping, &weights, observer)?),
        None => None,
    };
    let (candidates, no_theorem) =
        bounds::candidates(task, settings, exact.as_ref(), chosen.damping, observer)?;
    let theorem_residual = candidates
        .iter()
        .flat_map(SensitivityBound::constants)
        .find(|constant| constant.symbol() == Symbol::Residual)
        .map(Constant::value);
    Ok(NewtonOutcome {
        weights,
        candidates,
        report: NewtonReport {
            settings: settings.clone(),
            damping: chosen,
            retained: task.retain.records(),
            forgotten: task.forget.records(),
            curvature_records: records,
            ending: solution.ending,
            products: solution.products,
            sampled_products: solution.sampled_products + solved.scale_products,
            preconditioner_products: prepare.as_ref().map_or(0, NystromPreconditioner::products),
            preconditioner_rank: solved.preconditioner_rank,
            right_hand_side: norm(&rhs),
            solver_residual: solution.residual_norm,
            check,
            theorem_residual,
            history: solution.history,
            step_norm: norm(&x),
            projected,
            no_theorem,
            prepare_seconds,
            solve_seconds,
            check_seconds: checking.elapsed().as_secs_f64(),
        },
        made: prepare,
    })
}

/// Computes the residuals of a step again, of the system solved and of the theorem's, from where it
/// led: `weights` must not have been projected.
pub(crate) fn residuals(
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
fn step_taken(before: &[f32], after: &[f32]) -> Vec<f64> {
    let pairs = before.iter().zip(after);
    pairs
        .map(|(&w, &new)| f64::from(w) - f64::from(new))
        .collect()
}

/// The b of `(B + λI) x = b`.
fn right_hand_side(task: &NewtonTask<'_>, which: RightHandSide) -> Result<Vec<f32>, Error> {
    let mut rhs = vec![0.0; task.weights.len()];
    match which {
        RightHandSide::RetainGradient => {
            task.retain.gradient(task.weights, &mut rhs)?;
        }
        RightHandSide::ForgetInfluence => {
            task.forget.gradient(task.weights, &mut rhs)?;
            let share = task.forget.records() as f64 / task.retain.records() as f64;
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
    fn new(
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
    fn check(
        &self,
        rhs: &[f32],
        damping: f64,
        weights: &[f32],
        observer: &mut dyn Observer,
    ) -> Result<ExactCheck, Error> {
        let gradient_norm_after = crate::exact_gradient_norm(self.retain, weights)?;
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

    /// The same for the theorem's system: the Hessian and the full gradient (THEORY §2).
    pub(crate) fn theorem_residual(&self, damping: f64) -> Result<f64, Error> {
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
    pub(crate) fn step(&self) -> &'a [f64] {
        self.x
    }
}
