use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::figures::{number, percent, seconds};
use crate::options::budget::BudgetOptions;
use crate::options::model::{BallOptions, ConvexOptions, DataOptions, ModelOptions};
use crate::options::records::draw;
use crate::options::training::TrainingOptions;
use crate::place::Place;
use crate::progress::Watch;
use crate::table::facts;
use crate::tables;
use clap::Args;
use rescind::Run;
use rescind::{Code, Error, ModelError, Parameterisation, Phase, word};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// Train a network and keep it in a run folder
///
/// Checkpoints are kept as training goes: broken off by Ctrl-C, --pause-after or a kill, it goes on
/// with `rescind train --resume RUN` and ends with the same weights to the last bit.
#[derive(Args)]
#[command(after_help = "\
Examples: rescind train --data digits --epochs 40 --out run
          rescind train --tangent --model logistic --mu 1e-2 --out desk")]
pub struct Train {
    /// Run folder to make: new or empty
    #[arg(long, value_name = "RUN", required_unless_present = "resume")]
    out: Option<PathBuf>,

    /// Go on with the training of this run; its settings are those it began with
    #[arg(long, value_name = "RUN", conflicts_with = "out")]
    resume: Option<PathBuf>,

    /// Stop once this many epochs are done in all, such as 2.5; go on with --resume
    #[arg(long, value_name = "EPOCHS")]
    pause_after: Option<f64>,

    #[command(flatten)]
    data: DataOptions,

    #[command(flatten)]
    model: ModelOptions,

    #[command(flatten)]
    training: TrainingOptions,

    #[command(flatten)]
    ball: BallOptions,

    #[command(flatten)]
    convex: ConvexOptions,

    #[command(flatten)]
    budget: BudgetOptions,
}

#[derive(Serialize)]
struct Trained {
    run: Place,
    finished: bool,
    ending: Option<String>,
    epochs: u64,
    records: usize,
    parameters: usize,
    loss: Option<f64>,
    accuracy: Option<f64>,
    norm: Option<f64>,
    seconds: f64,
    /// Whether the set of classes was read off the records.
    classes_read_from_records: bool,
}

impl Train {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        if let Some(epochs) = self.pause_after
            && !(epochs.is_finite() && epochs > 0.0)
        {
            return Err(Failure::Usage(format!(
                "--pause-after is {epochs}: expected more than 0"
            )));
        }
        let mut load = Watch::new(console);
        let mut run = match (&self.resume, &self.out) {
            (Some(root), _) => Run::open(root)?,
            (None, Some(root)) => {
                self.budget.check()?;
                let mut config =
                    self.training
                        .config(&self.data, &self.model, &self.ball, &self.convex)?;
                // Of a head's inputs no constants may be computed from the records.
                if config.parameterisation != Parameterisation::Head {
                    config.scaling = self.data.scaling_to_train(&config.data);
                }
                Run::create(root, config, self.ball.centre()?.as_deref(), &mut load)?
            }
            (None, None) => return Err(Failure::usage("give --out RUN or --resume RUN")),
        };
        if let Some(budget) = self.budget.given() {
            run.set_budget(budget)?;
        }
        let epochs = run.settings().training.epochs;
        drop(load);
        if let Some(table) = tables::told(&run) {
            console.note(&table);
        }
        let mut watch = Watch::new(console).pausing(self.pause_after, epochs);
        match run.train(&mut watch) {
            Err(Error::Unlearn(ModelError::Interrupted {
                phase: Phase::Train,
            })) if self.pause_after.is_some() && !crate::interrupt::asked() => {}
            Err(error) if self.out.is_some() && !can_go_on(&error) => {
                drop(watch);
                run.discard()?;
                return Err(error.into());
            }
            Err(error) if self.out.is_some() => {
                drop(watch);
                let message = format!("{error}. The run is there; to go on:");
                let resume = format!("{message} rescind train --resume {}", word(run.root()));
                return Err(Failure::other(error.code(), resume));
            }
            done => {
                done?;
            }
        }
        drop(watch);
        console.print_done(&Trained::of(&run));
        Ok(Status::Done)
    }
}

/// Whether a training that ended so can go on once somebody has seen to it; any other would end so
/// again.
fn can_go_on(error: &Error) -> bool {
    use Code::{Interrupted, Io, Ledger, OpenAgain, Storage};
    [Interrupted, Io, Ledger, OpenAgain, Storage].contains(&error.code())
}

impl Trained {
    fn of(run: &Run) -> Self {
        let progress = run.state().map(|state| &state.progress);
        let last = progress.and_then(|progress| progress.history.last());
        let ending = progress.and_then(|progress| progress.ending);
        Self {
            run: run.root().into(),
            finished: ending.is_some(),
            ending: ending.map(|ending| ending.to_string()),
            epochs: progress.map_or(0, |progress| progress.epoch),
            records: run.retained().len(),
            parameters: run.model().description().parameters(),
            loss: last.map(|epoch| epoch.loss),
            accuracy: last.and_then(|epoch| epoch.accuracy),
            norm: last.map(|epoch| epoch.norm),
            seconds: progress.map_or(0.0, |progress| progress.seconds),
            classes_read_from_records: run.classes_read_from_records(),
        }
    }
}

impl fmt::Display for Trained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = self.run.display();
        let word = self.run.word();
        match &self.ending {
            Some(ending) => writeln!(f, "Trained, in {run}: {ending}.\n")?,
            None => writeln!(f, "Training in {run} is not finished.\n")?,
        }
        let shown = |value: Option<f64>| value.map_or("none yet".to_owned(), number);
        let rows = [
            ("records", self.records.to_string()),
            ("parameters", self.parameters.to_string()),
            ("epochs done", self.epochs.to_string()),
            ("loss", shown(self.loss)),
            (
                "accuracy",
                self.accuracy.map_or("none yet".to_owned(), percent),
            ),
            ("norm of weights", shown(self.norm)),
            ("time", seconds(self.seconds)),
        ];
        writeln!(f, "{}\n", facts(rows))?;
        if self.classes_read_from_records {
            writeln!(
                f,
                "The set of classes was read off the records, so that certificates of this run will \
                 take for granted that nobody forgotten was the last of a class. To have it proved, \
                 declare the classes before training: --classes NAMES.\n"
            )?;
        }
        match self.finished {
            true => match draw(self.records) {
                Some(count) => writeln!(f, "Next: rescind forget {word} --random {count}"),
                None => writeln!(f, "Next: rescind evaluate {word}"),
            },
            false => writeln!(f, "Go on: rescind train --resume {word}"),
        }
    }
}
