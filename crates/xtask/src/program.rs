//! Other programs, which do the work.

use std::env;
use std::process::Command;

/// Why a task was not done.
pub type Failure = Box<dyn std::error::Error>;

/// Cargo, the one that runs this.
pub fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or("cargo".into()))
}

/// Runs a program to its end.
pub fn succeed(command: &mut Command) -> Result<(), Failure> {
    let status = command
        .status()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{command:?} ended with {status}").into()),
    }
}
