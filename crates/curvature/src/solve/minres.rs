use super::{Ending, Solution, SolveError, Solver, Stopping, krylov};
use crate::{Control, Damped, LinearOperator, Real, vector};

/// MINRES (Paige & Saunders 1975): minimises the residual for any symmetric system, indefinite ones
/// included, which CG refuses.
///
/// Its use is diagnosis: an answer at negative curvature is a saddle point of the model, not a
/// minimum. The answer on an early ending is the last iterate, whose residual is the least of all.
/// A singular system whose right-hand side is out of range ends in [`Ending::Stagnated`] with a
/// least-squares answer, or x = 0 where rounding leaves nothing better.
#[derive(Debug, Clone, Copy, Default)]
pub struct Minres {
    stopping: Stopping,
}

impl Minres {
    /// MINRES that stops as `stopping` says.
    pub fn new(stopping: Stopping) -> Self {
        Self { stopping }
    }
}

impl<T: Real, O: LinearOperator<T>> Solver<T, O> for Minres {
    fn solve(
        &self,
        system: &Damped<O>,
        rhs: &[T],
        control: &mut Control<'_>,
    ) -> Result<Solution<T>, SolveError> {
        let solution = krylov::solve(system, rhs, self.stopping, control, |run, r| {
            Ok(pass(system, run, r))
        })?;
        if solution.relative_residual <= 1.0 {
            return Ok(solution);
        }
        // Rounding has spoiled an iterate that should minimise the residual: x = 0 is better.
        let rhs_norm = vector::norm(rhs);
        let none = Solution::none(rhs.len(), rhs_norm, solution.ending);
        Ok(Solution {
            products: solution.products,
            history: solution.history,
            ..none
        })
    }
}

/// The Givens rotation that reduced the last column of the tridiagonal matrix, and what it left for
/// the next ones.
struct Rotation {
    cosine: f64,
    sine: f64,
    carried_diagonal: f64,
    carried_above: f64,
}

/// Paige & Saunders' recurrence: Lanczos vectors v, QR of the tridiagonal matrix by rotations,
/// directions w such that each adds `tau · w` to the iterate.
fn pass<T: Real>(
    system: &impl LinearOperator<T>,
    run: &mut krylov::Run<'_, '_>,
    mut v: Vec<T>,
) -> (Vec<T>, Ending) {
    let zeros = || vec![T::zero(); v.len()];
    let (mut z, mut product) = (zeros(), zeros());
    let (mut v_before, mut w, mut w_before) = (zeros(), zeros(), zeros());
    let mut phi = vector::norm(&v);
    vector::scale(&mut v, phi.recip());
    let mut beta = 0.0;
    let mut operator_norm = 0.0_f64;
    let mut last = Rotation {
        cosine: -1.0,
        sine: 0.0,
        carried_diagonal: 0.0,
        carried_above: 0.0,
    };
    loop {
        system.apply(&v, &mut product);
        run.products += 1;
        let alpha = vector::dot(&v, &product);
        vector::add_scaled(&mut product, -alpha, &v);
        vector::add_scaled(&mut product, -beta, &v_before);
        let beta_next = vector::norm(&product);
        if !(alpha.is_finite() && beta_next.is_finite()) {
            return (z, Ending::NonFinite);
        }
        operator_norm = operator_norm.max(alpha.hypot(beta).hypot(beta_next));

        let two_above = last.carried_above;
        let above = last.cosine * last.carried_diagonal + last.sine * alpha;
        let diagonal = last.sine * last.carried_diagonal - last.cosine * alpha;
        let carried_above = last.sine * beta_next;
        let carried_diagonal = -last.cosine * beta_next;
        // ‖A r‖ / ‖r‖ of the iterate so far: zero where it is a least-squares answer already.
        if diagonal.hypot(carried_diagonal) <= 4.0 * T::precision() * operator_norm {
            return (z, Ending::Stagnated);
        }
        let pivot = diagonal.hypot(beta_next);
        last = Rotation {
            cosine: diagonal / pivot,
            sine: beta_next / pivot,
            carried_diagonal,
            carried_above,
        };
        let tau = last.cosine * phi;

        // w_next = (v − above·w − two_above·w_before) / pivot, built in w_before's place.
        vector::scale(&mut w_before, -two_above);
        vector::add_scaled(&mut w_before, -above, &w);
        vector::update(&mut w_before, &v, |v, rest| (v + rest) / pivot);
        std::mem::swap(&mut w, &mut w_before);

        vector::add_scaled(&mut z, tau, &w);
        phi *= last.sine;
        if let Some(ending) = run.ended(phi) {
            return (z, ending);
        }
        // A product with z carries rounding of about precision · ‖A‖ · ‖z‖: below it `phi` is no longer
        // the residual's norm and has to be verified. So has what is left when the Krylov space is
        // exhausted.
        let rounding = T::precision() * operator_norm;
        if phi <= rounding * vector::norm(&z) || beta_next <= rounding {
            return (z, Ending::Converged);
        }
        std::mem::swap(&mut v_before, &mut v);
        std::mem::swap(&mut v, &mut product);
        vector::scale(&mut v, beta_next.recip());
        beta = beta_next;
    }
}
