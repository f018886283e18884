//! What a crash left behind.

use super::history::History;
use super::store::{Ledger, LedgerError};
use crate::disk::{self, DiskError, io_error};
use rescind_data::Digest;
use std::fs;
use std::path::{Path, PathBuf};

/// What the ledger knows after everything unfinished was finished or removed.
#[derive(Debug, Clone, PartialEq)]
pub struct Recovered {
    /// The ledger's content.
    pub history: History,
    /// Digest of the private state of the newest request: a staged state of this digest counts, any
    /// other was never committed.
    pub state: Option<Digest>,
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
/// [`LedgerError::Altered`]; [`LedgerError::ReleaseMissing`] if a recorded release is neither in
/// its place nor staged; [`LedgerError::Disk`].
pub fn recover(run: &Path) -> Result<Recovered, LedgerError> {
    let history = Ledger::open(run)?.history()?;
    let (mut finished, mut removed) = (Vec::new(), Vec::new());
    for release in history.releases() {
        let (place, staging) = (
            release_folder(run, release.number),
            staging_folder(run, release.number),
        );
        if !place.exists() {
            let wrong = |what| LedgerError::ReleaseMissing {
                number: release.number,
                path: place.clone(),
                what,
            };
            if !staging.exists() {
                return Err(wrong("it is gone"));
            }
            if content_digest(&staging)? != release.content {
                return Err(wrong("what was staged for it has another content"));
            }
            publish(run, release.number)?;
            finished.push(release.number);
        }
    }
    for number in numbers(run, "releases", "")? {
        if history.releases().all(|release| release.number != number) {
            let what = format!("it does not know release {number}, which is on disk");
            return Err(LedgerError::Altered {
                path: run.join("ledger.sqlite"),
                what,
            });
        }
    }
    for number in numbers(run, "releases", ".staging-")? {
        let folder = staging_folder(run, number);
        disk::remove(&folder)?;
        removed.push(number);
    }
    for number in numbers(run, "private/openings", "")? {
        if history.requests().all(|request| request.number != number) {
            let file = opening_file(run, number);
            fs::remove_file(&file).map_err(io_error(&file, "remove it"))?;
        }
    }
    let state = history.requests().last().map(|request| request.state);
    Ok(Recovered {
        history,
        state,
        finished,
        removed,
    })
}

/// Moves a staged release to its place.
pub(crate) fn publish(run: &Path, number: u64) -> Result<(), DiskError> {
    let place = release_folder(run, number);
    disk::rename(&staging_folder(run, number), &place)
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

/// `releases/.staging-NNNNNN`.
pub(crate) fn staging_folder(run: &Path, number: u64) -> PathBuf {
    run.join("releases").join(format!(".staging-{number:06}"))
}

/// `private/openings/NNNNNN.json`.
pub(crate) fn opening_file(run: &Path, number: u64) -> PathBuf {
    run.join("private/openings")
        .join(format!("{number:06}.json"))
}

/// Numbers of the items of a folder whose names are `prefix`, a number, and perhaps an extension.
fn numbers(run: &Path, folder: &str, prefix: &str) -> Result<Vec<u64>, DiskError> {
    let folder = run.join(folder);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut numbers = Vec::new();
    for item in fs::read_dir(&folder).map_err(io_error(&folder, "list it"))? {
        let name = item.map_err(io_error(&folder, "list it"))?.file_name();
        let name = name.to_string_lossy();
        let stem = name.strip_suffix(".json").unwrap_or(&name);
        if let Some(Ok(number)) = stem.strip_prefix(prefix).map(str::parse) {
            numbers.push(number);
        }
    }
    Ok(numbers)
}
