//! The step itself.

use super::bounds;
use super::damping::{Damping, SIZE_RECORDS};
use super::exact::{Exact, right_hand_side, step_taken};
use super::fit::Fit;
use super::report::NewtonReport;
use super::settings::NewtonSettings;
use super::solver;
use super::task::NewtonTask;
use crate::error::Error;
use crate::objective::Objective;
use crate::observer::Observer;
use crate::phase::Phase;
use rescind_curvature::{Ending, NystromPreconditioner, norm};
use rescind_privacy::sensitivity::{Constant, SensitivityBound, Symbol};
use std::time::Instant;

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

/// How often a step that loses the fit is taken again, and by how much the damping is raised each time.
const REPAIRS: usize = 5;
const MORE: f64 = 10.0;

/// Takes the step.
///
/// # Errors
/// Settings out of range; [`Error::NoStep`] where the solver found none (negative curvature,
/// divergence, values that are not finite); [`Error::FitLost`] where none keeps the fit to the records
/// that stay; [`Error::Interrupted`].
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
    // The size of the curvature alone takes no more records than tell it.
    let few = match settings.damping {
        Damping::Sampling { .. } if curved.records() > SIZE_RECORDS => {
            Some(curved.subset(SIZE_RECORDS, settings.seed)?)
        }
        _ => None,
    };
    let mut chosen = settings.damping.choose(
        few.as_deref().unwrap_or(curved),
        records,
        w,
        (settings.curvature, settings.seed),
        observer,
    )?;
    let prepare = solver::prepare(task, curved, settings, chosen.damping, observer)?;
    let prepare_seconds = prepared.elapsed().as_secs_f64();

    let solving = Instant::now();
    let kept = prepare.as_ref().or(task.kept);
    let fit = match settings.loss_growth {
        Some(growth) => Some(Fit::before(task, growth, records, settings.seed)?),
        None => None,
    };
    let repaired = match (&fit, settings.damping) {
        (None, _) | (_, Damping::Given { .. }) => 0,
        _ => REPAIRS,
    };
    let (mut products, mut sampled_products) = (0, 0);
    let mut left = repaired;
    let (solved, weights, projected) = loop {
        let damping = chosen.damping;
        let solved = solver::solve(curved, w, &rhs, settings, damping, kept, observer)?;
        let solution = &solved.solution;
        products += solution.products;
        sampled_products += solution.sampled_products + solved.scale_products;
        match solution.ending {
            Ending::Interrupted => {
                return Err(Error::Interrupted {
                    phase: Phase::Solve,
                });
            }
            Ending::Converged | Ending::BudgetSpent | Ending::Stagnated => {}
            Ending::NegativeCurvature { damping_above, .. } if left > 0 => {
                left -= 1;
                chosen.damping = MORE * damping.max(damping_above);
                chosen.explanation += &format!("; raised from {damping:.3e}: {}", solution.ending);
                continue;
            }
            ending => return Err(Error::NoStep { ending }),
        }
        let stepped = w.iter().zip(&solution.x).map(|(w, x)| w - x);
        let mut weights: Vec<f32> = stepped.collect();
        let projected = task.ball.project(&mut weights);
        let Some(fit) = &fit else {
            break (solved, weights, projected);
        };
        let after = fit.at(&weights)?;
        if fit.allows(after) {
            break (solved, weights, projected);
        }
        if left == 0 {
            return Err(fit.refused(after, damping));
        }
        left -= 1;
        chosen.damping = MORE * damping;
        chosen.explanation += &fit.why(after, damping);
    };
    if left < repaired {
        chosen.explanation += &format!("; {:.3e} was taken", chosen.damping);
    }
    let solve_seconds = solving.elapsed().as_secs_f64();
    let solution = solved.solution;
    // The residual is that of the step to where the weights end, in the ball: the theorem holds for any
    // step, and so nothing rests on how closely they were drawn in.
    let x = step_taken(w, &weights);

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
            forgotten: task.forgotten,
            curvature_records: records,
            ending: solution.ending,
            products,
            sampled_products,
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
