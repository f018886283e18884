//! Files that are whole or absent after a crash.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file or folder that the system refuses.
#[derive(Debug, thiserror::Error)]
#[error("{path}: cannot {action}: {source}")]
pub struct DiskError {
    /// The file or folder.
    pub path: PathBuf,
    /// What was tried.
    pub action: &'static str,
    /// What the system said.
    pub source: io::Error,
}

/// Adds to an I/O error what was being done to what.
pub(crate) trait Doing<T> {
    fn doing(self, action: &'static str, path: &Path) -> Result<T, DiskError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, action: &'static str, path: &Path) -> Result<T, DiskError> {
        self.map_err(|source| DiskError {
            path: path.to_owned(),
            action,
            source,
        })
    }
}

/// Creates a folder that only its owner can enter, unless it is there.
pub(crate) fn private_folder(path: &Path) -> Result<(), DiskError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).doing("create this folder", path)
}

/// Writes a new file and waits until it is on disk.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let mut file = File::create(path).doing("create this file", path)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .doing("write this file", path)
}

/// Writes a file that only its owner can read, replacing it in one step.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options
        .open(&temporary)
        .doing("create this file", &temporary)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .doing("write this file", &temporary)?;
    fs::rename(&temporary, path).doing("put this file in its place", path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Waits until the names in a folder are on disk.
pub(crate) fn sync_folder(path: &Path) -> Result<(), DiskError> {
    // Folders cannot be opened for this on Windows, where renames are journalled.
    if cfg!(windows) {
        return Ok(());
    }
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .doing("flush this folder", path)
}

/// A file's content.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, DiskError> {
    fs::read(path).doing("read this file", path)
}
