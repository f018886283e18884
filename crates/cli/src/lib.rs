//! The `rescind` command line: parses, glues and prints. The mathematics is in the libraries.

mod commands;
mod console;
mod exit;
mod figures;
mod file;
mod interrupt;
mod options;
mod place;
mod progress;
mod table;
mod tables;

use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser};
use commands::Command;
use console::Console;
use exit::{Failure, Status};
use rescind::Code;
use rescind_privacy::Delta;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Make a trained neural network forget chosen records.
///
/// Train a network, ask for records to be forgotten, and measure how much of them is left against a
/// network retrained without them. `rescind demo` shows it in seconds, with nothing to download.
#[derive(Parser)]
#[command(
    name = "rescind",
    version,
    arg_required_else_help = true,
    after_help = "Exit status: 0 done, 1 failed, 2 wrong usage, 3 refused because the guarantee \
                  asked for\ncannot be given, 4 verification failed, 5 a certificate is consistent but signed by\nnobody who was named, 6 there was nothing to do\n(0 where forget finds that they were never trained on: that is its answer)."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// Print one JSON object on standard output instead of text
    #[arg(long, global = true, display_order = 900)]
    json: bool,

    /// Show no progress on standard error
    #[arg(short, long, global = true, display_order = 901)]
    quiet: bool,
}

/// What `rescind status --json` says of a run, promises at this delta.
///
/// # Errors
/// A folder that holds no run, or a damaged file.
pub fn status(run: &Path, delta: Delta) -> Result<serde_json::Value, rescind::Error> {
    let standing = commands::Standing::of(run, delta)?;
    serde_json::to_value(&standing).map_err(rescind::Error::Document)
}

/// Runs a command line inside a process that is another program's: `heard` says whether that was told
/// to stop.
#[must_use]
pub fn run_inside(words: Vec<OsString>, heard: fn() -> bool) -> u8 {
    interrupt::leave_to(heard);
    run(words)
}

/// Runs a command line, of which the first word is the program's name, and says with which status
/// the process is to end.
#[must_use]
pub fn run(words: Vec<OsString>) -> u8 {
    let json = words.iter().any(|word| word == "--json");
    let parsed = Arguments::command().try_get_matches_from(words);
    let parsed = parsed.and_then(|found| Ok((Arguments::from_arg_matches(&found)?, found)));
    let (arguments, found) = match parsed {
        Ok(parsed) => parsed,
        Err(error) if error.use_stderr() => {
            return misused(&error, &Console::new(json, true)) as u8;
        }
        // Help, or the version.
        Err(shown) => {
            let _ = shown.print();
            return Status::Done as u8;
        }
    };
    let console = Console::new(arguments.json, arguments.quiet);
    let forgets = matches!(arguments.command, Command::Forget(_));
    let run = named(&found, &["run", "resume"]).pop();
    let made = named(&found, &["out", "figures"]);
    let allowed = made
        .iter()
        .try_for_each(|path| file::expect_outside_runs(path));
    let status = match allowed.and_then(|()| arguments.command.run(&console)) {
        Ok(status) => status,
        Err(Failure::Usage(message)) => {
            let error = Arguments::command().error(ErrorKind::ValueValidation, message);
            misused(&error, &console)
        }
        Err(failure) => {
            // Whoever asks to be forgotten and was never trained on has what they asked for.
            let never = failure.code() == Code::NeverTrainedOn.as_str();
            let status = match forgets && never {
                true => Status::Done,
                false => failure.status(),
            };
            console.report_failure(&failure.about(run.as_deref()), status);
            status
        }
    };
    status as u8
}

/// The files and folders that a command line gives for these.
fn named(found: &ArgMatches, names: &[&str]) -> Vec<PathBuf> {
    let options = found.subcommand().map(|(_, options)| options);
    let values = names.iter().filter_map(|name| {
        let mut values = options?.try_get_raw(name).ok()??;
        values.next()
    });
    values.map(PathBuf::from).collect()
}

/// A command line that makes no sense, told with a hint at the help.
fn misused(error: &clap::Error, console: &Console) -> Status {
    let _ = error.print();
    let told = error.to_string();
    let told = told.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = told.split_whitespace().collect();
    let message = words.join(" ");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    console.report_as_json(&Failure::usage(message), Status::Usage);
    Status::Usage
}
