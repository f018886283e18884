//! Both documents, byte for byte, and a verifier that knows nothing of Rescind.

mod common;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{certificate, document, evidence, key};
use rescind_certificate::verify::{Verdict, verify};
use rescind_certificate::{Certificate, EvidenceRecord, open, signed_bytes};
use std::path::{Path, PathBuf};
use std::process::Command;

/// With `UPDATE_GOLDEN=1` the files are written anew, which breaks whatever reads the format.
#[test]
fn both_documents_are_written_byte_for_byte_as_they_were() {
    for (name, written) in [
        ("certificate", document()),
        ("evidence", evidence().to_json().unwrap()),
    ] {
        let path = format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &written).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), written, "{name}");
    }
    let read: EvidenceRecord = serde_json::from_str(&evidence().to_json().unwrap()).unwrap();
    assert_eq!(read, evidence());
    assert_eq!(
        Certificate::read(document().as_bytes()).unwrap(),
        certificate()
    );
}

#[test]
fn the_golden_certificate_holds_for_whoever_names_its_key() {
    let known = certificate().key.fingerprint;
    for (named, verdict) in [
        (Some(known.as_str()), Verdict::Holds),
        (None, Verdict::Consistent),
        (Some("0000-0000"), Verdict::DoesNotHold),
    ] {
        let report = verify(document().as_bytes(), named);
        assert_eq!(report.verdict(), verdict, "{report}");
    }
}

/// The public key as openssl reads it (RFC 8410).
fn pem() -> String {
    let mut der = vec![
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
    ];
    der.extend(key().verifying_key().to_bytes());
    let text = STANDARD.encode(der);
    format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
}

#[test]
fn openssl_verifies_the_envelope() {
    if let Err(error) = Command::new("openssl").arg("version").output() {
        eprintln!("skipped: openssl cannot be run ({error})");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, content: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let opened = open(document().as_bytes()).unwrap();
    let key = put("key.pem", pem().as_bytes());
    let signature = put("signature", &opened.signature);
    let verified = |message: &Path| {
        let mut openssl = Command::new("openssl");
        openssl.args(["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"]);
        openssl.arg(&key).arg("-in").arg(message);
        let output = openssl.arg("-sigfile").arg(&signature).output().unwrap();
        output.status.success()
    };
    assert!(verified(&put("message", &signed_bytes(&opened.payload))));
    assert!(!verified(&put("payload", &opened.payload)));
    let mut edited = opened.payload.clone();
    edited[100] ^= 1;
    assert!(!verified(&put("edited", &signed_bytes(&edited))));
}
