//! Results on standard output, everything else on standard error.

use crate::exit::{Failure, Status};
use rescind::Code;
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// Where a command prints.
pub struct Console {
    json: bool,
    quiet: bool,
}

/// What `--json` prints when a command fails.
#[derive(Serialize)]
struct FailureReport {
    code: &'static str,
    error: String,
    status: u8,
}

impl Console {
    pub fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Whether results are printed as JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether progress is to be shown.
    pub fn shows_progress(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Prints a command's result: its text, or with `--json` its object. A reader that has gone
    /// away is no failure.
    pub fn print(&self, report: &(impl Serialize + Display)) -> Result<(), Failure> {
        let mut text = match self.json {
            true => serde_json::to_string_pretty(report)
                .map_err(|error| Failure::other(Code::Document, error))?,
            false => report.to_string(),
        };
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                let reason = format!("standard output cannot be written: {error}");
                Err(Failure::other(Code::Io, reason))
            }
            _ => Ok(()),
        }
    }

    /// Tells people something besides the result, on standard error.
    pub fn note(&self, text: &str) {
        if !self.quiet && !self.json {
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Prints the result of a command that has changed something: that stands, whether or not its
    /// result can be written, so that it is no failure where that cannot be.
    pub fn print_done(&self, report: &(impl Serialize + Display)) {
        if let Err(failure) = self.print(report) {
            let _ = writeln!(io::stderr(), "rescind: done, but {failure}");
        }
    }

    /// Says why a command failed: on standard error, and with `--json` as an object besides.
    pub fn report_failure(&self, failure: &Failure, status: Status) {
        let _ = writeln!(io::stderr(), "rescind: {failure}");
        self.report_as_json(failure, status);
    }

    /// The object alone, where somebody else has said why.
    pub fn report_as_json(&self, failure: &Failure, status: Status) {
        if self.json {
            let report = FailureReport {
                code: failure.code(),
                error: failure.to_string(),
                status: status as u8,
            };
            if let Ok(text) = serde_json::to_string_pretty(&report) {
                let _ = writeln!(io::stdout(), "{text}");
            }
        }
    }
}
