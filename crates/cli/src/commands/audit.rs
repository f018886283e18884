use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::figures::{number, percent};
use crate::place::Place;
use crate::progress::Watch;
use crate::table::table;
use clap::Args;
use rescind::{Code, Run};
use rescind_evaluate::audit::{self, AuditError, AuditSettings, Extent, LowerBound};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// Try to tell the last release from retraining: more often than promised means a broken promise
///
/// Draws pairs of releases (unlearned and retrained, with the release's own noise) in memory,
/// chooses a test on one half and measures it on the other. Retrains first if that has not been
/// done. Exit status 4 if a lower bound exceeds what the certificate promises. An audit that finds
/// nothing proves nothing.
#[derive(Args)]
#[command(after_help = "Example: rescind audit run")]
pub struct Audit {
    /// Run folder; its last request must have been released
    run: PathBuf,

    /// Pairs of releases to draw [default: 2000, with --full 40]
    #[arg(long, value_name = "COUNT")]
    pairs: Option<usize>,

    /// Probability with which all lower bounds hold together
    #[arg(long, value_name = "PROBABILITY", default_value_t = AuditSettings::default().confidence)]
    confidence: f64,

    /// Train, forget and retrain from the start for every pair, each with seeds of its own, instead
    /// of drawing noise around the run's own weights
    #[arg(long)]
    full: bool,

    /// Seed that makes the audit repeatable [default: noise from the operating system]
    #[arg(long)]
    seed: Option<u64>,
}

/// Pairs of a full audit, each of which trains twice.
const FULL_PAIRS: usize = 40;

#[derive(Serialize)]
struct Audited {
    run: Place,
    holds: bool,
    full: bool,
    #[serde(flatten)]
    audit: audit::Audit,
}

impl Audit {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let usual = match self.full {
            true => FULL_PAIRS,
            false => AuditSettings::default().pairs,
        };
        let settings = AuditSettings {
            pairs: self.pairs.unwrap_or(usual),
            confidence: self.confidence,
        };
        let extent = match self.full {
            true => Extent::Full,
            false => Extent::Noise,
        };
        let mut watch = Watch::new(console);
        let run = Run::open_to_read(&self.run)?;
        let audit = audit::of_run(&run, &settings, extent, self.seed, &mut watch)?;
        drop(watch);
        let holds = audit.holds();
        console.print(&Audited {
            run: self.run.into(),
            holds,
            full: self.full,
            audit,
        })?;
        Ok(match holds {
            true => Status::Done,
            false => Status::NotVerified,
        })
    }
}

impl From<AuditError> for Failure {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Setting { .. } => Self::usage(error),
            AuditError::Run(error) => error.into(),
            AuditError::Privacy(error) => error.into(),
            other => Self::other(Code::CannotAudit, other),
        }
    }
}

impl fmt::Display for Audited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (audit, claim) = (&self.audit, &self.audit.claim);
        let how = match self.full {
            true => "trained, unlearned and retrained from the start each time",
            false => "with fresh noise each time",
        };
        let confidence = percent(audit.confidence);
        writeln!(f, "Audit of {} pairs of releases, {how}.\n", audit.pairs)?;
        let row = |name: &str, found: f64, most: f64, promised: f64| {
            [
                name.to_owned(),
                number(found),
                number(most),
                number(promised),
            ]
        };
        let rows = [
            row(
                "epsilon",
                audit.epsilon.value,
                audit.most_epsilon,
                claim.epsilon,
            ),
            row("mu", audit.mu.value, audit.most_mu, claim.mu),
        ];
        let head = ["", "at least", "could show", "promised"];
        writeln!(f, "{}\n", table(head, rows))?;
        writeln!(
            f,
            "Both lower bounds hold with a probability of {confidence}; epsilon is at delta = {}.",
            number(claim.delta)
        )?;
        writeln!(
            f,
            "\"Could show\" is the most that so many pairs can show. If the noise is Gaussian, mu"
        )?;
        writeln!(
            f,
            "at least {} means epsilon at least {}.",
            number(audit.mu.value),
            number(audit.epsilon_by_mu)
        )?;
        writeln!(f, "{}", tested("epsilon", &audit.epsilon))?;
        writeln!(f, "{}", tested("mu", &audit.mu))?;
        if let Some(far) = &audit.distance {
            writeln!(
                f,
                "Unlearned and retrained weights are {} apart before noise; the promise allows {}.",
                number(far.measured),
                number(far.bound)
            )?;
        }
        match self.holds {
            true => writeln!(
                f,
                "\nNothing found that breaks the promise. This is evidence, not a proof."
            ),
            false => writeln!(
                f,
                "\nTHE PROMISE IS BROKEN: the releases differ by more than the certificate allows."
            ),
        }
    }
}

/// The test behind a bound, in a sentence.
fn tested(parameter: &str, bound: &LowerBound) -> String {
    let (positive, negative) = (bound.false_positives, bound.false_negatives);
    format!(
        "For {parameter}: {}; wrong on {} of {} retrained and {} of {} unlearned releases.",
        bound.statistic, positive.count, positive.of, negative.count, negative.of
    )
}
