//! What a crash left behind.

use super::error::LedgerError;
use super::store::Ledger;
use crate::disk::{self, Access, DiskError, io_error};
use rescind_data::Digest;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What was unfinished, and is finished or removed now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Releases that were put in their place now.
    pub finished: Vec<u64>,
    /// Releases that were staged but never recorded, and are gone.
    pub removed: Vec<u64>,
}

/// Finishes or undoes what a crash interrupted. The ledger decides: a release that it records is
/// put in its place, one that it does not is removed. Doing this twice does nothing more.
///
/// The caller must hold the run's lock.
///
/// # Errors
/// [`LedgerError::NoRelease`]; [`LedgerError::ReleaseMissing`] if a recorded release is neither in
/// its place nor staged; [`LedgerError::Disk`].
pub fn recover(run: &Path, ledger: &Ledger) -> Result<Recovered, LedgerError> {
    let mut recovered = Recovered::default();
    nothing_unknown(run, ledger)?;
    let (placed, staged) = (
        numbers(&run.join("releases"))?,
        numbers(&run.join(STAGING))?,
    );
    let mut recorded = BTreeSet::new();
    for release in ledger.history().releases() {
        let number = release.number;
        recorded.insert(number);
        if placed.contains(&number) {
            continue;
        }
        let wrong = |what| LedgerError::ReleaseMissing {
            number,
            path: release_folder(run, number),
            what,
        };
        if !staged.contains(&number) {
            return Err(wrong("it is gone"));
        }
        if content_digest(&staging_folder(run, number))? != release.content {
            return Err(wrong("what was staged for it has another content"));
        }
        publish(run, number)?;
        recovered.finished.push(number);
    }
    for &number in staged.difference(&recorded) {
        disk::remove(&staging_folder(run, number))?;
        recovered.removed.push(number);
    }
    sweep(&run.join(STAGING))?;
    Ok(recovered)
}

/// Removes what a removal left, that a crash broke off.
fn sweep(folder: &Path) -> Result<(), LedgerError> {
    if !folder.exists() {
        return Ok(());
    }
    for item in fs::read_dir(folder).map_err(io_error(folder, "list it"))? {
        let item = item.map_err(io_error(folder, "list it"))?;
        if item.file_name().to_string_lossy().starts_with(".removed-") {
            disk::remove(&item.path())?;
        }
    }
    Ok(())
}

/// Refuses a folder in the place of a release that the ledger does not know.
///
/// # Errors
/// [`LedgerError::NoRelease`]; [`LedgerError::Disk`].
pub(crate) fn nothing_unknown(run: &Path, ledger: &Ledger) -> Result<(), LedgerError> {
    let releases = ledger.history().releases();
    let recorded: BTreeSet<_> = releases.map(|r| release_folder(run, r.number)).collect();
    let folder = run.join("releases");
    if !folder.exists() {
        return Ok(());
    }
    for item in fs::read_dir(&folder).map_err(io_error(&folder, "list it"))? {
        let path = item.map_err(io_error(&folder, "list it"))?.path();
        if path.is_dir() && (recorded.contains(&path) || is_recorded_by_now(run, &path)?) {
            continue;
        }
        return Err(LedgerError::NoRelease { path });
    }
    Ok(())
}

/// Whether this release was made after the ledger was read.
fn is_recorded_by_now(run: &Path, folder: &Path) -> Result<bool, LedgerError> {
    let Some(ledger) = Ledger::open_as_it_lies(run)? else {
        return Ok(false);
    };
    let mut releases = ledger.history().releases();
    Ok(releases.any(|release| release_folder(run, release.number) == folder))
}

/// Moves a staged release to its place.
pub(crate) fn publish(run: &Path, number: u64) -> Result<(), DiskError> {
    let place = release_folder(run, number);
    disk::folder(&run.join("releases"), Access::Open)?;
    let staged = staging_folder(run, number);
    disk::share(&staged)?;
    disk::rename(&staged, &place)?;
    disk::date_as(&run.join("releases"), &place)
}

/// BLAKE3 in key-derivation mode, context `rescind 2026 release content v1`, over the name and
/// content of every file in order of name, each with its length in bytes as little-endian u64.
pub(crate) fn content_digest(folder: &Path) -> Result<Digest, DiskError> {
    let mut files = Vec::new();
    for item in fs::read_dir(folder).map_err(io_error(folder, "list it"))? {
        let path = item.map_err(io_error(folder, "list it"))?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        files.push((name, path));
    }
    files.sort();
    let mut hasher = blake3::Hasher::new_derive_key("rescind 2026 release content v1");
    for (name, path) in files {
        let content = disk::read(&path)?;
        for bytes in [name.as_bytes(), &content] {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        }
    }
    Ok(Digest::from(*hasher.finalize().as_bytes()))
}

/// `releases/NNNNNN`.
pub(crate) fn release_folder(run: &Path, number: u64) -> PathBuf {
    run.join("releases").join(format!("{number:06}"))
}

/// Where releases are staged: nobody but the owner looks there.
const STAGING: &str = "private/staging";

/// `private/staging/NNNNNN`.
pub(crate) fn staging_folder(run: &Path, number: u64) -> PathBuf {
    run.join(STAGING).join(format!("{number:06}"))
}

/// Names of the items of a folder that are numbers.
fn numbers(folder: &Path) -> Result<BTreeSet<u64>, DiskError> {
    if !folder.exists() {
        return Ok(BTreeSet::new());
    }
    let mut numbers = BTreeSet::new();
    for item in fs::read_dir(folder).map_err(io_error(folder, "list it"))? {
        let name = item.map_err(io_error(folder, "list it"))?.file_name();
        let number = name.to_string_lossy().parse::<u64>().ok();
        numbers.extend(number.filter(|number| *name == *format!("{number:06}")));
    }
    Ok(numbers)
}
