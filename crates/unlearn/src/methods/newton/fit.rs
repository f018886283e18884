//! Whether a step keeps the fit to the records that stay.

use super::task::NewtonTask;
use crate::error::Error;
use crate::objective::Objective;

/// Fewest and most records that stay over which the fit is measured; more are drawn from.
const RECORDS: [usize; 2] = [1000, 10_000];

/// Records over which the fit is measured where the curvature is taken over so many: what that costs
/// stays small beside what the solve does.
pub(super) fn fit_records(curved: usize) -> usize {
    let [fewest, most] = RECORDS;
    curved.saturating_mul(4).clamp(fewest, most)
}

/// What counts as loss beside the loss itself, in nats: of a network that fits its records all but
/// perfectly a share of what is left of it says nothing.
const SLIGHT: f64 = 0.1;

/// The least share that the loss may grow by, below which it is not known over so many records.
const LEAST: f64 = 1e-4;

/// The mean loss over records that stay, before a step, and what it may be after it.
pub(super) struct Fit<'a> {
    drawn: Option<Box<dyn Objective + 'a>>,
    retain: &'a dyn Objective,
    before: f64,
    most: f64,
}

impl<'a> Fit<'a> {
    /// The loss F may grow by half the share `n_u/n_r`, and by no more than `growth`, of `F + 0.1` or of
    /// what it has fallen from that of the ball's centre (0.1 at least), whichever is less: the pull of
    /// so many records is worth less where training has converged at all, and where it has not, a step
    /// that takes away more of the fit has overshot. Of the records that go nothing is looked at but
    /// their number.
    pub fn before(
        task: &NewtonTask<'a>,
        growth: f64,
        curved: usize,
        seed: u64,
    ) -> Result<Self, Error> {
        let retain = task.retain;
        let records = fit_records(curved);
        let drawn = match retain.records() > records {
            true => Some(retain.subset(records, seed)?),
            false => None,
        };
        let mut fit = Self {
            drawn,
            retain,
            before: 0.0,
            most: f64::INFINITY,
        };
        fit.before = fit.at(task.weights)?;
        let centre = task.ball.centre();
        let centre = centre.map_or_else(|| vec![0.0; task.weights.len()], |c| c.to_vec());
        let gained = fit.at(&centre)? - fit.before;
        // Where training has gained next to nothing there is nothing to measure by.
        let scale = (fit.before.abs() + SLIGHT).min(gained.max(SLIGHT));
        let share = 0.5 * task.forgotten as f64 / retain.records() as f64;
        fit.most = fit.before + share.max(LEAST).min(growth) * scale;
        Ok(fit)
    }

    /// The loss at these weights.
    pub fn at(&self, w: &[f32]) -> Result<f64, Error> {
        self.drawn.as_deref().unwrap_or(self.retain).value(w)
    }

    /// Whether this loss is one that a step may lead to.
    pub fn allows(&self, loss: f64) -> bool {
        loss <= self.most
    }

    /// That a step is not to be had which keeps the fit.
    pub fn refused(&self, after: f64, damping: f64) -> Error {
        let (before, most) = (self.before, self.most);
        Error::FitLost {
            before,
            after,
            most,
            damping,
        }
    }

    /// Why a damping was raised, in words.
    pub fn why(&self, after: f64, damping: f64) -> String {
        format!(
            "; with {damping:.3e} the step would have taken the loss on records that stay from {:.5} \
             to {after:.5}",
            self.before
        )
    }
}
