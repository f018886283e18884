//! The file `certificate.json`: an in-toto statement in a DSSE envelope, which tools that know nothing
//! of Rescind can verify.
//!
//! The [envelope](https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md) holds the bytes
//! that were signed, as they are; the
//! [statement](https://github.com/in-toto/attestation/blob/v1.0/spec/v1.0/statement.md) names the
//! released files by SHA-256 and has the certificate as its predicate.

use super::record::Certificate;
use super::strict::parse_strictly;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The type of the payload.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The type of the statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The type of its predicate.
pub const PREDICATE_TYPE: &str = "urn:rescind:certificate:2";

/// A DSSE envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<Signature>,
}

/// A signature of an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    keyid: String,
    sig: String,
}

/// An in-toto statement; `P` is its predicate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement<P> {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<ReleasedFile>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: P,
}

/// A released file, as a statement names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasedFile {
    /// Its name in the release's folder.
    pub name: String,
    /// Its digests.
    pub digest: DigestSet,
}

/// Digests of a file, of which in-toto's tools know SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigestSet {
    /// SHA-256, 64 hexadecimal digits.
    pub sha256: String,
}

impl ReleasedFile {
    /// The file of this name and content.
    #[must_use]
    pub fn new(name: &str, content: &[u8]) -> Self {
        Self {
            name: name.to_owned(),
            digest: DigestSet {
                sha256: sha256(content),
            },
        }
    }
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn sha256(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A certificate's file that is not one.
#[derive(Debug, thiserror::Error)]
#[error("not a certificate's file: {what}; use the file as it was released")]
pub struct EnvelopeError {
    what: String,
}

impl From<serde_json::Error> for EnvelopeError {
    fn from(error: serde_json::Error) -> Self {
        Self {
            what: error.to_string(),
        }
    }
}

/// What a certificate's file holds, its signature not yet checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// The bytes that were signed.
    pub payload: Vec<u8>,
    /// The released files.
    pub files: Vec<ReleasedFile>,
    /// The certificate as JSON.
    pub predicate: Value,
    /// The fingerprint of the key that is said to have signed.
    pub key: String,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Opens a certificate's file.
///
/// # Errors
/// [`EnvelopeError`] unless it is an envelope around a statement of these types.
pub fn open(document: &[u8]) -> Result<Opened, EnvelopeError> {
    let refuse = |what: String| Err(EnvelopeError { what });
    let envelope: Envelope = serde_json::from_value(parse_strictly(document)?)?;
    if envelope.payload_type != PAYLOAD_TYPE {
        let found = &envelope.payload_type;
        return refuse(format!(
            "payloadType is {found:?}, expected {PAYLOAD_TYPE:?}"
        ));
    }
    let Ok(payload) = STANDARD.decode(&envelope.payload) else {
        return refuse("the payload is not base64".to_owned());
    };
    let statement: Statement<Value> = serde_json::from_value(parse_strictly(&payload)?)?;
    for (field, found, expected) in [
        ("_type", &statement.kind, STATEMENT_TYPE),
        ("predicateType", &statement.predicate_type, PREDICATE_TYPE),
    ] {
        if found != expected {
            return refuse(format!("{field} is {found:?}, expected {expected:?}"));
        }
    }
    let [signature] = &envelope.signatures[..] else {
        let found = envelope.signatures.len();
        return refuse(format!("it has {found} signatures, expected one"));
    };
    Ok(Opened {
        payload,
        files: statement.subject,
        predicate: statement.predicate,
        key: signature.keyid.clone(),
        // What is no base64 is no signature.
        signature: STANDARD.decode(&signature.sig).unwrap_or_default(),
    })
}

/// The bytes that an envelope's signatures are over: DSSE's pre-authentication encoding.
#[must_use]
pub fn signed_bytes(payload: &[u8]) -> Vec<u8> {
    let kind = PAYLOAD_TYPE;
    let mut bytes = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    bytes.extend(payload);
    bytes
}

impl Certificate {
    /// The file `certificate.json` of a release of these files. `sign` takes the bytes to sign and
    /// gives back the Ed25519 signature of the key that the certificate names.
    ///
    /// # Errors
    /// [`EnvelopeError`] where a figure is not finite.
    pub fn signed(
        &self,
        files: Vec<ReleasedFile>,
        sign: impl FnOnce(&[u8]) -> [u8; 64],
    ) -> Result<String, EnvelopeError> {
        // By way of a value, whose members are sorted: the same statement gives the same bytes.
        let statement = serde_json::to_value(Statement {
            kind: STATEMENT_TYPE.to_owned(),
            subject: files,
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate: self,
        })?;
        let payload = serde_json::to_vec(&statement)?;
        let envelope = Envelope {
            payload: STANDARD.encode(&payload),
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: vec![Signature {
                keyid: self.key.fingerprint.clone(),
                sig: STANDARD.encode(sign(&signed_bytes(&payload))),
            }],
        };
        Ok(serde_json::to_string_pretty(&envelope)? + "\n")
    }

    /// The certificate in a file that is known to be one: nothing is checked.
    ///
    /// # Errors
    /// [`EnvelopeError`] unless it is one.
    pub fn read(document: &[u8]) -> Result<Self, EnvelopeError> {
        Ok(serde_json::from_value(open(document)?.predicate)?)
    }
}
