//! The measurements that a run keeps of a release.

use crate::disk;
use crate::release::evidence_place;
use rescind_certificate::verify::{Checks, Subject, evidence_fits};
use rescind_certificate::{Certificate, EVIDENCE_FORMAT, EvidenceRecord, digest_of};
use std::path::Path;

/// What was measured for the release, if it is there and belongs to this very certificate.
pub(super) fn of(
    certificate: &Certificate,
    document: &[u8],
    run: &Path,
    checks: &mut Checks,
) -> Option<EvidenceRecord> {
    let read = disk::read(&evidence_place(run, certificate.release))
        .map_err(|error| error.to_string())
        .and_then(|bytes| {
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
