//! What a reader must know if they read nothing else.

use super::ReportError;
use super::sources::Sources;
use crate::report::page::{Fact, Headline, Tone};
use crate::report::words::{VACUOUS, above, count, percent, seconds};
use rescind::verify::{Outcome, VerificationReport};
use rescind::{Measured, Sets};
use rescind_privacy::sensitivity::GuaranteeKind;

pub(super) fn headline(sources: &Sources<'_>) -> Headline {
    let plain = |kind: &str, sentence: &str| Headline {
        kind: kind.to_owned(),
        tone: Tone::Plain,
        sentence: sentence.to_owned(),
        notes: Vec::new(),
    };
    let Some(verified) = &sources.verified else {
        return match sources.answers.len() {
            _ if sources.run.state().is_none() => plain(
                "Nothing yet",
                "This run has not been trained, so there is nothing to report.",
            ),
            0 => plain(
                "No guarantee",
                "Nothing was asked to be forgotten and nothing was released, so nothing is promised.",
            ),
            _ => plain(
                "No guarantee",
                "Records were forgotten and nothing was released, so nothing is promised. The \
                 figures below are measurements of private weights.",
            ),
        };
    };
    let Some(certificate) = sources.certificate.as_ref().filter(|_| verified.holds()) else {
        return Headline {
            kind: "Certificate does not hold".to_owned(),
            tone: Tone::Bad,
            sentence:
                "The certificate of the newest release does not pass its own checks. Nothing \
                       it says may be relied on."
                    .to_owned(),
            notes: verified
                .failures()
                .take(5)
                .map(|check| check.why.clone())
                .collect(),
        };
    };
    let guarantee = &certificate.guarantee;
    let tone = match guarantee.kind {
        _ if guarantee.epsilon.value() >= VACUOUS => Tone::Bad,
        GuaranteeKind::Proved | GuaranteeKind::Measured | GuaranteeKind::Probabilistic => {
            Tone::Good
        }
        GuaranteeKind::Declared | GuaranteeKind::Estimated | GuaranteeKind::Assumed => Tone::Plain,
    };
    let mut notes = vec![checked(verified)];
    let covered = certificate.release;
    let later = sources.answers.iter().filter(|r| r.number > covered);
    let later = later.count();
    if later > 0 {
        notes.push(format!(
            "{} answered since and not released: this guarantee says nothing of {}.",
            count(later, "request"),
            if later == 1 { "it" } else { "them" }
        ));
    }
    Headline {
        kind: format!("Guarantee: {}", guarantee.kind),
        tone,
        sentence: rescind::certificate::statement(certificate),
        notes,
    }
}

fn checked(verified: &VerificationReport) -> String {
    let (mut passed, mut skipped) = (0, 0);
    for check in verified.checks() {
        match check.outcome {
            Outcome::Passed => passed += 1,
            Outcome::Skipped => skipped += 1,
            Outcome::Failed { .. } => {}
        }
    }
    let open = match skipped {
        0 => String::new(),
        _ => format!("; {skipped} needed evidence that was not given"),
    };
    format!("Checked for this report: {passed} checks passed{open}.")
}

pub(super) fn facts(sources: &Sources<'_>) -> Result<Vec<Fact>, ReportError> {
    let mut facts = Vec::new();
    let mut say = |name: &str, value: String, note: String| {
        let name = name.to_owned();
        facts.push(Fact { name, value, note });
    };
    let holds = |verified: &VerificationReport| verified.holds();
    let believed = sources.verified.as_ref().is_some_and(holds);
    if let Some(certificate) = sources.certificate.as_ref().filter(|_| believed) {
        let guarantee = &certificate.guarantee;
        say(
            "epsilon of the newest release",
            above(guarantee.epsilon.value()),
            format!("at delta = {}", above(guarantee.delta.value())),
        );
    }
    let Some(evaluation) = &sources.evaluation else {
        return Ok(facts);
    };
    let (now, retrained) = (&evaluation.current, evaluation.retrained.as_ref());
    say(
        "records forgotten",
        now.forgotten.records.to_string(),
        format!("{} retained", now.retained.records),
    );
    // What leaves counts; before a release, what is there.
    let (name, shown) = match &evaluation.released {
        Some(released) => ("released", released),
        None => ("private", now),
    };
    let beside = |of: fn(&Sets) -> f64| match retrained {
        Some(retrained) => format!("{name}; retrained {}", percent(of(retrained))),
        None => format!("{name}; not retrained yet"),
    };
    let classifies = |of: &Measured| of.records > 0 && of.accuracy.is_some();
    if classifies(&now.forgotten) {
        say(
            "accuracy on them",
            percent(shown.forgotten.share_right()),
            beside(|sets| sets.forgotten.share_right()),
        );
    }
    if classifies(&now.test) {
        say(
            "accuracy on test records",
            percent(shown.test.share_right()),
            beside(|sets| sets.test.share_right()),
        );
    }
    if let Some(&last) = evaluation.request_seconds.last() {
        let note = evaluation.retraining_seconds.map_or(String::new(), |time| {
            format!("retraining took {}", seconds(time))
        });
        say("time of the last request", seconds(last), note);
    }
    Ok(facts)
}
