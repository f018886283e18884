//! Checking a certificate: that the document is what it claims to be, signed and unedited; that
//! every figure follows from its inputs, whoever signed; that no fact contradicts another. What
//! takes the run it is from is checked where runs are known, with the same [`Checks`].
//!
//! ```
//! let report = rescind_certificate::verify::verify(b"{}", None);
//! assert!(!report.holds());
//! ```

mod arithmetic;
mod consistency;
mod document;
mod measurements;
mod report;

pub use arithmetic::{compare, figures_follow};
pub use consistency::facts_agree;
pub use document::{key_is_expected, read, signature_holds, typed, without_run};
pub use measurements::{Recomputed, evidence_fits, repeat};
pub use report::{Check, Checks, Outcome, Subject, Today, Verdict, VerificationReport};

/// Checks the bytes of a `certificate.json` by themselves; `fingerprint` is that of the key that
/// must have signed, got over another channel. Never fails: whatever cannot be read is a failed
/// check.
#[must_use]
pub fn verify(certificate: &[u8], fingerprint: Option<&str>) -> VerificationReport {
    let mut checks = Checks::default();
    let Some(opened) = read(certificate, &mut checks) else {
        return checks.report(None);
    };
    signature_holds(&opened, &mut checks);
    let Some(certificate) = typed(&opened, &mut checks) else {
        return checks.report(None);
    };
    key_is_expected(&certificate, fingerprint, &mut checks);
    figures_follow(&certificate, &mut checks);
    facts_agree(&certificate, &mut checks);
    without_run(&mut checks);
    repeat(&certificate, None, None, &mut checks);
    checks.report(Some(certificate))
}
