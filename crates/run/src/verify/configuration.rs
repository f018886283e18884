//! The run's settings, not only their digest, and what they make of its records.

use crate::error::Error;
use crate::release::centre_digest;
use crate::run::Run;
use rescind_certificate::verify::{Checks, Subject};
use rescind_certificate::{BoundRecord, Certificate, Declaration};
use rescind_data::ReloadError;
use rescind_privacy::sensitivity::{Symbol, Theorem};
use rescind_unlearn::Error as ModelError;
use rescind_unlearn::training::Optimiser;

/// A run whose parts do not belong together is not one that can vouch for a certificate.
pub(super) fn not_opened(error: &Error, checks: &mut Checks) {
    checks.failed(
        Subject::Ledger,
        "run",
        "a run whose parts belong together",
        error,
        "the run cannot be relied on",
    );
}

/// Records that could not be computed on: they may be elsewhere, where only the run's owner reads
/// them; others than the manifest's are no such thing.
pub(super) fn not_read(error: &Error, checks: &mut Checks) {
    match error {
        Error::Unlearn(ModelError::Data(_) | ModelError::Reload(ReloadError::Data(_))) => checks
            .skipped(
                Subject::Records,
                &format!("the records themselves were not read: {error}"),
            ),
        _ => checks.failed(
            Subject::Records,
            "run",
            "the records and the model that the run was made with",
            error,
            "they cannot be computed on",
        ),
    }
}

/// The certificate's figures are those of the run's settings, its records add up to the manifest,
/// and those that stay are the ones that training and requests leave.
pub(super) fn agrees(certificate: &Certificate, run: &Run, checks: &mut Checks) {
    let subject = Subject::Consistency;
    let (settings, seed) = run.written();
    let (ball, data) = (&certificate.model.ball, &certificate.data);
    let why = "the radius is the run's";
    checks.equal(
        subject,
        "/model/ball/radius",
        run.ball().radius(),
        ball.radius,
        why,
    );
    let said = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
    let centre = run
        .ball()
        .centre()
        .map(|centre| centre_digest(centre).to_string());
    let stated = ball.centre.map(|centre| centre.to_string());
    let why = "the centre is the run's";
    checks.equal(
        subject,
        "/model/ball/centre",
        said(centre),
        said(stated),
        why,
    );
    if let Some(stated) = ball.seed {
        let found = said(seed.map(|seed| seed.to_string()));
        let why = "the seed of the centre is the run's";
        checks.equal(subject, "/model/ball/seed", found, stated.to_string(), why);
    }
    let written = |all: &[Declaration]| serde_json::to_string(all).unwrap_or_default();
    let (own, stated) = (run.declarations(), &certificate.declarations);
    let why = "what is taken on somebody's word is what the run takes so";
    let (own, stated) = (written(&own), written(stated));
    checks.equal(subject, "/declarations", own, stated, why);
    // As text: what the run does not have is no number.
    let written = |own: Option<f64>| own.map_or("none".to_owned(), |own| own.to_string());
    for bound in bounds_of(certificate, Theorem::StronglyConvex) {
        let penalty = constant(bound, Symbol::Penalty);
        let why = "the penalty that makes it strongly convex is the run's";
        checks.equal(subject, "/bounds", settings.training.penalty, penalty, why);
        let gradient = constant(bound, Symbol::GradientBound);
        let reached = settings.training.until_gradient;
        let why = "the gradient that training stops at is the run's";
        checks.equal(
            subject,
            "/bounds",
            written(reached),
            written(Some(gradient)),
            why,
        );
    }
    let training = &settings.training;
    for bound in bounds_of(certificate, Theorem::RewindToDelete) {
        let rate = match training.optimiser {
            Optimiser::Sgd { learning_rate, .. } => Some(learning_rate),
            _ => None,
        };
        let again = training.early_checkpoint.map(|from| training.epochs - from);
        for (symbol, own, why) in [
            (Symbol::LearningRate, rate, "the learning rate is the run's"),
            (
                Symbol::Penalty,
                Some(training.penalty),
                "the penalty is the run's",
            ),
            (
                Symbol::StepsTrained,
                Some(training.epochs as f64),
                "as many steps were trained as the run's settings say",
            ),
            (
                Symbol::StepsAgain,
                again.map(|again| again as f64),
                "as many steps follow the checkpoint as the run's settings say",
            ),
        ] {
            let stated = written(Some(constant(bound, symbol)));
            checks.equal(subject, "/bounds", written(own), stated, why);
        }
    }
    let validation = run.split().validation.len() as u64;
    let why = "as many records are held out as the run's settings say";
    checks.equal(
        subject,
        "/data/validation",
        validation,
        data.validation,
        why,
    );
    let covered = certificate
        .requests
        .iter()
        .map(|request| request.number)
        .max();
    match run.retained_after(covered.unwrap_or_default()) {
        Ok(retained) => {
            let why = "forgotten, retained and held out records are all there are";
            let stays = retained.len() as u64;
            checks.equal(
                Subject::Records,
                "/data/retained",
                stays,
                data.retained,
                why,
            );
        }
        Err(error) => {
            let why = "the forgotten records cannot be read";
            checks.failed(
                Subject::Records,
                "private/requests.sqlite",
                "all of them",
                &error,
                why,
            );
        }
    }
    let why = "private state and ledger belong together";
    checks.passed_if(true, Subject::Ledger, why);
}

fn bounds_of(certificate: &Certificate, theorem: Theorem) -> impl Iterator<Item = &BoundRecord> {
    let bounds = certificate.bounds.iter();
    bounds.filter(move |bound| bound.theorem == theorem)
}

/// The value of a constant of a bound; not a number where it has none such.
fn constant(bound: &BoundRecord, symbol: Symbol) -> f64 {
    let found = bound
        .constants
        .iter()
        .find(|constant| constant.symbol() == symbol);
    found.map_or(f64::NAN, |constant| constant.value())
}
