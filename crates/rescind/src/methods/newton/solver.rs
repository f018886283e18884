//! How the damped system is solved.

use super::damping::interrupted;
use super::{NewtonSettings, NewtonTask};
use crate::observer::{Observer, Phase, relay};
use crate::{Curvature, Error, Minibatch, Objective};
use rescind_curvature::{
    Cg, Cholesky, Control, Damped, Lissa, Minres, NystromPreconditioner, NystromSettings,
    Preconditioner, PreconditionerError, ScaleEstimate, ScaleSettings, Solution, Solver, Stopping,
};
use serde::{Deserialize, Serialize};

/// The solver of `(B + λI) x = b`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SolverChoice {
    /// Conjugate gradients, preconditioned where asked for: the method of choice for a
    /// positive-definite system.
    Cg {
        /// When it stops.
        stopping: Stopping,
    },
    /// MINRES, which also takes indefinite systems: for diagnosis.
    Minres {
        /// When it stops.
        stopping: Stopping,
    },
    /// LiSSA (Agarwal et al. 2017), the base paper's.
    Lissa {
        /// Chains averaged (s1), at least 1.
        chains: u64,
        /// Steps of each (s2), at least 1.
        depth: u64,
        /// The scale s, above every minibatch's norm; estimated if absent.
        scale: Option<f64>,
        /// Records in a minibatch, at least 1.
        minibatch: usize,
        /// Relative residual that counts as converged, in [0, 1).
        relative_tolerance: f64,
    },
    /// Cholesky of the assembled matrix: the reference, for small models.
    Dense {
        /// Most parameters accepted.
        max_dimension: usize,
    },
}

/// What CG is helped with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Preconditioning {
    /// Nothing.
    None,
    /// A randomised Nyström sketch of the Gauss–Newton matrix (Frangella, Tropp & Udell 2023),
    /// made once for a run and reused by its later requests.
    Nystrom {
        /// Rank of the sketch, at least 1: one product each.
        rank: usize,
        /// Take the sketch over this many of the curvature's records; over all if absent.
        records: Option<usize>,
    },
}

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
    let operator = sketched.curvature(task.weights, Curvature::GaussNewton)?;
    let nystrom = NystromSettings {
        initial_rank: rank,
        max_rank: rank,
        seed: settings.seed,
        ..NystromSettings::for_damping(damping)
    };
    let mut relay = relay(observer, Phase::Precondition, Some(rank as u64));
    NystromPreconditioner::prepare(&operator, &nystrom, &mut Control::new(&mut relay))
        .map(Some)
        .map_err(|error| match error {
            PreconditionerError::Interrupted { .. } => Error::Interrupted {
                phase: Phase::Precondition,
            },
            other => other.into(),
        })
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
    let plain = |solution| Solved {
        solution,
        preconditioner_rank: 0,
        scale_products: 0,
    };
    let system = || -> Result<_, Error> {
        Ok(Damped::new(
            objective.curvature(w, settings.curvature)?,
            damping,
        )?)
    };
    match settings.solver {
        SolverChoice::Cg { stopping } => {
            let system = system()?;
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
            let solution = cg.solve(&system, rhs, control)?;
            Ok(Solved {
                preconditioner_rank: rank,
                ..plain(solution)
            })
        }
        SolverChoice::Minres { stopping } => Ok(plain(Minres::new(stopping).solve(
            &system()?,
            rhs,
            control,
        )?)),
        SolverChoice::Dense { max_dimension } => {
            let cholesky = Cholesky {
                max_dimension,
                ..Cholesky::default()
            };
            Ok(plain(cholesky.solve(&system()?, rhs, control)?))
        }
        SolverChoice::Lissa {
            chains,
            depth,
            scale,
            minibatch,
            relative_tolerance,
        } => {
            let minibatch = Minibatch {
                records: minibatch,
                seed: settings.seed,
            };
            let operator = objective.sampled_curvature(w, settings.curvature, minibatch)?;
            let system = Damped::new(operator, damping)?;
            let (scale, scale_products) = match scale {
                Some(scale) => (scale, 0),
                None => {
                    let seed = settings.seed;
                    let settings = ScaleSettings {
                        seed,
                        ..ScaleSettings::default()
                    };
                    let found = ScaleEstimate::measure(&system, chains, &settings, control)
                        .map_err(interrupted)?;
                    (found.scale, found.sampled_products)
                }
            };
            let lissa = Lissa {
                chains,
                depth,
                scale,
                relative_tolerance,
            };
            Ok(Solved {
                scale_products,
                ..plain(lissa.solve(&system, rhs, control)?)
            })
        }
    }
}
