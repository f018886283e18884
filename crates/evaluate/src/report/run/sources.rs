//! What the sections of a run's report draw on.

use super::ReportError;
use rescind::certificate::Certificate;
use rescind::ledger::History;
use rescind::verify::{Evidence, VerificationReport, verify};
use rescind::{Answered, Evaluation, Observer, Run};

/// What the sections draw on.
pub(super) struct Sources<'a> {
    pub run: &'a Run,
    /// Nothing before training, or where the run's model is in another program.
    pub evaluation: Option<Evaluation>,
    /// Nothing before the first release.
    pub history: Option<&'a History>,
    pub answers: Vec<Answered>,
    /// The newest release's.
    pub certificate: Option<Certificate>,
    pub verified: Option<VerificationReport>,
}

impl<'a> Sources<'a> {
    pub fn new(run: &'a Run, observer: &mut dyn Observer) -> Result<Self, ReportError> {
        let evaluation = match run.state() {
            Some(_) if !run.model_is_absent() => Some(run.evaluate(observer)?),
            _ => None,
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
