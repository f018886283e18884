//! A database's file: which one it is, and whether it still lies where it was opened.

use crate::error::ServiceError;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

/// A file that was opened, known again wherever its name leads later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    path: PathBuf,
    /// Device and number; what else there is says only whether it is there.
    id: Option<(u64, u64)>,
}

impl Opened {
    /// The file that is there now.
    pub fn at(path: &Path) -> Result<Self, ServiceError> {
        let id = id_of(path).ok_or_else(gone)?;
        let path = path.to_owned();
        Ok(Self { path, id })
    }

    /// Refuses to go on where it is gone, or another took its place: what is written to it then is lost,
    /// and nobody may be told that it is on the disk.
    pub fn expect(&self) -> Result<(), ServiceError> {
        match id_of(&self.path) {
            Some(id) if id == self.id => Ok(()),
            _ => Err(gone()),
        }
    }
}

fn gone() -> ServiceError {
    ServiceError::Queue {
        action: "is gone",
        reason: "its file was removed, or another took its place, while the desk ran: end the desk, put \
                 the file back or restore it from a copy, and start the desk again"
            .to_owned(),
        passing: false,
    }
}

#[cfg(unix)]
fn id_of(path: &Path) -> Option<Option<(u64, u64)>> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(path).ok()?;
    Some(Some((found.dev(), found.ino())))
}

#[cfg(not(unix))]
fn id_of(path: &Path) -> Option<Option<(u64, u64)>> {
    path.exists().then_some(None)
}

/// Makes the file readable by its owner alone, where there is none. One that is there is never opened
/// here: whoever closes a file lets go of all locks that the process has on it (POSIX), those of SQLite
/// among them, and the next program that looked in would take itself for the last and remove the log.
pub(super) fn make_private(path: &Path) -> Result<(), ServiceError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(ServiceError::Io {
            path: path.to_owned(),
            action: "make it",
            source,
        }),
    }
}
