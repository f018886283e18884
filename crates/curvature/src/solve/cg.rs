use super::{Ending, Solution, SolveError, Solver, Stopping, krylov};
use crate::{Control, Damped, LinearOperator, Preconditioner, Real, vector};

/// Conjugate gradients (Hestenes & Stiefel 1952), with a preconditioner if given: the method of
/// choice where `H + λI` is positive definite.
///
/// The answer on an early ending is the last iterate: while curvature is positive it minimises
/// `½xᵀ(H + λI)x − gᵀx` over the directions tried, and its distance to the solution is the least
/// so far (Hestenes & Stiefel 1952, Thm 6:3), although its residual need not be. A direction with
/// `pᵀ(H + λI)p ≤ 0` ends the solve with [`Ending::NegativeCurvature`] and the iterate before it; one
/// whose curvature is positive but below the scalar's precision times the largest met, so zero to
/// working precision, with [`Ending::Stagnated`].
#[derive(Clone, Copy)]
pub struct Cg<'a, T> {
    stopping: Stopping,
    preconditioner: Option<&'a dyn Preconditioner<T>>,
}

impl<'a, T: Real> Cg<'a, T> {
    /// Plain conjugate gradients.
    pub fn new(stopping: Stopping) -> Self {
        Self {
            stopping,
            preconditioner: None,
        }
    }

    /// The same, preconditioned.
    #[must_use]
    pub fn preconditioned_by(self, preconditioner: &'a dyn Preconditioner<T>) -> Self {
        Self {
            preconditioner: Some(preconditioner),
            ..self
        }
    }
}

impl<T: Real, O: LinearOperator<T>> Solver<T, O> for Cg<'_, T> {
    fn solve(
        &self,
        system: &Damped<O>,
        rhs: &[T],
        control: &mut Control<'_>,
    ) -> Result<Solution<T>, SolveError> {
        if let Some(preconditioner) = self.preconditioner
            && preconditioner.dim() != system.dim()
        {
            return Err(SolveError::DimensionMismatch {
                what: "the preconditioner",
                expected: system.dim(),
                found: preconditioner.dim(),
            });
        }
        krylov::solve(system, rhs, self.stopping, control, |run, r| {
            self.pass(system, run, r)
        })
    }
}

impl<T: Real> Cg<'_, T> {
    fn pass<O: LinearOperator<T>>(
        &self,
        system: &Damped<O>,
        run: &mut krylov::Run<'_, '_>,
        mut r: Vec<T>,
    ) -> Result<(Vec<T>, Ending), SolveError> {
        let mut z = vec![T::zero(); r.len()];
        let mut p = vec![T::zero(); r.len()];
        let mut product = vec![T::zero(); r.len()];
        let mut squared = vector::dot(&r, &r);
        let mut previous_rho = None;
        let mut largest_rayleigh = 0.0_f64;
        loop {
            // P⁻¹r passes through `product`, which is free until the next product is taken.
            let (rho, direction) = match self.preconditioner {
                None => (squared, &r),
                Some(preconditioner) => {
                    preconditioner.apply(&r, &mut product);
                    (vector::dot(&r, &product), &product)
                }
            };
            if !(rho > 0.0 && rho.is_finite()) {
                return match self.preconditioner {
                    Some(_) => Err(SolveError::PreconditionerNotPositive { found: rho }),
                    // r is below the range of the scalar: as small as it gets.
                    None => Ok((z, Ending::Converged)),
                };
            }
            let beta = previous_rho.map_or(0.0, |previous| rho / previous);
            previous_rho = Some(rho);
            vector::update(&mut p, direction, |d, p| d + beta * p);
            system.apply(&p, &mut product);
            run.products += 1;
            let curvature = vector::dot(&p, &product);
            if !curvature.is_finite() {
                return Ok((z, Ending::NonFinite));
            }
            let rayleigh = curvature / vector::dot(&p, &p);
            if curvature <= 0.0 {
                let curvature = rayleigh;
                let damping_above = system.damping() - curvature;
                return Ok((
                    z,
                    Ending::NegativeCurvature {
                        curvature,
                        damping_above,
                    },
                ));
            }
            // Below the rounding of a product the sign is chance, and the step would be huge.
            largest_rayleigh = largest_rayleigh.max(rayleigh);
            if rayleigh <= T::precision() * largest_rayleigh {
                return Ok((z, Ending::Stagnated));
            }
            let alpha = rho / curvature;
            vector::add_scaled(&mut r, -alpha, &product);
            squared = vector::dot(&r, &r);
            if !squared.is_finite() {
                return Ok((z, Ending::NonFinite));
            }
            vector::add_scaled(&mut z, alpha, &p);
            if let Some(ending) = run.ended(squared.sqrt()) {
                return Ok((z, ending));
            }
        }
    }
}
