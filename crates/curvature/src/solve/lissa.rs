use serde::{Deserialize, Serialize};

use super::stopping::validate_tolerance;
use super::{Ending, Solution, SolveError, Solver, checked_norm, residual};
use crate::{Control, Damped, InvalidSetting, Progress, Real, SampledOperator, vector};

/// LiSSA (Agarwal, Bullins & Hazan 2017), the base paper's solver (docs/theory.md §2).
///
/// Each chain iterates `v_{j+1} = g + v_j − (H_j + λI) v_j / s` from `v_0 = g`, with H_j the
/// curvature of a fresh minibatch; the answer is the mean of `v_t / s` over the chains. It
/// converges only if `s ≥ ‖H_j + λI‖` and `H_j + λI` is positive semidefinite for every minibatch,
/// and needs about `t ≈ s / (λ + λ_min) · ln(1/tolerance)` steps. Every chain runs to its full
/// depth: none is stopped early because it seems to have settled.
///
/// **Divergence.** Under those conditions every step is non-expansive, so `‖v_j‖ ≤ (j + 1)‖g‖`. A
/// chain beyond ten times that proves them broken and ends the solve with [`Ending::Diverged`] and
/// x = 0; so does a mean whose residual exceeds that of x = 0. When interrupted the answer is the
/// mean of the chains completed, or the first chain's last iterate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lissa {
    /// Number of chains averaged (the paper's s1), at least 1.
    pub chains: u64,
    /// Steps of each chain (the paper's s2), at least 1: one sampled product each.
    pub depth: u64,
    /// The scale s > 0; [`ScaleEstimate`](crate::ScaleEstimate) finds one.
    pub scale: f64,
    /// Converged means `‖g − (H + λI)x‖ ≤ relative_tolerance · ‖g‖` for the full operator, in [0, 1).
    pub relative_tolerance: f64,
}

/// Largest factor by which a chain may pass the bound of non-expansive steps.
const DIVERGENCE_FACTOR: f64 = 10.0;

impl<T: Real, O: SampledOperator<T>> Solver<T, O> for Lissa {
    fn solve(
        &self,
        system: &Damped<O>,
        rhs: &[T],
        control: &mut Control<'_>,
    ) -> Result<Solution<T>, SolveError> {
        self.validate()?;
        let dim = system.operator().dim();
        let rhs_norm = checked_norm(dim, rhs)?;
        if rhs_norm <= 0.0 {
            return Ok(Solution::zero(dim));
        }
        let mut x = vec![T::zero(); dim];
        let mut history = Vec::new();
        let mut completed = 0_u64;
        let mut ended = None;
        while completed < self.chains && ended.is_none() {
            let (end, chain_ended) =
                self.chain(system, rhs, rhs_norm, completed, &mut history, control);
            ended = chain_ended;
            // An unfinished chain counts only where there is no finished one.
            if ended.is_none() || completed == 0 {
                // The running mean of `end / scale`.
                let weight = 1.0 / (completed as f64 + 1.0);
                let scale = self.scale;
                vector::update(&mut x, &end, |v, x| x + weight * (v / scale - x));
            }
            completed += 1;
        }
        let mut solution = Solution {
            sampled_products: history.len() as u64,
            ..Solution::none(dim, rhs_norm, ended.unwrap_or(Ending::BudgetSpent))
        };
        solution.history = history;
        if matches!(solution.ending, Ending::NonFinite | Ending::Diverged { .. }) {
            return Ok(solution);
        }
        let residual_norm = vector::norm(&residual(system, rhs, &x));
        solution.products = 1;
        let relative_residual = residual_norm / rhs_norm;
        if relative_residual <= 1.0 && vector::all_finite(&x) {
            if relative_residual <= self.relative_tolerance {
                solution.ending = Ending::Converged;
            }
            Ok(Solution {
                x,
                residual_norm,
                relative_residual,
                ..solution
            })
        } else {
            if !relative_residual.is_finite() {
                solution.ending = Ending::NonFinite;
            } else if ended.is_none() {
                solution.ending = Ending::Diverged { relative_residual };
            }
            Ok(solution)
        }
    }
}

impl Lissa {
    fn validate(&self) -> Result<(), InvalidSetting> {
        InvalidSetting::unless_positive("chains", self.chains)?;
        InvalidSetting::unless_positive("depth", self.depth)?;
        InvalidSetting::unless(
            self.scale > 0.0 && self.scale.is_finite(),
            "scale",
            self.scale,
            "a finite number above 0",
        )?;
        validate_tolerance(self.relative_tolerance)
    }

    /// Runs one chain; returns its last v, and how it ended if before its full depth.
    fn chain<T: Real, O: SampledOperator<T>>(
        &self,
        system: &Damped<O>,
        rhs: &[T],
        rhs_norm: f64,
        chain: u64,
        history: &mut Vec<f64>,
        control: &mut Control<'_>,
    ) -> (Vec<T>, Option<Ending>) {
        let mut v = rhs.to_vec();
        let mut change = vec![T::zero(); rhs.len()];
        for step in 0..self.depth {
            system.operator().apply_sample(chain, step, &v, &mut change);
            if !vector::all_finite(&change) {
                history.push(history.last().copied().unwrap_or(1.0));
                return (v, Some(Ending::NonFinite));
            }
            // v_{j+1} − v_j = g − (H_j + λI) v_j / s is the minibatch's residual at v_j / s.
            vector::add_scaled(&mut change, system.damping(), &v);
            vector::update(&mut change, rhs, |g, av| g - av / self.scale);
            // Finite even after an overflow, which the growth of v reports.
            let relative_residual = (vector::norm(&change) / rhs_norm).min(f64::MAX);
            vector::add_scaled(&mut v, 1.0, &change);
            history.push(relative_residual);
            let growth = vector::norm(&v) / rhs_norm;
            if growth.is_nan() || growth > DIVERGENCE_FACTOR * (step as f64 + 2.0) {
                let relative_residual = if relative_residual.is_nan() {
                    f64::INFINITY
                } else {
                    relative_residual
                };
                return (v, Some(Ending::Diverged { relative_residual }));
            }
            let progress = Progress {
                iteration: history.len() as u64,
                products: history.len() as u64,
                relative_residual: Some(relative_residual),
            };
            if control.report(progress).is_break() {
                return (v, Some(Ending::Interrupted));
            }
        }
        (v, None)
    }
}
