use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::figures::seconds;
use crate::place::Place;
use crate::progress::Watch;
use clap::Args;
use rescind::Run;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// Train afresh without the forgotten records, to compare with
///
/// The run's own weights stay as they are. Broken off, it goes on where it stood.
#[derive(Args)]
#[command(after_help = "Example: rescind retrain run")]
pub struct Retrain {
    /// Run folder
    run: PathBuf,
}

#[derive(Serialize)]
struct Retrained {
    run: Place,
    retained: usize,
    seconds: f64,
}

impl Retrain {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let mut watch = Watch::new(console);
        let reference = Run::open(&self.run)?.retrain(&mut watch)?;
        drop(watch);
        let (retained, seconds) = (reference.retained, reference.seconds);
        console.print_done(&Retrained {
            run: self.run.into(),
            retained,
            seconds,
        });
        Ok(Status::Done)
    }
}

impl fmt::Display for Retrained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = seconds(self.seconds);
        writeln!(
            f,
            "Retrained on the {} records that stay, in {time}.",
            self.retained
        )?;
        writeln!(f, "Next: rescind evaluate {}", self.run.word())
    }
}
