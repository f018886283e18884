use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::figures::{number, percent, seconds};
use crate::place::Place;
use crate::progress::Watch;
use crate::table::table;
use clap::Args;
use rescind::{Evaluation, Run, Sets};
use std::fmt;
use std::path::PathBuf;

/// Measure a run's models on forgotten, retained and test records
///
/// A model that has forgotten does on the forgotten records as one retrained without them does.
#[derive(Args)]
#[command(after_help = "Example: rescind evaluate run")]
pub struct Evaluate {
    /// Run folder
    run: PathBuf,
}

#[derive(serde::Serialize)]
#[serde(transparent)]
struct Table {
    evaluation: Evaluation,
    #[serde(skip)]
    run: Place,
}

impl Evaluate {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let mut watch = Watch::new(console);
        let evaluation = Run::open_to_read(&self.run)?.evaluate(&mut watch)?;
        drop(watch);
        console.print(&Table {
            evaluation,
            run: self.run.into(),
        })?;
        Ok(Status::Done)
    }
}

/// One line per model: accuracies, then loss on the forgotten records and distance.
pub fn models(evaluation: &Evaluation) -> String {
    let row = |name: &str, sets: &Sets| {
        let share = |measured: &rescind::evaluation::Measured| match measured.records {
            0 => "none".to_owned(),
            _ => percent(measured.share_right()),
        };
        let loss = match sets.forgotten.records {
            0 => "none".to_owned(),
            _ => number(sets.forgotten.loss),
        };
        let distance = sets.to_retrained.map_or("not known".to_owned(), number);
        let (kept, test) = (share(&sets.retained), share(&sets.test));
        [
            name.to_owned(),
            share(&sets.forgotten),
            loss,
            kept,
            test,
            distance,
        ]
    };
    let models = [
        ("original", evaluation.original.as_ref()),
        ("now", Some(&evaluation.current)),
        ("released", evaluation.released.as_ref()),
        ("retrained", evaluation.retrained.as_ref()),
    ];
    let rows = models
        .into_iter()
        .filter_map(|(name, sets)| sets.map(|sets| row(name, sets)));
    let head = [
        "model",
        "forgotten",
        "loss on them",
        "retained",
        "test",
        "from retrained",
    ];
    table(head, rows)
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Accuracy on forgotten, retained and test records; distance of the weights from"
        )?;
        writeln!(
            f,
            "those retrained without the forgotten records:\n\n{}\n",
            models(&self.evaluation)
        )?;
        if self.evaluation.original.is_none() {
            writeln!(
                f,
                "Not shown: the model before the first request, which was not kept, or whose inputs \
                 were scaled by constants that cannot be computed any more."
            )?;
        }
        if self.evaluation.released_hidden {
            writeln!(
                f,
                "Not shown: the newest release, whose inputs were scaled by other constants."
            )?;
        }
        match self.evaluation.retraining_seconds {
            Some(time) => writeln!(f, "Retraining took {}.", seconds(time)),
            None => writeln!(
                f,
                "No retrained model to compare with yet: rescind retrain {}",
                self.run.word()
            ),
        }
    }
}
