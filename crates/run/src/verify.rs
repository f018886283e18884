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

mod configuration;
mod content;
mod evidence;
mod files;
mod ledger;
mod noise;
mod records;

pub use rescind_certificate::verify::{
    Check, Outcome, Recomputed, Subject, Today, Verdict, VerificationReport,
};

use crate::error::Error;
use crate::ledger::release_folder;
use crate::run::{Run, exposed};
use rescind_certificate::Certificate;
use rescind_certificate::verify::{
    Checks, facts_agree, figures_follow, key_is_expected, read, repeat, signature_holds, typed,
    without_run,
};
use rescind_unlearn::Error as ModelError;
use std::path::{Path, PathBuf};

/// What a certificate is checked against.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Fingerprint of the key that must have signed, got over another channel. Without it, or the
    /// run, a signature shows only that nothing was changed since *somebody* signed.
    pub fingerprint: Option<String>,
    /// The run directory that the release is from.
    pub run: Option<PathBuf>,
    /// The folder in which the certificate lies: what lies beside it is checked too.
    pub beside: Option<PathBuf>,
    /// What was computed again from the run's records and private weights.
    pub recomputed: Option<Recomputed>,
}

/// Checks the bytes of a `certificate.json`. Never fails: whatever cannot be read is a failed check.
#[must_use]
pub fn verify(bytes: &[u8], evidence: &Evidence) -> VerificationReport {
    examine(bytes, evidence, None)
}

/// The same against the run of a network, whose private state, configuration and records are read
/// as they lie and compared with ledger and certificate; what the certificate quotes of them is
/// computed again. Nothing is written: the run may be a copy that nobody can write.
///
/// # Errors
/// [`Error::Busy`] while a process works on the run; files that may not be read; interruption. All else is a failed check, but
/// that records which are no longer where they were are a check not made.
pub fn verify_run(
    certificate: &[u8],
    run: &Path,
    evidence: Evidence,
) -> Result<VerificationReport, Error> {
    let mut evidence = Evidence {
        run: Some(run.to_owned()),
        ..evidence
    };
    // What can be read of the certificate says which release to compute again.
    let alone = verify(certificate, &Evidence::default());
    let Some(release) = alone.certificate().map(|certificate| certificate.release) else {
        return Ok(verify(certificate, &evidence));
    };
    let looked = match Run::look(run) {
        Err(busy @ Error::Busy { .. }) => return Err(busy),
        // Whoever may not read a run finds out nothing about it.
        Err(error) if error.is_of_permissions() => return Err(error),
        looked => looked,
    };
    let exposed = exposed(run)?;
    let recomputed = looked.as_ref().map(|run| run.recompute(release));
    let mut unread = None;
    match recomputed {
        Ok(Ok(recomputed)) => evidence.recomputed = Some(recomputed),
        // Said by the checks of ledger and measurements.
        Ok(Err(Error::IterateGone { .. } | Error::Ledger(_))) => {}
        Ok(Err(error @ Error::Unlearn(ModelError::Interrupted { .. }))) => return Err(error),
        Ok(Err(error)) => unread = Some(error),
        Err(_) => {}
    }
    let looked = Looked {
        run: looked.as_ref(),
        unread,
        exposed,
    };
    Ok(examine(certificate, &evidence, Some(looked)))
}

/// A run that was opened as it lies, or why it was not.
struct Looked<'a> {
    run: Result<&'a Run, &'a Error>,
    /// Why its records could not be computed on.
    unread: Option<Error>,
    /// What of it is private and yet others can read, and its mode.
    exposed: Option<(PathBuf, u32)>,
}

fn examine(bytes: &[u8], evidence: &Evidence, looked: Option<Looked<'_>>) -> VerificationReport {
    let mut checks = Checks::default();
    let Some(opened) = read(bytes, &mut checks) else {
        return checks.report(None);
    };
    signature_holds(&opened, &mut checks);
    let run = evidence.run.as_deref();
    let ledger = run.and_then(|run| ledger::opened(run, &mut checks));
    if let Some(ledger) = &ledger {
        ledger::original_is_the_same(&opened, ledger, &mut checks);
    }
    let Some(certificate) = typed(&opened, &mut checks) else {
        return checks.report(None);
    };
    // A run names its key itself, which the checks of its ledger compare.
    if evidence.fingerprint.is_some() || ledger.is_none() {
        key_is_expected(&certificate, evidence.fingerprint.as_deref(), &mut checks);
    }
    figures_follow(&certificate, &mut checks);
    facts_agree(&certificate, &mut checks);
    match (run, &evidence.beside) {
        (None, None) => checks.skipped(
            Subject::Files,
            "the released files: only the certificate itself was at hand",
        ),
        (Some(run), Some(folder)) if is_release(run, &certificate, folder) => {}
        (_, Some(folder)) => files::beside((&certificate, &opened.files), folder, &mut checks),
        (Some(_), None) => {}
    }
    if run.is_none() {
        without_run(&mut checks);
    }
    if let (Some(run), Some(ledger)) = (run, &ledger) {
        ledger::release_is_recorded(&certificate, run, ledger, &mut checks);
        ledger::releases_are_there(run, ledger, &mut checks);
        files::are_the_same((&certificate, &opened.files), run, ledger, &mut checks);
        records::records_agree(&certificate, run, ledger, &mut checks);
    }
    if let Some(looked) = &looked {
        match looked.run {
            Ok(run) => {
                configuration::agrees(&certificate, run, &mut checks);
                noise::is_added(&certificate, run, &mut checks);
            }
            Err(error) => configuration::not_opened(error, &mut checks),
        }
        if let Some(error) = &looked.unread {
            configuration::not_read(error, &mut checks);
        }
        if let Some((path, mode)) = &looked.exposed {
            let path = path.display();
            let why =
                format!("that nobody else read the private weights: {path} has mode {mode:o}");
            checks.skipped(Subject::Files, &why);
        }
    }
    let measured =
        run.and_then(|run| evidence::of(&certificate, bytes, run, ledger.as_ref(), &mut checks));
    let recomputed = evidence.recomputed.as_ref();
    repeat(&certificate, measured.as_ref(), recomputed, &mut checks);
    if looked.is_none() {
        checks.skipped(
            Subject::Measurements,
            "that noise was added: comparing with the weights before takes the run",
        );
    }
    let today = ledger.as_ref();
    let today = today.and_then(|ledger| ledger::today(&certificate, ledger));
    checks.report(Some(certificate)).with_today(today)
}

/// Whether a folder is that of the release in the run, where its files are checked anyway.
fn is_release(run: &Path, certificate: &Certificate, folder: &Path) -> bool {
    let own = release_folder(run, certificate.release).canonicalize();
    own.ok()
        .zip(folder.canonicalize().ok())
        .is_some_and(|(own, folder)| own == folder)
}
