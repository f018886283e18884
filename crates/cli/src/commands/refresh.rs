use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::figures::count;
use crate::place::Place;
use crate::progress::Watch;
use clap::Args;
use rescind::{Preparation, Run};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use std::time::Instant;

/// Prepare a head so that requests are answered from their own records
///
/// Sums over the records that stay are made once and kept in private. From then on a request reads
/// the records that it names and no others, with the same proof, and takes them out of the sums. Do it
/// after training, and again when requests have become slower: the sums are then those of the weights
/// in force. For heads, and for tangent models of a single layer.
#[derive(Args)]
#[command(after_help = "Example: rescind refresh desk")]
pub struct Refresh {
    /// Run folder
    run: PathBuf,
}

#[derive(Serialize)]
struct Prepared {
    run: Place,
    #[serde(flatten)]
    made: Preparation,
    seconds: f64,
}

impl Refresh {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let began = Instant::now();
        let mut watch = Watch::new(console);
        let made = Run::open(&self.run)?.refresh(&mut watch)?;
        drop(watch);
        console.print_done(&Prepared {
            run: self.run.into(),
            made,
            seconds: began.elapsed().as_secs_f64(),
        });
        Ok(Status::Done)
    }
}

impl fmt::Display for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let made = &self.made;
        writeln!(
            f,
            "Prepared {}: {} for each of {}, {:.1} MiB, in {:.1} s.",
            count(made.records, "record"),
            count(made.features, "feature"),
            count(made.outputs, "output"),
            made.bytes as f64 / f64::from(1 << 20),
            self.seconds,
        )?;
        writeln!(f, "Next: rescind forget {} --random 1", self.run.word())
    }
}
