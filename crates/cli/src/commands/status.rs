use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::figures::{number, seconds};
use crate::table::table;
use clap::Args;
use rescind::forgetting::RequestRecord;
use rescind::run::Run;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

/// Show a run: how far its training is, and the requests so far
///
/// Works while another process is busy with the run.
#[derive(Args)]
#[command(after_help = "Example: rescind status run")]
pub struct Inspect {
    /// Run folder
    run: PathBuf,
}

#[derive(Serialize)]
struct Standing {
    run: PathBuf,
    data: String,
    busy: Option<String>,
    trained: bool,
    epochs: u64,
    retained: Option<usize>,
    requests: Vec<Request>,
}

#[derive(Serialize)]
struct Request {
    number: u64,
    /// RFC 3339, UTC.
    requested_at: String,
    asked: String,
    forgotten: usize,
    method: &'static str,
    loss_before: f64,
    loss_after: f64,
    released: bool,
    seconds: f64,
}

impl Inspect {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let summary = Run::inspect(&self.run)?;
        let state = summary.state.as_ref();
        console.print(&Standing {
            run: self.run,
            data: summary.config.data.to_string(),
            busy: summary.busy,
            trained: state.is_some_and(|state| state.progress.ending.is_some()),
            epochs: state.map_or(0, |state| state.progress.epoch),
            retained: state.map(|state| state.retained.len()),
            requests: state.map_or(Vec::new(), |s| s.requests.iter().map(Request::of).collect()),
        })?;
        Ok(Status::Done)
    }
}

impl Request {
    fn of(record: &RequestRecord) -> Self {
        let at = UNIX_EPOCH + Duration::from_secs(record.requested_at);
        Self {
            number: record.number,
            requested_at: humantime::format_rfc3339_seconds(at).to_string(),
            asked: record.asked.clone(),
            forgotten: record.forgotten.len(),
            method: record.method.name(),
            loss_before: record.effect.forgotten_before.loss,
            loss_after: record.effect.forgotten_after.loss,
            released: record.released,
            seconds: record.seconds,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trained = if self.trained {
            "finished"
        } else {
            "not finished"
        };
        writeln!(f, "Run {}, records from {}.", self.run.display(), self.data)?;
        writeln!(f, "Training: {trained}, {} epochs done.", self.epochs)?;
        if let Some(holder) = &self.busy {
            writeln!(f, "Process {holder} is working on it.")?;
        }
        if let Some(retained) = self.retained {
            writeln!(f, "Records trained on from here: {retained}.")?;
        }
        if self.requests.is_empty() {
            return writeln!(f, "No request so far.");
        }
        let rows = self.requests.iter().map(|request| {
            let released = if request.released { "yes" } else { "no" };
            [
                request.number.to_string(),
                request.requested_at.clone(),
                request.forgotten.to_string(),
                request.method.to_owned(),
                number(request.loss_before),
                number(request.loss_after),
                seconds(request.seconds),
                released.to_owned(),
            ]
        });
        let head = [
            "request",
            "when",
            "records",
            "method",
            "loss before",
            "after",
            "time",
            "released",
        ];
        writeln!(f, "\n{}", table(head, rows))
    }
}
