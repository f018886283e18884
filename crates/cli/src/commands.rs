//! One command per file.

mod calibrate;
mod compare;
mod demo;
mod evaluate;
mod fetch;
mod forget;
mod retrain;
mod status;
mod train;

use crate::console::Console;
use crate::exit::{Failure, Status};
use clap::Subcommand;

#[derive(Subcommand)]
#[allow(clippy::large_enum_variant)]
pub enum Command {
    Demo(demo::Demo),
    Train(train::Train),
    Forget(forget::Forget),
    Retrain(retrain::Retrain),
    Evaluate(evaluate::Evaluate),
    Compare(compare::Compare),
    Status(status::Inspect),
    Calibrate(calibrate::Calibrate),
    Fetch(fetch::Fetch),
}

impl Command {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        match self {
            Self::Demo(command) => command.run(console),
            Self::Train(command) => command.run(console),
            Self::Forget(command) => command.run(console),
            Self::Retrain(command) => command.run(console),
            Self::Evaluate(command) => command.run(console),
            Self::Compare(command) => command.run(console),
            Self::Status(command) => command.run(console),
            Self::Calibrate(command) => command.run(console),
            Self::Fetch(command) => command.run(console),
        }
    }
}
