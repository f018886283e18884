//! Checking a certificate against the run it is from: that the files, the ledger and the openings
//! of the commitments are those it speaks of, and that what can be computed again from records and
//! private weights comes out the same. What can be checked without the run is checked too.
//!
//! ```
//! use rescind_run::verify::{Evidence, verify};
//!
//! let report = verify(b"{}", &Evidence::default());
//! assert!(!report.holds());
//! ```

mod evidence;
mod files;
mod ledger;
mod records;

pub use rescind_certificate::verify::{Check, Outcome, Recomputed, Subject, VerificationReport};

use rescind_certificate::verify::{
    Checks, facts_agree, figures_follow, key_is_expected, read, repeat, signature_holds, typed,
};
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
pub fn verify(bytes: &[u8], evidence: &Evidence) -> VerificationReport {
    let mut checks = Checks::default();
    let Some(value) = read(bytes, &mut checks) else {
        return checks.report(None);
    };
    signature_holds(&value, &mut checks);
    let run = evidence.run.as_deref();
    let ledger = run.and_then(|run| ledger::opened(run, &mut checks));
    if let Some(ledger) = &ledger {
        ledger::original_is_the_same(&value, ledger, &mut checks);
    }
    let Some(certificate) = typed(&value, &mut checks) else {
        return checks.report(None);
    };
    key_is_expected(&certificate, evidence.fingerprint.as_deref(), &mut checks);
    figures_follow(&certificate, &mut checks);
    facts_agree(&certificate, &mut checks);
    if let (Some(run), Some(ledger)) = (run, &ledger) {
        ledger::release_is_recorded(&certificate, run, ledger, &mut checks);
        files::are_the_same(&certificate, run, ledger, &mut checks);
        records::are_those(&certificate, run, ledger, &mut checks);
    }
    let measured = run.and_then(|run| evidence::of(&certificate, bytes, run, &mut checks));
    let recomputed = evidence.recomputed.as_ref();
    repeat(&certificate, measured.as_ref(), recomputed, &mut checks);
    checks.report(Some(certificate))
}
