//! `cargo xtask test` runs every test; any other task is one of the crate `tools`.
//!
//! Nothing is depended on here: what tests need is built once, as they need it.

mod program;
mod suite;
mod test;

use program::{Failure, cargo, succeed};
use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let done = match words.split_first() {
        Some((task, rest)) if task == "test" => test::run(rest),
        _ => tool(&words),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Builds the tools, and runs one of them.
fn tool(words: &[String]) -> Result<(), Failure> {
    let mut run = cargo();
    run.args(["run", "--quiet", "--release", "--package", "tools", "--"]);
    succeed(run.args(words))
}
