//! The document itself: readable, unedited, signed.

use super::report::{Checks, Subject};
use crate::certificate::{Certificate, FORMAT, checksums, parse_strictly, signed_bytes};
use crate::key::{fingerprint, signs};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) fn read(bytes: &[u8], checks: &mut Checks) -> Option<Value> {
    let failed = |checks: &mut Checks, field: &str, expected: &str, found: String| {
        let why = "this is not a certificate that this version can check";
        checks.failed(Subject::Document, field, expected, found, why);
        None
    };
    match parse_strictly(bytes) {
        Ok(value) => match value.get("format").and_then(Value::as_str) {
            Some(FORMAT) => Some(value),
            Some(other) => failed(checks, "/format", FORMAT, other.to_owned()),
            None => failed(checks, "/format", FORMAT, "nothing".to_owned()),
        },
        Err(error) => failed(checks, "", "a JSON document", error.to_string()),
    }
}

/// Names the fields that were edited, where whoever did left the checksums alone.
pub(super) fn checksums_hold(value: &Value, checks: &mut Checks) {
    let computed = checksums(value);
    let empty = serde_json::Map::new();
    let stated = value
        .get("checksums")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    let fields: BTreeSet<&String> = computed.keys().chain(stated.keys()).collect();
    let mut all = true;
    for field in fields {
        let found = value
            .pointer(field)
            .map_or_else(|| "no such field".to_owned(), Value::to_string);
        let (expected, why) = match (
            computed.get(field),
            stated.get(field).and_then(Value::as_str),
        ) {
            (Some(computed), Some(stated)) if computed == stated => continue,
            (Some(_), Some(stated)) => (
                format!("a value with checksum {stated}"),
                "the field or its checksum was edited",
            ),
            (Some(_), None) => (
                "no such field".to_owned(),
                "the field has no checksum: it was added",
            ),
            (None, _) => (
                "a value".to_owned(),
                "the field has a checksum, but was removed",
            ),
        };
        all = false;
        checks.failed(Subject::Checksums, field.as_str(), expected, found, why);
    }
    checks.passed_if(all, Subject::Checksums, "every field has its checksum");
}

pub(super) fn signature_holds(value: &Value, checks: &mut Checks) {
    let text = |pointer: &str| {
        value
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (key, signature) = (text("/key/public_key"), text("/signature"));
    let holds = match (key.parse(), signed_bytes(value)) {
        (Ok(key), Ok(bytes)) => signs(&key, &bytes, signature),
        _ => false,
    };
    checks.passed_if(
        holds,
        Subject::Signature,
        "the signature is that of the key it names",
    );
    if !holds {
        checks.failed(
            Subject::Signature,
            "/signature",
            "an Ed25519 signature of this document under /key/public_key",
            format!("{signature:?}"),
            "the document, the key or the signature was changed after signing",
        );
    }
}

pub(super) fn typed(value: &Value, checks: &mut Checks) -> Option<Certificate> {
    match Certificate::deserialize(value) {
        Ok(certificate) => {
            checks.passed_if(
                true,
                Subject::Document,
                "the document has the fields of its version",
            );
            Some(certificate)
        }
        Err(error) => {
            checks.failed(
                Subject::Document,
                "",
                "the fields of docs/certificate.schema.json, each in its range",
                &error,
                "a field is missing, unknown or impossible",
            );
            None
        }
    }
}

pub(super) fn key_is_expected(
    certificate: &Certificate,
    expected: Option<&str>,
    checks: &mut Checks,
) {
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
            &format!("whose key {own} is: compare it over another channel"),
        ),
    }
}
