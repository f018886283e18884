//! The records, and the commitments to those that were forgotten.

use crate::ledger::Ledger;
use crate::run::open_manifest;
use rescind_certificate::Certificate;
use rescind_certificate::verify::{Checks, Subject};
use rescind_data::{Digest, Selection, commitment};
use serde::Deserialize;
use std::path::Path;

/// What opens a commitment, of all that the run keeps of a request.
#[derive(Deserialize)]
struct Opening {
    salt: Digest,
    forgotten: Selection,
}

/// The manifest is the run's, and every commitment opens to records that it lists.
pub(super) fn records_agree(
    certificate: &Certificate,
    run: &Path,
    ledger: &Ledger,
    checks: &mut Checks,
) {
    let subject = Subject::Records;
    let manifest = open_manifest(run).and_then(|manifest| {
        manifest.check()?;
        Ok(manifest)
    });
    let manifest = match manifest {
        Ok(manifest) => manifest,
        Err(error) => {
            checks.failed(
                subject,
                "private/manifest",
                "the manifest",
                error,
                "it cannot be read",
            );
            return;
        }
    };
    let (root, data) = (manifest.root(), &certificate.data);
    checks.equal(
        subject,
        "/data/manifest",
        root,
        data.manifest,
        "the manifest is the run's",
    );
    let records = manifest.len() as u64;
    checks.equal(
        subject,
        "/data/records",
        records,
        data.records,
        "it lists as many records",
    );
    for (index, request) in certificate.requests.iter().enumerate() {
        let field = |name: &str| format!("/requests/{index}/{name}");
        let opened = ledger
            .answer(request.number)
            .map_err(|error| error.to_string())
            .and_then(|body| body.ok_or_else(|| "nothing".to_owned()))
            .and_then(|body| {
                serde_json::from_str::<Opening>(&body).map_err(|error| error.to_string())
            })
            .and_then(|opening| {
                let records = manifest.hashes_of(&opening.forgotten);
                let records = records.map_err(|error| error.to_string())?;
                Ok((opening.salt, records))
            });
        let (salt, records) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let (name, why) = ("private/requests.sqlite", "it cannot be read");
                checks.failed(subject, name, "salt and records", error, why);
                continue;
            }
        };
        let why = "the commitment opens to the request's records";
        checks.equal(
            subject,
            &field("commitment"),
            commitment(&records, salt.as_bytes()),
            request.commitment,
            why,
        );
        let why = "the request removed as many records as stated";
        let count = records.len() as u64;
        checks.equal(subject, &field("records"), count, request.records, why);
    }
}
