use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::figures::seconds;
use crate::place::Place;
use crate::progress::Watch;
use clap::Args;
use rescind::{Code, Observer, Progress};
use rescind_data::DataSource;
use rescind_evaluate::compare::{CompareError, Comparison, Results, Stage, Watcher, compare};
use serde::Serialize;
use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Compare methods on one request, over several seeds: fidelity, attacks, time
///
/// Every method answers the same request from the same trained model. Fidelity is measured against
/// a model retrained without the records. Broken off by Ctrl-C or a kill, the same command goes on:
/// what is done for a seed and a method is kept. A method that fails holds up no other.
///
/// The folder gets results.html, a page with tables and plots that needs no network and is readable
/// by its owner alone, figures/ with the plots as SVG and PNG files, results.md, results.csv and
/// results.json. With nothing left to do, the same command writes them again.
#[derive(Args)]
#[command(after_help = "Example: rescind compare experiments/digits.toml")]
pub struct Compare {
    /// What to compare (TOML, or JSON if its name ends in .json), such as those in experiments/
    file: PathBuf,

    /// Folder for runs and results: new, or of this comparison [default: compare-NAME]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,

    /// Take the records from here instead, such as mnist:DIR
    #[arg(long, value_name = "SOURCE")]
    data: Option<DataSource>,
}

#[derive(Serialize)]
struct Compared {
    folder: Place,
    results: Results,
}

impl Compare {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let mut comparison = Comparison::read(&self.file)?;
        if let Some(data) = self.data {
            comparison.data = data;
        }
        let folder = self
            .out
            .unwrap_or_else(|| PathBuf::from(format!("compare-{}", comparison.name)));
        let mut watch = Shown(Watch::new(console));
        let results = compare(&comparison, &folder, &mut watch)?;
        drop(watch);
        let status = match results.missing.is_empty() {
            true => Status::Done,
            false => Status::Failed,
        };
        console.print_done(&Compared {
            folder: folder.into(),
            results,
        });
        Ok(status)
    }
}

/// The bar of whatever is at work, under a line per cell.
struct Shown(Watch);

impl Observer for Shown {
    fn observe(&mut self, progress: &Progress) -> ControlFlow<()> {
        self.0.observe(progress)
    }
}

impl Watcher for Shown {
    fn stage(&mut self, stage: &Stage<'_>) {
        let left = stage
            .seconds_left
            .map(|left| format!(", about {} left", seconds(left)));
        self.0.note(&format!(
            "{} of {} done{}: {} with seed {}",
            stage.done,
            stage.total,
            left.unwrap_or_default(),
            stage.method,
            stage.seed
        ));
    }
}

impl From<CompareError> for Failure {
    fn from(error: CompareError) -> Self {
        match error {
            CompareError::Setting { .. } | CompareError::Unreadable { .. } => Self::usage(error),
            CompareError::Run(error) => error.into(),
            CompareError::Attack(error) => error.into(),
            CompareError::Outputs(_) => Self::other(Code::Records, error),
            CompareError::Page(error) => error.into(),
            CompareError::NotEmpty { .. } => Self::other(Code::NotEmpty, error),
            CompareError::OtherComparison { .. } => Self::other(Code::OtherConfig, error),
            CompareError::Io { .. } => Self::other(Code::Io, error),
            other => Self::other(Code::Document, other),
        }
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.results.markdown())?;
        let folder = self.folder.display();
        writeln!(
            f,
            "In {folder}: results.html, results.md, results.csv, results.json, figures/."
        )
    }
}
