use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::figures::{count, number, percent, promise, seconds};
use crate::options::method::MethodOptions;
use crate::options::records::{RecordOptions, not_found};
use crate::options::release::ReleaseOptions;
use crate::place::Place;
use crate::progress::Watch;
use crate::table::table;
use clap::Args;
use rescind::certificate::{AssumptionName, FollowedBy};
use rescind::methods::newton::{ExactCheck, NewtonReport};
use rescind::release::Released;
use rescind::{Answer, Effect, Request};
use rescind::{Run, RunConfig, word};
use rescind_privacy::sensitivity::GuaranteeKind;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// Make the model of a run forget records
///
/// The run's private weights change and the records leave its training set for good. All or
/// nothing: a request that fails or is broken off leaves the run as it was. With --sigma or
/// --epsilon the result is released: noised, with a certificate of what that promises, in
/// RUN/releases. Only what is there may leave the run; the private weights carry no guarantee by
/// themselves. The methods noisy-finetune and output-perturbation consist of noise and need one of
/// the two.
#[derive(Args)]
#[command(
    after_help = "Examples: rescind forget run --records 3,17,20-29 --sigma 0.01\n          rescind forget run --random 50"
)]
pub struct Forget {
    /// Run folder
    run: PathBuf,

    /// Your own name for this request: asked again under the same key, the same request gets the
    /// same answer and is not carried out again
    #[arg(long)]
    key: Option<String>,

    /// Seed of --random and of the method's own random choices
    #[arg(long, default_value_t = 0)]
    seed: u64,

    #[command(flatten)]
    records: RecordOptions,

    #[command(flatten)]
    method: MethodOptions,

    #[command(flatten)]
    release: ReleaseOptions,
}

#[derive(Serialize)]
struct Answered {
    run: Place,
    request: u64,
    method: String,
    /// Whether this is the answer to an earlier request of the same key.
    repeated: bool,
    forgotten: usize,
    /// The lines of the table that they were in when the run was made.
    lines: Option<String>,
    held_out: usize,
    /// Records named that were forgotten before.
    already_forgotten: usize,
    copies_retained: usize,
    /// Classes of which no record is left.
    emptied_classes: Vec<String>,
    retained: usize,
    /// Records of the source that are not of the run: added since, or blanked out.
    unlisted: usize,
    effect: Option<Effect>,
    solver_ending: Option<String>,
    products: Option<u64>,
    /// Of the system solved, over the curvature's records.
    relative_residual: Option<f64>,
    /// In double precision over all retained records, where it was computed.
    check: Option<ExactCheck>,
    prepare_seconds: Option<f64>,
    solve_seconds: Option<f64>,
    /// Settings chosen for the method, and why.
    explanation: Option<String>,
    seconds: f64,
    release: Option<Release>,
}

/// What a release promises.
#[derive(Serialize)]
pub struct Release {
    number: u64,
    folder: Place,
    sigma: f64,
    /// How often noise was added.
    noise_times: u64,
    /// Parameters that carry no noise, as they are the centre's.
    frozen: u64,
    /// Whether training followed the noise.
    recovered: bool,
    epsilon: f64,
    delta: f64,
    kind: GuaranteeKind,
    sensitivity: f64,
    #[serde(skip)]
    statement: String,
    /// What whoever asked should hear before the release is handed out.
    warnings: Vec<String>,
}

impl Forget {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let named = self.records.clone();
        // A folder without a run is reported where it is opened.
        let kind = RunConfig::of_run(&self.run)
            .map_or_else(|_| Default::default(), |c| c.parameterisation);
        let method = self.method.method(self.seed, kind)?;
        // Its seed is the method's own, if another than the usual one is given.
        let open = self.method.is_silent() && self.seed == 0;
        let release = self.release.choice()?;
        let mut watch = Watch::new(console);
        let mut run = Run::open(&self.run)?;
        let records = named.requests(self.seed, &run)?;
        let asked = Request {
            records,
            method: (!open).then_some(method),
            release,
            key: self.key,
        };
        let answer = match run.forget(&asked, &mut watch) {
            Ok(answer) => answer,
            Err(error) => return Err(not_found(&run, &asked.records, error)),
        };
        drop(watch);
        console.print_done(&Answered::of(self.run, &answer, &run));
        Ok(Status::Done)
    }
}

impl Answered {
    fn of(folder: PathBuf, answer: &Answer, run: &Run) -> Self {
        let record = &answer.record;
        // What was not read for the answer, nobody reads only to tell this.
        let unlisted = match run.classifier() {
            Ok(classifier) if run.model().has_read() => classifier.unlisted_records().unwrap_or(0),
            _ => 0,
        };
        let newton = record.method.details::<NewtonReport>();
        let newton = newton.as_ref();
        Self {
            run: folder.into(),
            request: record.number,
            method: record.method.method.clone(),
            repeated: answer.repeated,
            forgotten: record.forgotten.len(),
            // They are forgotten: not to be able to say where they stood is no failure.
            lines: run
                .lines_of(&record.forgotten)
                .ok()
                .flatten()
                .map(|lines| lines.to_string()),
            held_out: record.held_out.len(),
            already_forgotten: record.already,
            copies_retained: record.copies_retained.len(),
            emptied_classes: record.emptied_classes.clone(),
            retained: run.retained().len(),
            unlisted,
            effect: record.effect,
            solver_ending: newton.map(|report| report.ending.to_string()),
            products: newton.map(|report| report.products),
            relative_residual: newton.map(|report| report.solver_residual / report.right_hand_side),
            check: newton.and_then(|report| report.check),
            prepare_seconds: newton.map(|report| report.prepare_seconds),
            solve_seconds: newton.map(|report| report.solve_seconds),
            explanation: record.method.explanation.clone(),
            seconds: record.seconds,
            release: answer.release.as_ref().map(Release::of),
        }
    }
}

impl Release {
    pub fn of(released: &Released) -> Self {
        let (certificate, folder) = (&released.certificate, released.folder.clone());
        let guarantee = &certificate.guarantee;
        Self {
            number: certificate.release,
            folder: folder.into(),
            sigma: certificate.noise.sigma.value(),
            noise_times: certificate.noise.times,
            frozen: certificate.model.frozen,
            recovered: certificate.noise.followed_by == FollowedBy::Recovery,
            epsilon: guarantee.epsilon.value(),
            delta: guarantee.delta.value(),
            kind: guarantee.kind,
            sensitivity: certificate.sensitivity(),
            statement: rescind::certificate::statement(certificate),
            warnings: certificate
                .assumptions
                .iter()
                .filter(|assumption| assumption.name == AssumptionName::LargeDelta)
                .map(|assumption| assumption.text(certificate))
                .collect(),
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sigma, sensitivity) = (number(self.sigma), number(self.sensitivity));
        let (epsilon, delta) = (promise(self.epsilon), promise(self.delta));
        let times = match self.noise_times {
            1 => String::new(),
            times => format!(" at each of {times} steps"),
        };
        let those = match self.frozen {
            0 => "every weight",
            _ => "every weight that training moves",
        };
        let then = match self.recovered {
            true => ", and trained on without noise after it",
            false => "",
        };
        writeln!(
            f,
            "Released in {}, with noise of {sigma} on {those}{times}{then}.\n\n\
             Guarantee: epsilon = {epsilon} at delta = {delta}, {}; it hides a distance of \
             {sensitivity} between weights.\n\n{}\n",
            self.folder.display(),
            self.kind,
            self.statement
        )?;
        for warning in &self.warnings {
            writeln!(f, "Mind: {warning}\n")?;
        }
        let certificate = word(&self.folder.join("certificate.json"));
        let run = self.folder.ancestors().nth(2).map(word).unwrap_or_default();
        writeln!(f, "Check it: rescind verify {certificate} --run {run}")
    }
}

/// A step after which this share of the test records is wrong that was right before overshot,
const FALL: f64 = 0.05;
/// where it is at least so many records: fewer may be chance.
const FALLEN: f64 = 5.0;
/// So did one that makes the loss grow by this factor.
const GROWTH: f64 = 1.5;

impl Answered {
    /// What speaks for a step that went too far, where the method takes one.
    fn overshot(&self) -> Option<String> {
        let effect = self.effect.filter(|_| self.method == "newton")?;
        let (before, after) = (effect.test_before, effect.test_after);
        let share = before.share_right() - after.share_right();
        let fell = share > FALL && share * after.records as f64 >= FALLEN;
        let grew = after.loss > GROWTH * before.loss;
        let signs = match after.records {
            0 => return None,
            _ if !fell && !grew => return None,
            _ if fell => format!(
                "accuracy on test records fell from {} to {}",
                percent(before.share_right()),
                percent(after.share_right())
            ),
            _ => format!(
                "loss on test records grew from {} to {}",
                number(before.loss),
                number(after.loss)
            ),
        };
        Some(format!(
            "{signs}: the step has overshot, it seems, which a comparison with retraining would show. A \
             shorter one takes more damping, as --damping spectrum chooses it, or inputs of like size, as \
             --scaling computed makes them in training."
        ))
    }
}

/// The first of many lines.
fn shortened(lines: &str) -> String {
    const SHOWN: usize = 20;
    match lines.split(',').count().checked_sub(SHOWN) {
        None | Some(0) => lines.to_owned(),
        Some(more) => {
            let first: Vec<&str> = lines.split(',').take(SHOWN).collect();
            format!("{} and {more} more ranges", first.join(","))
        }
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (forgotten, time) = (count(self.forgotten, "record"), seconds(self.seconds));
        writeln!(
            f,
            "Request {}: {forgotten} forgotten in {time}.\n",
            self.request
        )?;
        if let Some(lines) = &self.lines {
            writeln!(
                f,
                "Lines of the table, as it was when the run was made: {}.\n",
                shortened(lines)
            )?;
        }
        if self.repeated {
            writeln!(
                f,
                "This was answered before, under the same key: nothing was done.\n"
            )?;
        }
        let row = |name: &str,
                   before: rescind::evaluation::Measured,
                   after: rescind::evaluation::Measured| {
            let (loss, right) = (number(after.loss), percent(after.share_right()));
            if after.records == 0 {
                let none = || "none".to_owned();
                return [name.to_owned(), none(), none(), none(), none()];
            }
            [
                name.to_owned(),
                number(before.loss),
                loss,
                percent(before.share_right()),
                right,
            ]
        };
        if let Some(effect) = &self.effect {
            let rows = [
                row(
                    "forgotten records",
                    effect.forgotten_before,
                    effect.forgotten_after,
                ),
                row("test records", effect.test_before, effect.test_after),
            ];
            let head = ["", "loss before", "after", "accuracy before", "after"];
            writeln!(f, "{}\n", table(head, rows))?;
        }
        if let Some(overshot) = self.overshot() {
            writeln!(f, "Mind: {overshot}\n")?;
        }
        if let Some(explanation) = &self.explanation {
            writeln!(f, "Chosen: {explanation}.\n")?;
        }
        if let Some(check) = &self.check {
            writeln!(
                f,
                "In double precision, over all retained records: residual of the solve {}, \
                 gradient norm {} before and {} after.\n",
                number(check.residual),
                number(check.gradient_norm_before),
                number(check.gradient_norm_after)
            )?;
        }
        if self.copies_retained > 0 {
            writeln!(
                f,
                "Exact copies of forgotten records that stay: {}. Name them too if they are the \
                 same person's.",
                self.copies_retained
            )?;
        }
        if !self.emptied_classes.is_empty() {
            writeln!(
                f,
                "No record is left of: {}. The model goes on having an output for it, and whoever \
                 sees the model sees that.",
                self.emptied_classes.join(", ")
            )?;
        }
        if self.unlisted > 0 {
            let unlisted = count(self.unlisted, "record");
            writeln!(
                f,
                "{unlisted} of the source are not of this run: added since it was made, or what is \
                 left of records that were blanked out. Nothing was trained on them."
            )?;
        }
        if self.held_out > 0 {
            let held = count(self.held_out, "record");
            writeln!(
                f,
                "{held} named had been held out for validation and were never trained on."
            )?;
        }
        if self.already_forgotten > 0 {
            let already = count(self.already_forgotten, "record");
            writeln!(f, "{already} named had been forgotten before.")?;
        }
        match &self.release {
            Some(release) => write!(f, "{release}")?,
            None => writeln!(
                f,
                "The weights are private: nothing was released, and no guarantee is given yet. \
                 The next release covers this request too."
            )?,
        }
        writeln!(f, "Next: rescind evaluate {}", self.run.word())
    }
}
