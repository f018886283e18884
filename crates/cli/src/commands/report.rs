use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::place::Place;
use crate::progress::Watch;
use clap::Args;
use rescind::{Code, Run};
use rescind_evaluate::attack::{AttackError, AttackSettings};
use rescind_evaluate::audit::{self, AuditSettings, Extent};
use rescind_evaluate::compare::Results;
use rescind_evaluate::report::{self, Options, Report as Page, ReportError, WriteError};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// Write a run's report: guarantee, measurements and plots on one page that needs no network
///
/// It attacks the run's models too: whether the forgotten records can still be told from test
/// records. The page is readable by its owner alone: it quotes measurements that carry no noise.
///
/// Of the results.json of a comparison it makes that comparison's page.
#[derive(Args)]
#[command(after_help = "Example: rescind report run --figures run/figures")]
pub struct Report {
    /// Run folder, or a comparison's results.json
    run: PathBuf,

    /// File to write [default: report.html in the run folder, or results.html beside results.json]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Write every figure to this folder too, as SVG and PNG
    #[arg(long, value_name = "DIR")]
    figures: Option<PathBuf>,

    /// Leave the attacks out, which can take longer than the rest of the page
    #[arg(long)]
    no_attacks: bool,

    /// Seed of the attacks: of the records drawn, the folds and the attackers [default: 0]
    #[arg(long, value_name = "SEED", conflicts_with = "no_attacks")]
    seed: Option<u64>,

    /// Audit the last release first and show what was found
    #[arg(long)]
    audit: bool,

    /// Measure and show the spectrum of the Hessian, which takes some hundreds of products
    #[arg(long)]
    spectrum: bool,

    /// Show some of the forgotten records with the models' answers: personal data
    #[arg(long)]
    show_records: bool,
}

#[derive(Serialize)]
struct Written {
    run: Place,
    report: Place,
    figures: Vec<Place>,
}

impl Report {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let (page, usual) = match self.run.is_file() {
            true => (self.of_comparison()?, self.run.with_extension("html")),
            false => (self.of_run(console)?, self.run.join("report.html")),
        };
        let out = self.out.unwrap_or(usual);
        page.write(&out)?;
        let figures = match &self.figures {
            Some(folder) => page.write_figures(folder)?,
            None => Vec::new(),
        };
        console.print_done(&Written {
            run: self.run.into(),
            report: out.into(),
            figures: figures.into_iter().map(Place::from).collect(),
        });
        Ok(Status::Done)
    }

    fn of_comparison(&self) -> Result<Page, Failure> {
        let of_run = [
            self.no_attacks,
            self.audit,
            self.spectrum,
            self.show_records,
        ];
        if of_run.contains(&true) || self.seed.is_some() {
            let file = self.run.display();
            let why = "a comparison has been measured: only --out and --figures go with it";
            return Err(Failure::usage(format!("{file}: {why}")));
        }
        Ok(Results::read(&self.run)?.report())
    }

    fn of_run(&self, console: &Console) -> Result<Page, Failure> {
        let mut watch = Watch::new(console);
        let run = Run::open_to_read(&self.run)?;
        let audit = match self.audit {
            true => {
                let settings = AuditSettings::default();
                let audit = audit::of_run(&run, &settings, Extent::Noise, None, &mut watch);
                Some(audit?)
            }
            false => None,
        };
        let attack = AttackSettings {
            seed: self.seed.unwrap_or(0),
            ..AttackSettings::default()
        };
        let options = Options {
            show_records: self.show_records,
            spectrum: self.spectrum,
            attack: (!self.no_attacks).then_some(attack),
            audit,
        };
        Ok(report::of_run(&run, &options, &mut watch)?)
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Run(error) => error.into(),
            ReportError::Privacy(error) => error.into(),
            ReportError::Attack(error) => error.into(),
            other => Self::other(Code::Document, other),
        }
    }
}

impl From<AttackError> for Failure {
    fn from(error: AttackError) -> Self {
        match error {
            AttackError::Setting { .. } => Self::usage(error),
            AttackError::Model(error) => error.into(),
            other => Self::other(Code::CannotAttack, other),
        }
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Io { .. } => Self::other(Code::Io, error),
            other => Self::other(Code::Document, other),
        }
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The report is in {}.", self.report.display())?;
        for figure in &self.figures {
            writeln!(f, "{}", figure.display())?;
        }
        Ok(())
    }
}
