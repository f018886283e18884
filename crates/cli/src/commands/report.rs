use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::progress::Watch;
use clap::Args;
use rescind::run::Run;
use rescind_evaluate::audit::{self, AuditSettings, Extent};
use rescind_evaluate::report::{self, Options, ReportError, WriteError};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// Write a run's report: guarantee, measurements and plots on one page that needs no network
///
/// The page is readable by its owner alone: it quotes measurements that carry no noise.
#[derive(Args)]
#[command(after_help = "Example: rescind report run --figures run/figures")]
pub struct Report {
    /// Run folder
    run: PathBuf,

    /// File to write [default: report.html in the run folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Write every figure to this folder too, as SVG and PNG
    #[arg(long, value_name = "DIR")]
    figures: Option<PathBuf>,

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
    run: PathBuf,
    report: PathBuf,
    figures: Vec<PathBuf>,
}

impl Report {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let mut watch = Watch::new(console);
        let run = Run::open(&self.run, &mut watch)?;
        let audit = match self.audit {
            true => {
                let settings = AuditSettings::default();
                Some(audit::of_run(
                    &run,
                    &settings,
                    Extent::Noise,
                    None,
                    &mut watch,
                )?)
            }
            false => None,
        };
        let options = Options {
            show_records: self.show_records,
            spectrum: self.spectrum,
            rocs: Vec::new(),
            audit,
        };
        let report = report::of_run(&run, &options, &mut watch)?;
        drop(watch);
        let out = self.out.unwrap_or_else(|| self.run.join("report.html"));
        report.write(&out)?;
        let figures = match &self.figures {
            Some(folder) => report.write_figures(folder)?,
            None => Vec::new(),
        };
        console.print(&Written {
            run: self.run,
            report: out,
            figures,
        })?;
        Ok(Status::Done)
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Run(error) => error.into(),
            other => Self::failed(other),
        }
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Self::failed(error)
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
