//! The document itself: readable, unedited, signed.

use super::arithmetic::compare;
use super::report::{Checks, Subject};
use crate::canonical::{CanonicalError, canonical, parse_strictly, signed_bytes};
use crate::record::{Certificate, FORMAT};
use crate::signature::{fingerprint, signs};
use serde::Deserialize;
use serde_json::Value;

/// The document, if it is JSON of this format.
pub fn read(bytes: &[u8], checks: &mut Checks) -> Option<Value> {
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

/// The signature is that of the key it names.
pub fn signature_holds(value: &Value, checks: &mut Checks) {
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

/// The document with the fields of its format, no more and no less.
pub fn typed(value: &Value, checks: &mut Checks) -> Option<Certificate> {
    let why = "a field is missing, unknown or impossible";
    let read = Certificate::deserialize(value).map_err(CanonicalError::from);
    match read.and_then(|certificate| Ok((differences(&certificate, value)?, certificate))) {
        Ok((differences, certificate)) => {
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
        Err(error) => {
            checks.failed(
                Subject::Document,
                "",
                "the fields of docs/certificate.schema.json, each in its range",
                &error,
                why,
            );
            None
        }
    }
}

/// Where a certificate written out again differs from the document it was read from, however the
/// latter writes its numbers.
fn differences(
    certificate: &Certificate,
    document: &Value,
) -> Result<Vec<(String, String, String)>, CanonicalError> {
    let plain = |value: &Value| -> Result<Value, CanonicalError> {
        Ok(serde_json::from_slice(&canonical(value)?)?)
    };
    let written = plain(&serde_json::to_value(certificate)?)?;
    let mut differences = Vec::new();
    compare(String::new(), &written, &plain(document)?, &mut differences);
    Ok(differences)
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
            &format!("whose key {own} is: compare it over another channel"),
        ),
    }
}
