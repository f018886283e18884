//! The budget of a run.

use crate::exit::Failure;
use crate::options::quantity;
use clap::Args;
use rescind::ledger::Budget;
use rescind::release::ReleaseError;
use rescind_privacy::{Delta, Epsilon};

/// What every release of a run must keep.
#[derive(Args)]
#[command(next_help_heading = "Budget")]
pub struct BudgetOptions {
    /// Give the run a budget: it refuses every release after which any request, past ones included,
    /// would have an epsilon above this
    #[arg(long, value_name = "EPSILON", value_parser = quantity(Epsilon::new))]
    budget: Option<Epsilon>,

    /// The delta at which the budget holds
    #[arg(long, value_name = "PROBABILITY", value_parser = quantity(Delta::new), requires = "budget", default_value = "1e-5")]
    budget_delta: Delta,
}

impl BudgetOptions {
    /// Refuses a budget that says nothing, before a run is made for it.
    pub fn check(&self) -> Result<(), Failure> {
        let checked = self.given().map_or(Ok(()), |budget| budget.validate());
        checked.map_err(|error| rescind::Error::from(ReleaseError::from(error)).into())
    }

    /// The budget, if one was given.
    pub fn given(&self) -> Option<Budget> {
        self.budget.map(|epsilon| Budget {
            epsilon: epsilon.value(),
            delta: self.budget_delta.value(),
        })
    }
}
