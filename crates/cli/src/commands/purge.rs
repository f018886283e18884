use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::figures::count;
use crate::place::Place;
use clap::Args;
use rescind::{Purged, Run};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// Discard for good what a run keeps of the time before its requests
///
/// To keep weights from before a request is to keep the people in them. Removed are the private
/// weights from before each request, an early checkpoint, retrained models that are out of date, and
/// what methods kept to work faster; and the run folder's own report.html and figures. From then on `evaluate` cannot show the model as it was, releases
/// other than the newest cannot be audited, and --method rewind has nothing to go back to. The weights
/// in force, the ledger, the releases and their evidence stay, and so does all that they prove.
///
/// Files are removed, not overwritten: copies, snapshots and the disk itself are yours to see to, and
/// so are reports, figures and comparisons in other places.
#[derive(Args)]
#[command(after_help = "Example: rescind purge run")]
pub struct Purge {
    /// Run folder
    run: PathBuf,
}

#[derive(Serialize)]
struct Discarded {
    run: Place,
    #[serde(flatten)]
    purged: Purged,
}

impl Purge {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let purged = Run::open(&self.run)?.purge()?;
        console.print_done(&Discarded {
            run: self.run.into(),
            purged,
        });
        Ok(match purged.is_empty() {
            true => Status::Nothing,
            false => Status::Done,
        })
    }
}

impl fmt::Display for Discarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Purged {
            iterates,
            early,
            references,
            kept,
            reports,
        } = self.purged;
        if self.purged.is_empty() {
            return writeln!(f, "Nothing of the time before a request is kept.");
        }
        writeln!(
            f,
            "Removed: {} from before a request, {}, {}, {} of methods, {} of reports.",
            count(iterates, "state"),
            count(early, "early checkpoint"),
            count(references, "retrained model"),
            count(kept, "file"),
            count(reports, "file"),
        )?;
        writeln!(f, "Next: rescind status {}", self.run.word())
    }
}
