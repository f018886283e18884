//! The program `rescind`.

use std::process::ExitCode;

fn main() -> ExitCode {
    rescind_data::silence_answered_panics();
    ExitCode::from(rescind_cli::run(std::env::args_os().collect()))
}
