//! The ledger of the run a certificate is from.

use crate::key::RunKey;
use crate::ledger::{
    Entry, History, Ledger, ReleaseEntry, RequestEntry, content_digest, nothing_unknown,
    release_folder,
};
use rescind_certificate::verify::{Checks, Subject, Today, compare};
use rescind_certificate::{Certificate, Day, Opened, open};
use rescind_data::Digest;
use serde_json::Value;
use std::path::Path;

/// The ledger, if its chain holds.
pub(super) fn opened(run: &Path, checks: &mut Checks) -> Option<Ledger> {
    match Ledger::open_existing(run) {
        Ok(ledger) => {
            checks.passed_if(true, Subject::Ledger, "the ledger's chain holds");
            Some(ledger)
        }
        Err(error) => {
            checks.failed(
                Subject::Ledger,
                "ledger.sqlite",
                "a ledger whose chain holds",
                &error,
                "the ledger is not usable",
            );
            None
        }
    }
}

/// Compares with the certificate as the ledger recorded it: this names every edited field.
pub(super) fn original_is_the_same(opened: &Opened, ledger: &Ledger, checks: &mut Checks) {
    let value = &opened.predicate;
    let release = value.get("release").and_then(Value::as_u64);
    let number = release.unwrap_or_default();
    let original = match ledger.document(number) {
        Ok(document) => document.and_then(|text| open(text.as_bytes()).ok()),
        Err(error) => {
            let expected = "the certificate that was recorded";
            let why = "the ledger's copy was altered";
            checks.failed(Subject::Ledger, "ledger.sqlite", expected, &error, why);
            return;
        }
    };
    let Some(original) = original else {
        let (expected, found) = ("a release in the ledger", format!("release {number}"));
        let why = "the ledger has no certificate of this release";
        checks.failed(Subject::Ledger, "/release", expected, found, why);
        return;
    };
    let mut differences = Vec::new();
    compare(String::new(), &original.predicate, value, &mut differences);
    if original.files != opened.files {
        let [expected, found] = [&original, opened].map(|o| format!("{:?}", o.files));
        differences.push(("/subject".to_owned(), expected, found));
    }
    let why = "the certificate is the one in the ledger";
    checks.passed_if(differences.is_empty(), Subject::Ledger, why);
    for (field, expected, found) in differences {
        let why = "the certificate in the ledger says something else";
        checks.failed(Subject::Ledger, field, expected, found, why);
    }
}

/// Key, place in the chain, and rows are those of the certificate.
pub(super) fn release_is_recorded(
    certificate: &Certificate,
    run: &Path,
    ledger: &Ledger,
    checks: &mut Checks,
) {
    let history = ledger.history();
    keys_are_those(certificate, run, history, checks);
    let anchor = &certificate.ledger;
    let number = certificate.release;
    let before = history.entries().iter().take_while(
        |recorded| !matches!(&recorded.entry, Entry::Release(release) if release.number == number),
    );
    let (count, head) = before.fold((0, Digest::from([0; 32])), |(count, _), recorded| {
        (count + 1, recorded.digest)
    });
    let why = "the ledger's history is the one that was signed";
    checks.equal(
        Subject::Ledger,
        "/ledger/entries",
        count,
        anchor.entries,
        why,
    );
    checks.equal(Subject::Ledger, "/ledger/head", head, anchor.head, why);
    row_agrees(certificate, history, checks);
}

/// The certificate is signed with the key that the ledger names, and the run has the key that signs
/// now.
fn keys_are_those(certificate: &Certificate, run: &Path, history: &History, checks: &mut Checks) {
    let subject = Subject::Key;
    if let Some(recorded) = history.certificate(certificate.release) {
        let (signer, found) = (recorded.signer, certificate.key.public_key);
        let why = "the key that the ledger names signed";
        checks.equal(subject, "/key/public_key", signer, found, why);
    }
    match RunKey::open(run) {
        Ok(key) => {
            let found = key.identity().public_key;
            let expected = history.key().unwrap_or(found);
            let why = "the run has the key that signs its releases";
            checks.equal(subject, "private/signing.key", expected, found, why);
        }
        Err(error) => {
            let why = "the run's key cannot be read";
            checks.failed(subject, "private/signing.key", "the run's key", &error, why);
        }
    }
}

/// Every release that the ledger records lies where it was put, as it was made.
pub(super) fn releases_are_there(run: &Path, ledger: &Ledger, checks: &mut Checks) {
    let subject = Subject::Files;
    let mut whole = true;
    for row in ledger.history().releases() {
        let folder = release_folder(run, row.number);
        let found = content_digest(&folder);
        if found.as_ref().is_ok_and(|found| *found == row.content) {
            continue;
        }
        whole = false;
        let found = found.map_or_else(|error| error.to_string(), |found| found.to_string());
        let why = "a release is not what was recorded";
        checks.failed(
            subject,
            folder.display().to_string(),
            row.content,
            found,
            why,
        );
    }
    let why = "every release that the ledger records lies where it was put";
    checks.passed_if(whole, subject, why);
    if let Err(error) = nothing_unknown(run, ledger) {
        let why = "a release is not the run's";
        checks.failed(
            subject,
            "releases",
            "those that the ledger records",
            &error,
            why,
        );
    }
}

/// What the requests that this release was the first to cover are promised today: as much as the
/// oldest of them, which was in as many releases as any.
pub(super) fn today(certificate: &Certificate, ledger: &Ledger) -> Option<Today> {
    let oldest = certificate.requests.first()?.number;
    let standing = ledger.history().standing(oldest).ok()??;
    let delta = certificate.guarantee.delta;
    Some(Today {
        releases: standing.releases,
        epsilon: standing.epsilon(delta).ok().map(|epsilon| epsilon.value()),
        delta: delta.value(),
        kind: standing.kind?,
        gdp: standing.gdp(),
        failure_probability: standing.failure_probability(),
        insecure_noise: standing.insecure_noise,
        adopted: !ledger.history().adopted().is_empty(),
    })
}

/// The row repeats figures of the certificate, so that promises can be composed from rows alone.
fn row_agrees(certificate: &Certificate, history: &History, checks: &mut Checks) {
    let subject = Subject::Ledger;
    let (guarantee, noise) = (&certificate.guarantee, &certificate.noise);
    let Some(row) = history
        .releases()
        .find(|row| row.number == certificate.release)
    else {
        let found = certificate.release;
        checks.failed(
            subject,
            "/release",
            "a row in the ledger",
            found,
            "it was not recorded",
        );
        return;
    };
    let stated = ReleaseEntry {
        number: certificate.release,
        // The certificate has the day alone, which is compared below.
        released_at: row.released_at.clone(),
        spent: row.spent,
        epsilon: guarantee.epsilon,
        delta: guarantee.delta,
        kind: guarantee.kind,
        origin: noise.origin,
        weights: certificate.model.weights,
        content: row.content,
        state: row.state,
        noise: row.noise,
    };
    let spent = (row.spent.gdp().ok(), row.spent.sigma());
    let failure = certificate
        .binding()
        .map_or(0.0, |bound| bound.failure_probability);
    let spends = spent == (Some(guarantee.gdp), noise.sigma)
        && row.spent.failure_probability().to_bits() == failure.to_bits()
        && is_day(&row.released_at, &certificate.released_on);
    checks.passed_if(
        stated == *row && spends,
        subject,
        "the ledger's row of this release agrees",
    );
    if stated != *row || !spends {
        let (expected, found) = (format!("{row:?}"), format!("{stated:?}"));
        checks.failed(
            subject,
            "/guarantee",
            expected,
            found,
            "the ledger's row disagrees",
        );
    }
    // The requests are those between the anchored history and the release before it.
    let mut covered: Vec<&RequestEntry> = Vec::new();
    for recorded in history.entries() {
        match &recorded.entry {
            Entry::Request(request) => covered.push(request),
            Entry::Release(release) if release.number == certificate.release => break,
            Entry::Release(_) => covered.clear(),
            Entry::Made(_)
            | Entry::Trained(_)
            | Entry::Certificate(_)
            | Entry::Budget(_)
            | Entry::Key(_)
            | Entry::Place(_) => {}
        }
    }
    let agree = covered.len() == certificate.requests.len()
        && covered
            .iter()
            .zip(&certificate.requests)
            .all(|(row, stated)| {
                is_day(&row.requested_at, &stated.requested_on)
                    && (row.number, row.records, row.commitment)
                        == (stated.number, stated.records, stated.commitment)
            });
    checks.passed_if(agree, subject, "the ledger's rows of its requests agree");
    if !agree {
        let (expected, found) = (
            format!("{covered:?}"),
            format!("{:?}", certificate.requests),
        );
        checks.failed(
            subject,
            "/requests",
            expected,
            found,
            "the ledger's rows disagree",
        );
    }
}

/// Whether a time of the ledger lies on a certificate's day.
fn is_day(time: &str, day: &Day) -> bool {
    Day::of(time).is_ok_and(|found| found == *day)
}
