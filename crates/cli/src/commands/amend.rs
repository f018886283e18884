use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::options::budget::BudgetOptions;
use crate::place::Place;
use clap::Args;
use rescind::{Amendment, Run};
use rescind_data::DataSource;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// Change on purpose what a run keeps to: its budget, its key, its place, that of its records
///
/// The change is recorded in the run's ledger for good. Neither the records nor the key are needed,
/// so that a run that does not open for want of its key, or because it was copied, can be mended.
/// Only --data reads the records, and changes nothing unless all that are still trained on are there.
#[derive(Args)]
#[command(
    after_help = "Examples: rescind amend run --budget 2\n          rescind amend run --new-key\n          rescind amend run --adopt\n          rescind amend run --data images:elsewhere"
)]
pub struct Amend {
    /// Run folder
    run: PathBuf,

    #[command(flatten)]
    budget: BudgetOptions,

    /// Lift the run's budget
    #[arg(long, conflicts_with = "budget")]
    no_budget: bool,

    /// Sign from here on with a new key; whoever checks certificates has to learn its fingerprint.
    /// Those signed by the old key stay as they are
    #[arg(long, conflicts_with_all = ["budget", "no_budget"])]
    new_key: bool,

    /// Go on where the run is, though it was copied, restored or moved there: on your word that no
    /// other copy of it will release, and that nothing was released after it was copied
    #[arg(long, conflicts_with_all = ["budget", "no_budget", "new_key"])]
    adopt: bool,

    /// Read the records from here: they were moved or renamed. They must be those of the run
    #[arg(long, value_name = "SOURCE", conflicts_with_all = ["budget", "no_budget", "new_key", "adopt"])]
    data: Option<DataSource>,
}

#[derive(Serialize)]
struct Amended {
    run: Place,
    changed: &'static str,
}

impl Amend {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        if let Some(source) = self.data {
            Run::read_from(&self.run, source)?;
            console.print_done(&Amended {
                run: self.run.into(),
                changed: "place of its records",
            });
            return Ok(Status::Done);
        }
        let (amendment, changed) = match (self.budget.given(), self.no_budget) {
            (Some(budget), _) => (Amendment::Budget(Some(budget)), "budget"),
            (None, true) => (Amendment::Budget(None), "budget"),
            (None, false) if self.new_key => (Amendment::NewKey, "key"),
            (None, false) if self.adopt => (Amendment::Adopt, "place"),
            (None, false) => {
                return Err(Failure::usage(
                    "say what to change: give --budget, --no-budget, --new-key, --adopt or --data",
                ));
            }
        };
        Run::amend(&self.run, amendment)?;
        let run = self.run;
        console.print_done(&Amended {
            run: run.into(),
            changed,
        });
        Ok(Status::Done)
    }
}

impl fmt::Display for Amended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = self.run.display();
        writeln!(
            f,
            "Recorded in the ledger of {run}: another {}.",
            self.changed
        )
    }
}
