//! The measurements that a run keeps of a release.

use crate::disk;
use crate::ledger::Ledger;
use crate::release::evidence_place;
use rescind_certificate::verify::{Checks, Subject, evidence_fits};
use rescind_certificate::{Certificate, EVIDENCE_FORMAT, EvidenceRecord, digest_of};
use std::path::Path;

/// What was measured for the release, if it is there and belongs to this very certificate.
pub(super) fn of(
    certificate: &Certificate,
    document: &[u8],
    run: &Path,
    ledger: Option<&Ledger>,
    checks: &mut Checks,
) -> Option<EvidenceRecord> {
    let bytes =
        disk::read(&evidence_place(run, certificate.release)).map_err(|error| error.to_string());
    if let (Some(ledger), Ok(bytes)) = (ledger, &bytes) {
        are_recorded(certificate.release, bytes, ledger, checks);
    }
    let read = bytes.and_then(|bytes| {
        serde_json::from_slice::<EvidenceRecord>(&bytes).map_err(|error| error.to_string())
    });
    let fits = |evidence: &EvidenceRecord| evidence.format == EVIDENCE_FORMAT;
    match read {
        Ok(evidence) if fits(&evidence) => {
            evidence_fits(certificate, &evidence, digest_of(document), checks);
            Some(evidence)
        }
        Ok(evidence) => {
            let (expected, why) = (EVIDENCE_FORMAT, "this version cannot read the measurements");
            checks.failed(
                Subject::Measurements,
                "evidence.json",
                expected,
                evidence.format,
                why,
            );
            None
        }
        Err(error) => {
            let (expected, why) = ("what was measured for the release", "it cannot be read");
            checks.failed(Subject::Measurements, "evidence.json", expected, error, why);
            None
        }
    }
}

/// The measurements are the ones that the ledger's private part was given with the release.
fn are_recorded(release: u64, bytes: &[u8], ledger: &Ledger, checks: &mut Checks) {
    let (subject, field) = (Subject::Measurements, "evidence.json");
    let why = "the measurements are the ones recorded with the release";
    let recorded = ledger.history().certificate(release);
    let said = recorded.map_or_else(|| "none".to_owned(), |entry| entry.evidence.to_string());
    checks.equal(subject, field, said, digest_of(bytes).to_string(), why);
}
