//! One command per file.

mod amend;
mod audit;
mod calibrate;
mod columns;
mod compare;
mod decisions;
mod demo;
mod evaluate;
mod fetch;
mod forget;
mod import;
mod plan;
mod purge;
mod refresh;
mod release;
mod report;
mod retrain;
mod serve;
mod spectrum;
mod status;
mod train;
mod verify;

use crate::console::Console;
use crate::exit::{Failure, Status};
use clap::Subcommand;
pub use status::Standing;

#[derive(Subcommand)]
#[allow(clippy::large_enum_variant)]
pub enum Command {
    Demo(demo::Demo),
    Columns(columns::Columns),
    Train(train::Train),
    Import(import::Import),
    Plan(plan::Planning),
    Forget(forget::Forget),
    Release(release::ReleaseNow),
    Retrain(retrain::Retrain),
    Evaluate(evaluate::Evaluate),
    Decisions(decisions::Decide),
    Audit(audit::Audit),
    Refresh(refresh::Refresh),
    Purge(purge::Purge),
    Report(report::Report),
    Compare(compare::Compare),
    Status(status::Inspect),
    Amend(amend::Amend),
    Verify(verify::Verify),
    Calibrate(calibrate::Calibrate),
    Spectrum(spectrum::Measure),
    Fetch(fetch::Fetch),
    Serve(serve::Serve),
}

impl Command {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        match self {
            Self::Demo(command) => command.run(console),
            Self::Columns(command) => command.run(console),
            Self::Train(command) => command.run(console),
            Self::Import(command) => command.run(console),
            Self::Plan(command) => command.run(console),
            Self::Forget(command) => command.run(console),
            Self::Release(command) => command.run(console),
            Self::Retrain(command) => command.run(console),
            Self::Evaluate(command) => command.run(console),
            Self::Decisions(command) => command.run(console),
            Self::Audit(command) => command.run(console),
            Self::Refresh(command) => command.run(console),
            Self::Purge(command) => command.run(console),
            Self::Report(command) => command.run(console),
            Self::Compare(command) => command.run(console),
            Self::Status(command) => command.run(console),
            Self::Amend(command) => command.run(console),
            Self::Verify(command) => command.run(console),
            Self::Calibrate(command) => command.run(console),
            Self::Spectrum(command) => command.run(console),
            Self::Fetch(command) => command.run(console),
            Self::Serve(command) => command.run(console),
        }
    }
}
