//! The report of a run.

mod attacks;
mod bounds;
mod headline;
mod membership;
mod models;
mod pictures;
mod requests;
mod spectrum;
mod standings;
mod tradeoff;

use super::page::{Report, Section};
use super::words::count;
use crate::attack::{AttackError, AttackSettings};
use crate::audit::Audit;
use rescind::Answered;
use rescind::Evaluation;
use rescind::certificate::Certificate;
use rescind::ledger::History;
use rescind::verify::{Evidence, VerificationReport, verify};
use rescind::{Observer, Run};
use rescind_privacy::PrivacyError;

/// What to put into a report besides what always is.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Show some of the forgotten records with what the models say of them: personal data.
    pub show_records: bool,
    /// Measure the spectrum of the Hessian, which costs some hundreds of products.
    pub spectrum: bool,
    /// Attack the models by these settings, which takes longer the more records were forgotten.
    pub attack: Option<AttackSettings>,
    /// An audit that was made.
    pub audit: Option<Audit>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The run.
    #[error(transparent)]
    Run(#[from] rescind::Error),
    /// The privacy arithmetic.
    #[error(transparent)]
    Privacy(#[from] PrivacyError),
    /// The attacks.
    #[error(transparent)]
    Attack(AttackError),
    /// A picture that cannot be encoded.
    #[error("the picture of record {position} cannot be encoded: {reason}")]
    Picture {
        /// The record.
        position: usize,
        /// Why.
        reason: String,
    },
}

impl From<rescind::ModelError> for ReportError {
    fn from(error: rescind::ModelError) -> Self {
        rescind::Error::from(error).into()
    }
}

impl From<AttackError> for ReportError {
    fn from(error: AttackError) -> Self {
        match error {
            AttackError::Model(error) => ReportError::Run(error),
            other => ReportError::Attack(other),
        }
    }
}

/// What the sections draw on.
struct Sources<'a> {
    run: &'a Run,
    /// Nothing before training.
    evaluation: Option<Evaluation>,
    /// Nothing before the first release.
    history: Option<&'a History>,
    answers: Vec<Answered>,
    /// The newest release's.
    certificate: Option<Certificate>,
    verified: Option<VerificationReport>,
}

impl<'a> Sources<'a> {
    fn new(run: &'a Run, observer: &mut dyn Observer) -> Result<Self, ReportError> {
        let evaluation = match run.state() {
            Some(_) => Some(run.evaluate(observer)?),
            None => None,
        };
        let mut sources = Sources {
            run,
            evaluation,
            history: None,
            answers: run.answers()?,
            certificate: None,
            verified: None,
        };
        let history = run.ledger().history();
        if let Some(newest) = history.releases().last() {
            let path = format!("releases/{:06}/certificate.json", newest.number);
            // A file that is gone fails the verification.
            let document = std::fs::read(run.root().join(path)).unwrap_or_default();
            let evidence = Evidence {
                run: Some(run.root().to_owned()),
                ..Evidence::default()
            };
            let verified = verify(&document, &evidence);
            sources.certificate = verified.certificate().cloned();
            sources.verified = Some(verified);
        }
        sources.history = Some(history).filter(|history| !history.entries().is_empty());
        Ok(sources)
    }
}

/// Fills a report from a run, whatever state it is in.
///
/// # Errors
/// A damaged run, [`rescind::Error::Interrupted`], and whatever measuring meets.
pub fn of_run(
    run: &Run,
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<Report, ReportError> {
    let sources = Sources::new(run, observer)?;
    let mut sections = vec![models::section(&sources)];
    sections.push(tradeoff::section(&sources, observer)?);
    sections.push(requests::section(&sources));
    sections.push(standings::section(&sources)?);
    sections.extend(bounds::sections(&sources));
    sections.push(attacks::section(&sources, options, observer)?);
    if options.spectrum {
        sections.push(spectrum::section(&sources, observer)?);
    }
    if options.show_records {
        sections.push(pictures::section(&sources)?);
    }
    sections.retain(|section: &Section| !section.blocks.is_empty());
    let data = run.manifest().source();
    let records = count(run.classifier()?.train_records().len(), "training record");
    let parameters = count(run.classifier()?.network().parameter_count(), "parameter");
    let root = run.root().display();
    Ok(Report {
        title: "Unlearning report".to_owned(),
        subject: format!("Run {root}: {data}, {records}, a network of {parameters}"),
        headline: headline::headline(&sources),
        facts: headline::facts(&sources)?,
        sections,
        closing:
            "Accuracies, losses and times on this page were measured on records and un-noised \
                  weights and carry no noise: show it to those who may know them. The certificate \
                  itself is the signed file beside the release."
                .to_owned(),
    })
}
