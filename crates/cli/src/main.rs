//! The program `rescind`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(rescind_cli::run(std::env::args_os().collect()))
}
