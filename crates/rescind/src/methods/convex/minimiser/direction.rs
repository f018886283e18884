//! Solving for a Newton direction, with the preconditioner that is to be had.

use super::Minimiser;
use crate::Error;
use crate::observer::{Observer, Phase, relay};
use rescind_curvature::{
    Cg, Control, Damped, Ending, LinearOperator, NystromPreconditioner, NystromSettings,
    Preconditioner, PreconditionerError, Solution, Solver, Stopping,
};

/// Products without a preconditioner that say that one is worth its price.
const PATIENCE: u64 = 12;

/// What a step solves; the penalty is in the curvature already.
pub(super) type System<'o> = Damped<Box<dyn LinearOperator<f32> + 'o>>;

impl Minimiser<'_> {
    /// Solves for the Newton direction, with the preconditioner that is to be had.
    pub(super) fn direction(
        &mut self,
        system: &System<'_>,
        rhs: &[f32],
        tolerance: f64,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f32>, Error> {
        let most = self.settings.max_products;
        if self.sketch.is_none() {
            let solution = self.solve(system, rhs, None, tolerance, PATIENCE, observer)?;
            let early = self.point.norm > self.settings.sketch_below;
            if early || matches!(solution.ending, Ending::Converged) {
                return Ok(solution.x);
            }
            self.prepare(system, self.settings.sketch_rank, observer)?;
        }
        let sketch = self.sketch.take();
        let at = sketch.as_ref().map(|s| s.at(self.settings.penalty));
        let solution = at.transpose().map_err(Error::from).and_then(|at| {
            let at = at.as_ref().map(|at| at as &dyn Preconditioner<f32>);
            self.solve(system, rhs, at, tolerance, most, observer)
        });
        self.sketch = sketch;
        Ok(solution?.x)
    }

    fn solve(
        &mut self,
        system: &System<'_>,
        rhs: &[f32],
        preconditioner: Option<&dyn Preconditioner<f32>>,
        tolerance: f64,
        max_products: u64,
        observer: &mut dyn Observer,
    ) -> Result<Solution<f32>, Error> {
        let mut cg = Cg::new(Stopping {
            relative_tolerance: tolerance,
            max_products,
        });
        if let Some(preconditioner) = preconditioner {
            cg = cg.preconditioned_by(preconditioner);
        }
        let mut relay = relay(observer, Phase::Solve, None);
        let solution = cg.solve(system, rhs, &mut Control::new(&mut relay))?;
        self.effort.products += solution.products;
        match solution.ending {
            Ending::Interrupted => Err(Error::Interrupted {
                phase: Phase::Solve,
            }),
            Ending::Converged | Ending::BudgetSpent | Ending::Stagnated => Ok(solution),
            ending => Err(Error::NoStep { ending }),
        }
    }

    pub(super) fn prepare(
        &mut self,
        system: &System<'_>,
        rank: usize,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let settings = NystromSettings {
            initial_rank: rank,
            max_rank: rank,
            seed: self.settings.seed,
            ..NystromSettings::for_damping(self.settings.penalty)
        };
        let mut relay = relay(observer, Phase::Precondition, Some(rank as u64));
        let sketch =
            NystromPreconditioner::prepare(system, &settings, &mut Control::new(&mut relay));
        let sketch = sketch.map_err(|error| match error {
            PreconditionerError::Interrupted { .. } => Error::Interrupted {
                phase: Phase::Precondition,
            },
            other => other.into(),
        })?;
        self.effort.products += sketch.products();
        self.effort.sketch_products += sketch.products();
        self.sketch = Some(sketch);
        Ok(())
    }
}
