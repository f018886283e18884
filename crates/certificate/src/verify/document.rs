//! The document itself: readable, unedited, signed.

use super::arithmetic::compare;
use super::report::{Checks, Subject};
use crate::envelope::{Opened, open, signed_bytes};
use crate::record::{Certificate, FORMAT};
use crate::signature::{fingerprint, signs};
use serde::Deserialize;
use serde_json::Value;

/// The document, if it is an envelope around a certificate of this format.
pub fn read(bytes: &[u8], checks: &mut Checks) -> Option<Opened> {
    let failed = |checks: &mut Checks, field: &str, expected: &str, found: String| {
        let why = "this is not a certificate that this version can check";
        checks.failed(Subject::Document, field, expected, found, why);
        None
    };
    match open(bytes) {
        Ok(opened) => match opened.predicate.get("format").and_then(Value::as_str) {
            Some(FORMAT) => Some(opened),
            Some(other) => failed(checks, "/format", FORMAT, other.to_owned()),
            None => failed(checks, "/format", FORMAT, "nothing".to_owned()),
        },
        Err(error) => {
            let expected = "an in-toto statement in a DSSE envelope";
            failed(checks, "", expected, error.to_string())
        }
    }
}

/// The signature is that of the key it names.
pub fn signature_holds(opened: &Opened, checks: &mut Checks) {
    let key = opened.predicate.pointer("/key/public_key");
    let key = key.and_then(Value::as_str).unwrap_or_default();
    let message = signed_bytes(&opened.payload);
    let key = key.parse().ok();
    let holds = key.is_some_and(|key| signs(&key, &message, &opened.signature));
    checks.passed_if(
        holds,
        Subject::Signature,
        "the signature is that of the key it names",
    );
    if !holds {
        checks.failed(
            Subject::Signature,
            "/signatures",
            "an Ed25519 signature of the payload under /key/public_key",
            "another",
            "the document, the key or the signature was changed after signing",
        );
    }
    if let Some(own) = key.map(|key| fingerprint(&key))
        && own != opened.key
    {
        let why = "the envelope names another key than the certificate";
        checks.failed(
            Subject::Signature,
            "/signatures/0/keyid",
            own,
            &opened.key,
            why,
        );
    }
}

/// The certificate with the fields of its format, no more and no less, and the files it must name.
pub fn typed(opened: &Opened, checks: &mut Checks) -> Option<Certificate> {
    let value = &opened.predicate;
    let why = "a field is missing, unknown or impossible";
    let read = Certificate::deserialize(value);
    let read = read.and_then(|certificate| Ok((serde_json::to_value(&certificate)?, certificate)));
    let (written, certificate) = match read {
        Ok(read) => read,
        Err(error) => {
            checks.failed(
                Subject::Document,
                "",
                "the fields of docs/certificate.schema.json, each in its range",
                &error,
                why,
            );
            return None;
        }
    };
    let mut differences = Vec::new();
    compare(String::new(), &written, value, &mut differences);
    let centre = certificate
        .model
        .has_centre_file()
        .then_some("centre.safetensors");
    let expected: Vec<&str> = ["weights.safetensors", "model.json"]
        .into_iter()
        .chain(centre)
        .collect();
    let found: Vec<&str> = opened.files.iter().map(|file| &*file.name).collect();
    if found != expected {
        differences.push(("/subject".to_owned(), expected.join(", "), found.join(", ")));
    }
    checks.passed_if(
        differences.is_empty(),
        Subject::Document,
        "the document has the fields of its version",
    );
    for (field, expected, found) in differences {
        checks.failed(Subject::Document, field, expected, found, why);
    }
    Some(certificate)
}

/// What cannot be seen without the run.
pub fn without_run(checks: &mut Checks) {
    let why = "ledger, records and private state: no run was given";
    checks.skipped(Subject::Ledger, why);
    checks.skipped(
        Subject::Consistency,
        "that nothing else was taken on somebody's word: what was imported, given or read off the \
         records is seen with the run",
    );
}

/// The key is the one expected, if one is.
pub fn key_is_expected(certificate: &Certificate, expected: Option<&str>, checks: &mut Checks) {
    let own = fingerprint(&certificate.key.public_key);
    match expected {
        Some(expected) => {
            let plain = |text: &str| -> String {
                text.chars()
                    .filter(char::is_ascii_hexdigit)
                    .collect::<String>()
                    .to_lowercase()
            };
            let holds = plain(expected) == plain(&own);
            let why = "the key is not the one expected: somebody else signed";
            checks.passed_if(holds, Subject::Key, "the key is the one expected");
            if !holds {
                checks.failed(Subject::Key, "/key/fingerprint", expected, &own, why);
            }
        }
        None => checks.skipped(
            Subject::Key,
            &format!(
                "whose key {own} is: its fingerprint was not given, nor a run whose key it is"
            ),
        ),
    }
}
