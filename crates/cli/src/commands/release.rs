use crate::commands::forget::Release;
use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::options::release::ReleaseOptions;
use crate::place::Place;
use crate::progress::Watch;
use clap::Args;
use rescind::Run;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// Release what was forgotten before
///
/// The private weights as they are, noised, with a certificate that covers every request that no
/// release covers yet. No request is made; without a pending request there is nothing to release.
#[derive(Args)]
#[command(after_help = "Example: rescind release run --sigma 0.01")]
pub struct ReleaseNow {
    /// Run folder
    run: PathBuf,

    #[command(flatten)]
    release: ReleaseOptions,
}

#[derive(Serialize)]
struct Done {
    run: Place,
    /// Numbers of the requests that the release covers.
    covers: Vec<u64>,
    #[serde(flatten)]
    release: Release,
}

impl ReleaseNow {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let choice = self.release.choice()?;
        let choice = choice
            .ok_or_else(|| Failure::usage("say how much noise: give --epsilon or --sigma"))?;
        let mut watch = Watch::new(console);
        let mut run = Run::open(&self.run)?;
        let released = run.release(&choice, &mut watch)?;
        drop(watch);
        let requests = released.certificate.requests.iter();
        console.print_done(&Done {
            run: self.run.into(),
            covers: requests.map(|request| request.number).collect(),
            release: Release::of(&released),
        });
        Ok(Status::Done)
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let covers: Vec<String> = self.covers.iter().map(u64::to_string).collect();
        writeln!(f, "Covers request {}.\n", covers.join(", "))?;
        write!(f, "{}", self.release)
    }
}
