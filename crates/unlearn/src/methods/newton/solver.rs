//! How the damped system is solved.

use super::choices::{Preconditioning, SolverChoice};
use super::damping::interrupted;
use super::settings::NewtonSettings;
use super::task::NewtonTask;
use crate::error::Error;
use crate::objective::{Curvature, Minibatch, Objective};
use crate::observer::{Observer, relay};
use crate::phase::Phase;
use crate::products::Watched;
use rescind_curvature::{
    Cg, Cholesky, Control, Damped, Lissa, Minres, NystromPreconditioner, NystromSettings,
    Preconditioner, PreconditionerError, ScaleEstimate, ScaleSettings, Solution, Solver,
};

/// A solution, and what surrounded it.
pub(super) struct Solved {
    pub solution: Solution<f32>,
    pub preconditioner_rank: usize,
    /// Sampled products spent on LiSSA's scale.
    pub scale_products: u64,
}

/// Makes the preconditioner asked for, unless a fitting one was kept.
pub(super) fn prepare(
    task: &NewtonTask<'_>,
    objective: &dyn Objective,
    settings: &NewtonSettings,
    damping: f64,
    observer: &mut dyn Observer,
) -> Result<Option<NystromPreconditioner<f32>>, Error> {
    let Preconditioning::Nystrom { rank, records } = settings.preconditioning else {
        return Ok(None);
    };
    let cg = matches!(settings.solver, SolverChoice::Cg { .. });
    if !cg || usable(task.kept, objective.dim(), damping).is_some() {
        return Ok(None);
    }
    let subset = match records {
        Some(records) if records < objective.records() => {
            Some(objective.subset(records, settings.seed)?)
        }
        _ => None,
    };
    let sketched = subset.as_deref().unwrap_or(objective);
    // A sketch wants a positive-semidefinite matrix, also where the system has the Hessian.
    let operator = Watched::new(sketched.curvature(task.weights, Curvature::GaussNewton)?);
    let nystrom = NystromSettings {
        initial_rank: rank,
        max_rank: rank,
        seed: settings.seed,
        ..NystromSettings::for_damping(damping)
    };
    let mut relay = relay(observer, Phase::Precondition, Some(rank as u64));
    let made = NystromPreconditioner::prepare(&operator, &nystrom, &mut Control::new(&mut relay));
    let made = made.map_err(|error| match error {
        PreconditionerError::Interrupted { .. } => Error::Interrupted {
            phase: Phase::Precondition,
        },
        other => other.into(),
    });
    Ok(Some(operator.outcome(made)?))
}

/// A kept preconditioner, if it is whole and of this dimension.
fn usable(
    kept: Option<&NystromPreconditioner<f32>>,
    dim: usize,
    damping: f64,
) -> Option<rescind_curvature::NystromAt<'_, f32>> {
    kept.and_then(|kept| kept.at(damping).ok())
        .filter(|at| at.dim() == dim)
}

/// Solves `(B + λI) x = b`.
pub(super) fn solve(
    objective: &dyn Objective,
    w: &[f32],
    rhs: &[f32],
    settings: &NewtonSettings,
    damping: f64,
    preconditioner: Option<&NystromPreconditioner<f32>>,
    observer: &mut dyn Observer,
) -> Result<Solved, Error> {
    let total = match settings.solver {
        SolverChoice::Cg { stopping } | SolverChoice::Minres { stopping } => stopping.max_products,
        SolverChoice::Lissa { chains, depth, .. } => chains.saturating_mul(depth),
        SolverChoice::Dense { .. } => objective.dim() as u64,
    };
    let mut relay = relay(observer, Phase::Solve, Some(total));
    let control = &mut Control::new(&mut relay);
    let whole = || objective.curvature(w, settings.curvature).map(Watched::new);
    match settings.solver {
        SolverChoice::Cg { stopping } => {
            let curvature = whole()?;
            let system = Damped::new(&curvature, damping)?;
            let nystrom = match settings.preconditioning {
                Preconditioning::None => None,
                Preconditioning::Nystrom { .. } => usable(preconditioner, objective.dim(), damping),
            };
            let rank = match (&nystrom, preconditioner) {
                (Some(_), Some(kept)) => kept.rank(),
                _ => 0,
            };
            let mut cg = Cg::new(stopping);
            if let Some(nystrom) = &nystrom {
                cg = cg.preconditioned_by(nystrom);
            }
            let solution = curvature.outcome(cg.solve(&system, rhs, control))?;
            Ok(Solved {
                preconditioner_rank: rank,
                ..plain(solution)
            })
        }
        SolverChoice::Minres { stopping } => {
            let curvature = whole()?;
            let system = Damped::new(&curvature, damping)?;
            let solved = Minres::new(stopping).solve(&system, rhs, control);
            Ok(plain(curvature.outcome(solved)?))
        }
        SolverChoice::Dense { max_dimension } => {
            let curvature = whole()?;
            let system = Damped::new(&curvature, damping)?;
            let cholesky = Cholesky {
                max_dimension,
                ..Cholesky::default()
            };
            let solved = cholesky.solve(&system, rhs, control);
            Ok(plain(curvature.outcome(solved)?))
        }
        // It alone draws minibatches, and needs no product over all records.
        SolverChoice::Lissa { .. } => lissa(objective, w, rhs, settings, damping, control),
    }
}

fn plain(solution: Solution<f32>) -> Solved {
    Solved {
        solution,
        preconditioner_rank: 0,
        scale_products: 0,
    }
}

/// Solves by LiSSA's chains of minibatches, where that is the solver.
fn lissa(
    objective: &dyn Objective,
    w: &[f32],
    rhs: &[f32],
    settings: &NewtonSettings,
    damping: f64,
    control: &mut Control<'_>,
) -> Result<Solved, Error> {
    let SolverChoice::Lissa {
        chains,
        depth,
        scale,
        minibatch,
        relative_tolerance,
    } = settings.solver
    else {
        return Err(Error::Lacks {
            capability: "minibatches",
        });
    };
    let minibatch = Minibatch {
        records: minibatch,
        seed: settings.seed,
    };
    let operator = objective.sampled_curvature(w, settings.curvature, minibatch)?;
    let operator = Watched::new(operator);
    let system = Damped::new(&operator, damping)?;
    let (scale, scale_products) = match scale {
        Some(scale) => (scale, 0),
        None => {
            let seed = settings.seed;
            let settings = ScaleSettings {
                seed,
                ..ScaleSettings::default()
            };
            let found = ScaleEstimate::measure(&system, chains, &settings, control);
            let found = operator.outcome(found.map_err(interrupted))?;
            (found.scale, found.sampled_products)
        }
    };
    let lissa = Lissa {
        chains,
        depth,
        scale,
        relative_tolerance,
    };
    let solved = lissa.solve(&system, rhs, control);
    Ok(Solved {
        scale_products,
        ..plain(operator.outcome(solved)?)
    })
}
