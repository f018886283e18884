use faer::Mat;
use serde::{Deserialize, Serialize};

use super::stopping::validate_tolerance;
use super::{Ending, Solution, SolveError, Solver, checked_norm, residual};
use crate::dense::{least_eigenvalue, solve_definite, symmetric_part};
use crate::{Control, Damped, InvalidSetting, LinearOperator, Progress, Real, vector};

/// Unit vectors multiplied at a time.
const BLOCK: usize = 64;

/// Dense Cholesky factorisation in `f64` of the matrix assembled by d products: the reference for
/// small d.
///
/// A matrix that is not positive definite ends in [`Ending::NegativeCurvature`] with its least
/// eigenvalue, so that `damping_above` is what is needed, not a lower bound; one that is singular
/// to working precision in [`Ending::Stagnated`]. Both leave x = 0 unless the answer found is
/// better than that.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cholesky {
    /// Largest d accepted, at least 1: memory is `8 d²` bytes, time `O(d³)`.
    pub max_dimension: usize,
    /// Converged means `‖g − (H + λI)x‖ ≤ relative_tolerance · ‖g‖`, in [0, 1).
    pub relative_tolerance: f64,
}

impl Default for Cholesky {
    /// Up to 5000 dimensions, relative tolerance 1e-4.
    fn default() -> Self {
        Self {
            max_dimension: 5000,
            relative_tolerance: 1e-4,
        }
    }
}

impl<T: Real, O: LinearOperator<T>> Solver<T, O> for Cholesky {
    fn solve(
        &self,
        system: &Damped<O>,
        rhs: &[T],
        control: &mut Control<'_>,
    ) -> Result<Solution<T>, SolveError> {
        validate_tolerance(self.relative_tolerance)?;
        InvalidSetting::unless_positive("max_dimension", self.max_dimension as u64)?;
        let dim = system.dim();
        let rhs_norm = checked_norm(dim, rhs)?;
        if dim > self.max_dimension {
            return Err(SolveError::TooLarge {
                dim,
                limit: self.max_dimension,
            });
        }
        if rhs_norm <= 0.0 {
            return Ok(Solution::zero(dim));
        }
        let mut products = 0;
        let matrix = match assemble(system, &mut products, control) {
            Ok(matrix) => matrix,
            Err(ending) => {
                return Ok(Solution {
                    products,
                    ..Solution::none(dim, rhs_norm, ending)
                });
            }
        };
        let mut solution = Solution {
            products,
            ..Solution::none(dim, rhs_norm, Ending::Stagnated)
        };
        let wide = rhs.iter().map(|value| value.widen()).collect();
        if let Some(x) = solve_definite(&matrix, wide) {
            let x: Vec<T> = x.into_iter().map(T::narrow).collect();
            let residual_norm = vector::norm(&residual(system, rhs, &x));
            solution.products += 1;
            if residual_norm <= rhs_norm && vector::all_finite(&x) {
                solution.x = x;
                solution.residual_norm = residual_norm;
                solution.relative_residual = residual_norm / rhs_norm;
            }
        }
        solution.history.push(solution.relative_residual);
        solution.ending = if solution.relative_residual <= self.relative_tolerance {
            Ending::Converged
        } else {
            match least_eigenvalue(&matrix) {
                None => Ending::NonFinite,
                Some(least) if least <= 0.0 => Ending::NegativeCurvature {
                    curvature: least,
                    damping_above: system.damping() - least,
                },
                Some(_) => Ending::Stagnated,
            }
        };
        Ok(solution)
    }
}

/// The symmetric part of `H + λI` in `f64`, or why there is none.
fn assemble<T: Real, O: LinearOperator<T>>(
    system: &Damped<O>,
    products: &mut u64,
    control: &mut Control<'_>,
) -> Result<Mat<f64>, Ending> {
    let dim = system.dim();
    let mut matrix = Mat::<f64>::zeros(dim, dim);
    for (block, begin) in (0..dim).step_by(BLOCK).enumerate() {
        let width = BLOCK.min(dim - begin);
        let mut units = vec![T::zero(); dim * width];
        for column in 0..width {
            units[column * dim + begin + column] = T::one();
        }
        let mut columns = vec![T::zero(); dim * width];
        system.operator().apply_block(&units, &mut columns);
        *products += width as u64;
        if !vector::all_finite(&columns) {
            return Err(Ending::NonFinite);
        }
        for (column, values) in columns.chunks_exact(dim).enumerate() {
            for (row, value) in values.iter().enumerate() {
                matrix[(row, begin + column)] = value.widen();
            }
        }
        let progress = Progress {
            iteration: block as u64 + 1,
            products: *products,
            relative_residual: None,
        };
        if control.report(progress).is_break() {
            return Err(Ending::Interrupted);
        }
    }
    let mut symmetric = symmetric_part(&matrix);
    for i in 0..dim {
        symmetric[(i, i)] += system.damping();
    }
    if symmetric.is_all_finite() {
        Ok(symmetric)
    } else {
        Err(Ending::NonFinite)
    }
}
