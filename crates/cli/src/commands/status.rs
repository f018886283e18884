use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::figures::{count, number, promise, seconds};
use crate::options::quantity;
use crate::place::Place;
use crate::table::table;
use clap::Args;
use rescind::{Answered, Run, ledger};
use rescind_privacy::Delta;
use rescind_privacy::sensitivity::GuaranteeKind;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Show a run: how far its training is, the requests so far, and what each is promised today
///
/// The promise to a request weakens with every later release of the run: the table shows what all
/// of them together leave of it.
///
/// Works while another process is busy with the run.
#[derive(Args)]
#[command(after_help = "Example: rescind status run")]
pub struct Inspect {
    /// Run folder
    run: PathBuf,

    /// The delta at which promises are shown
    #[arg(long, value_name = "PROBABILITY", value_parser = quantity(Delta::new), default_value = "1e-5")]
    delta: Delta,
}

#[derive(Serialize)]
pub struct Standing {
    run: Place,
    data: String,
    busy: Option<String>,
    trained: bool,
    epochs: u64,
    retained: Option<u64>,
    delta: f64,
    requests: Vec<Request>,
    /// Requests that no release covers yet.
    pending: Vec<u64>,
    /// Requests answered for which nothing had to be done.
    idle: u64,
    /// Whether the ledger could not be read as it is being written, or was left half written.
    unfinished: bool,
    /// What every release must keep, if that was set.
    budget: Option<ledger::Budget>,
    /// When somebody said that the run, found in another place, is the only one.
    adopted: Vec<String>,
    /// Whether requests are answered from sums over the records that stay.
    prepared: bool,
    /// A file or folder that others can read although it is private.
    exposed: Option<Place>,
    /// Whether a small epsilon can be had of its model.
    #[serde(skip)]
    convex: bool,
}

#[derive(Serialize)]
struct Request {
    number: u64,
    /// RFC 3339, UTC.
    requested_at: String,
    asked: String,
    forgotten: usize,
    method: String,
    loss_before: Option<f64>,
    loss_after: Option<f64>,
    seconds: f64,
    /// Releases since, its own included.
    releases: u64,
    /// What these leave of its promise: at the delta asked for; absent while nothing was released,
    /// and where constants that may fail use delta up.
    epsilon: Option<f64>,
    kind: Option<GuaranteeKind>,
    insecure_noise: bool,
}

impl Inspect {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        console.print(&Standing::of(&self.run, self.delta)?)?;
        Ok(Status::Done)
    }
}

impl Standing {
    /// What is to be shown of a run, promises at this delta.
    pub fn of(run: &Path, delta: Delta) -> Result<Self, rescind::Error> {
        let summary = Run::inspect(run)?;
        let state = summary.state.as_ref();
        let retained = summary.retained();
        let unfinished = summary.answers.is_none();
        let answered = summary.answers.clone().unwrap_or_default();
        let standings = summary.standings()?.unwrap_or_default().into_iter();
        let standings = standings.map(|today| (today.request.number, today));
        let standings: BTreeMap<u64, _> = standings.collect();
        let requests = answered
            .iter()
            .map(|record| Request::of(record, standings.get(&record.number), delta));
        let requests = requests.collect();
        let config = summary.config.as_ref();
        let convex = config.is_some_and(|config| config.parameterisation.is_convex());
        Ok(Self {
            run: run.into(),
            data: summary.config.map_or_else(
                || "an outside model".to_owned(),
                |config| config.data.to_string(),
            ),
            busy: summary.busy,
            trained: state.is_some_and(|state| state.progress.ending.is_some()),
            epochs: state.map_or(0, |state| state.progress.epoch),
            retained,
            delta: delta.value(),
            requests,
            pending: summary.pending,
            idle: summary.idle,
            unfinished,
            budget: summary.budget,
            adopted: summary.adopted,
            prepared: summary.prepared,
            exposed: summary.exposed.map(Place::from),
            convex,
        })
    }
}

impl Request {
    fn of(record: &Answered, today: Option<&ledger::Standing>, delta: Delta) -> Self {
        let released = today.filter(|today| today.releases > 0);
        Self {
            number: record.number,
            requested_at: record.requested(),
            asked: record.asked.join(", "),
            forgotten: record.forgotten.len(),
            method: record.method.method.clone(),
            loss_before: record.effect.map(|effect| effect.forgotten_before.loss),
            loss_after: record.effect.map(|effect| effect.forgotten_after.loss),
            seconds: record.seconds,
            releases: released.map_or(0, |today| today.releases),
            epsilon: released.and_then(|today| Some(today.epsilon(delta).ok()?.value())),
            kind: released.and_then(|today| today.kind),
            insecure_noise: released.is_some_and(|today| today.insecure_noise),
        }
    }
}

impl Request {
    /// What the promise rests on.
    fn foundation(&self) -> String {
        match self.insecure_noise {
            true => "void to who knows the seed".to_owned(),
            false => self.kind.map_or(String::new(), |kind| kind.to_string()),
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
        if self.prepared {
            writeln!(f, "Prepared: requests read the records that they name.")?;
        }
        if let Some(budget) = &self.budget {
            writeln!(f, "Budget: {budget}.")?;
        }
        for since in &self.adopted {
            writeln!(f, "Said to be the only copy: {since}.")?;
        }
        if let Some(path) = &self.exposed {
            writeln!(f, "Others can read {}: it is private.", path.display())?;
        }
        if self.idle > 0 {
            let idle = count(self.idle as usize, "request");
            writeln!(
                f,
                "Besides these, {idle} answered for which nothing had to be done: those named were \
                 forgotten before, or never trained on."
            )?;
        }
        if self.unfinished {
            return writeln!(
                f,
                "The ledger is being written, or a process died while it was: what it says of \
                 requests is seen once that is done. To have it finished: rescind evaluate {}",
                self.run.word()
            );
        }
        if self.requests.is_empty() {
            return writeln!(f, "No request so far.");
        }
        let rows = self.requests.iter().map(|request| {
            let (epsilon, kind) = match (request.releases, request.epsilon) {
                (0, _) => ("not released".to_owned(), String::new()),
                (_, None) => ("none left".to_owned(), String::new()),
                (_, Some(epsilon)) => (promise(epsilon), request.foundation()),
            };
            [
                request.number.to_string(),
                request.requested_at.clone(),
                request.forgotten.to_string(),
                request.method.clone(),
                request.loss_before.map_or_else(String::new, number),
                request.loss_after.map_or_else(String::new, number),
                seconds(request.seconds),
                request.releases.to_string(),
                epsilon,
                kind,
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
            "releases since",
            "epsilon today",
            "kind",
        ];
        let delta = promise(self.delta);
        writeln!(f, "\nPromises at delta = {delta}:\n\n{}", table(head, rows))?;
        if self.pending.is_empty() {
            return Ok(());
        }
        let pending: Vec<String> = self.pending.iter().map(u64::to_string).collect();
        writeln!(
            f,
            "Pending: request {}. Release without another request: rescind release {} {}",
            pending.join(", "),
            self.run.word(),
            // What any other model can promise is for `rescind plan` to say.
            match self.convex {
                true => "--epsilon 1",
                false => "--sigma 0.01",
            }
        )
    }
}
