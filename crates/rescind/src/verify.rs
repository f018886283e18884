//! Checking a certificate.
//!
//! Without the run: that the document is what it claims to be, signed and unedited; that every
//! figure follows from its inputs, whoever signed; that no fact contradicts another. With the run:
//! that the files, the ledger and the openings of the commitments are those it speaks of, and that
//! what can be computed again from records and private weights comes out the same.
//!
//! ```
//! use rescind::verify::{Evidence, verify};
//!
//! let report = verify(b"{}", &Evidence::default());
//! assert!(!report.holds());
//! ```

mod arithmetic;
mod document;
mod measurements;
mod report;
mod run;

pub use measurements::Recomputed;
pub use report::{Check, Outcome, Subject, VerificationReport};

use crate::certificate::{Certificate, contradictions};
use report::Checks;
use std::path::PathBuf;

/// What a certificate is checked against.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Fingerprint of the key that must have signed, got over another channel. Without it, or the
    /// run, a signature shows only that nothing was changed since *somebody* signed.
    pub fingerprint: Option<String>,
    /// The run directory that the release is from.
    pub run: Option<PathBuf>,
    /// What was computed again from the run's records and private weights.
    pub recomputed: Option<Recomputed>,
}

/// Checks the bytes of a `certificate.json`. Never fails: whatever cannot be read is a failed check.
#[must_use]
pub fn verify(certificate: &[u8], evidence: &Evidence) -> VerificationReport {
    let mut checks = Checks::default();
    let Some(value) = document::read(certificate, &mut checks) else {
        return checks.report(None);
    };
    document::checksums_hold(&value, &mut checks);
    document::signature_holds(&value, &mut checks);
    if let Some(run) = &evidence.run {
        run::original_is_the_same(&value, run, &mut checks);
    }
    let Some(certificate) = document::typed(&value, &mut checks) else {
        return checks.report(None);
    };
    document::key_is_expected(&certificate, evidence.fingerprint.as_deref(), &mut checks);
    arithmetic::figures_follow(&certificate, &mut checks);
    consistent(&certificate, &mut checks);
    if let Some(run) = &evidence.run {
        run::release_is_in_ledger(&certificate, run, &mut checks);
        run::files_are_the_same(&certificate, run, &mut checks);
        run::records_are_those(&certificate, run, &mut checks);
    }
    measurements::repeat(&certificate, evidence.recomputed.as_ref(), &mut checks);
    checks.report(Some(certificate))
}

fn consistent(certificate: &Certificate, checks: &mut Checks) {
    let found = contradictions(certificate);
    checks.passed_if(
        found.is_empty(),
        Subject::Consistency,
        "no fact contradicts another",
    );
    for contradiction in found {
        checks.failed(
            Subject::Consistency,
            contradiction.field,
            contradiction.expected,
            contradiction.found,
            contradiction.why,
        );
    }
}
