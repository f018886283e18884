//! The budget of a run.

use crate::options::quantity;
use clap::Args;
use rescind::ledger::Budget;
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
    /// The budget, if one was given.
    pub fn given(&self) -> Option<Budget> {
        self.budget.map(|epsilon| Budget {
            epsilon: epsilon.value(),
            delta: self.budget_delta.value(),
        })
    }
}
