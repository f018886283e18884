//! What CG and MINRES share: budget, verification of convergence, restarts.

use super::{Ending, Solution, SolveError, Stopping, checked_norm, residual};
use crate::{Control, LinearOperator, Progress, Real, vector};

/// The state of a solve that outlives one pass of the method.
pub(super) struct Run<'c, 'a> {
    stopping: Stopping,
    rhs_norm: f64,
    /// Products taken so far.
    pub(super) products: u64,
    history: Vec<f64>,
    control: &'c mut Control<'a>,
}

impl Run<'_, '_> {
    /// Notes an iteration that left a residual of estimated norm `estimate`; says how the pass
    /// ends, if it does.
    pub(super) fn ended(&mut self, estimate: f64) -> Option<Ending> {
        let relative = (estimate / self.rhs_norm).min(f64::MAX);
        self.history.push(relative);
        let flow = self.control.report(Progress {
            iteration: self.history.len() as u64,
            products: self.products,
            relative_residual: Some(relative),
        });
        if relative <= self.stopping.relative_tolerance {
            Some(Ending::Converged)
        } else if flow.is_break() {
            Some(Ending::Interrupted)
        } else if self.products >= self.stopping.max_products {
            Some(Ending::BudgetSpent)
        } else {
            None
        }
    }
}

/// Solves by passes of a method that approximates `A z = r`, given r, from z = 0.
///
/// Convergence is claimed by the residual recomputed from scratch alone. Where a pass believes it
/// has converged and that residual disagrees (rounding has come between the two), another pass
/// starts from it, as in iterative refinement, for as long as a pass at least halves it.
pub(super) fn solve<T: Real>(
    system: &impl LinearOperator<T>,
    rhs: &[T],
    stopping: Stopping,
    control: &mut Control<'_>,
    mut pass: impl FnMut(&mut Run<'_, '_>, Vec<T>) -> Result<(Vec<T>, Ending), SolveError>,
) -> Result<Solution<T>, SolveError> {
    stopping.validate()?;
    let rhs_norm = checked_norm(system.dim(), rhs)?;
    if rhs_norm <= 0.0 {
        return Ok(Solution::zero(rhs.len()));
    }
    let mut run = Run {
        stopping,
        rhs_norm,
        products: 0,
        history: Vec::new(),
        control,
    };
    // None: zero, which takes no memory while the first pass needs its own.
    let mut x: Option<Vec<T>> = None;
    let mut residual_norm = rhs_norm;
    let mut start = rhs.to_vec();
    let ending = loop {
        let (mut candidate, ending) = pass(&mut run, start)?;
        if let Some(x) = &x {
            vector::add_scaled(&mut candidate, 1.0, x);
        }
        let candidate_residual = residual(system, rhs, &candidate);
        run.products += 1;
        let candidate_norm = vector::norm(&candidate_residual);
        let finite = (candidate_norm / rhs_norm).is_finite() && vector::all_finite(&candidate);
        if !finite {
            break Ending::NonFinite;
        }
        let halved = candidate_norm <= 0.5 * residual_norm;
        // The first pass's iterate is its method's best even where its residual exceeds ‖g‖ (CG
        // minimises another norm); a later pass only refines.
        if x.is_none() || candidate_norm < residual_norm {
            x = Some(candidate);
            residual_norm = candidate_norm;
        }
        if residual_norm <= stopping.relative_tolerance * rhs_norm {
            break Ending::Converged;
        }
        match ending {
            Ending::Converged if !halved => break Ending::Stagnated,
            Ending::Converged if run.products >= stopping.max_products => {
                break Ending::BudgetSpent;
            }
            Ending::Converged => start = candidate_residual,
            other => break other,
        }
    };
    Ok(Solution {
        x: x.unwrap_or_else(|| vec![T::zero(); rhs.len()]),
        ending,
        products: run.products,
        sampled_products: 0,
        residual_norm,
        relative_residual: residual_norm / rhs_norm,
        history: run.history,
    })
}
