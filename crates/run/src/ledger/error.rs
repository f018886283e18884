//! Why the ledger cannot be used.

use crate::disk::DiskError;
use rescind_privacy::PrivacyError;
use std::path::PathBuf;

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The database refuses.
    #[error("the ledger {path}: {source}")]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A run without its ledger: a new one is never begun in silence.
    #[error(
        "{path} is gone: it records what this run has promised, and no request is answered without \
         it. Put back the very file: an older copy does not know of later releases, and where there \
         is none, train a new run"
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A ledger that is not where it was last written.
    #[error(
        "{path} was copied, restored or moved here from where it was last written. Two copies of a \
         run break each other's promises, as neither counts what the other releases. If this is the \
         only one that will ever release again, and nothing was released after it was copied, say \
         so: rescind amend {} --adopt",
        crate::shell::word(path.parent().unwrap_or(path))
    )]
    Copied {
        /// The ledger.
        path: PathBuf,
    },
    /// A ledger of another version.
    #[error(
        "the ledger {path} has version {found}, this program knows {expected}: use the version \
         that wrote it"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest one known.
        expected: i64,
    },
    /// History was edited.
    #[error(
        "the ledger {path} was altered: {what}. Restore it from a copy; no release is made on an \
         altered history"
    )]
    Altered {
        /// The file.
        path: PathBuf,
        /// What gives it away.
        what: String,
    },
    /// Something lies among the releases that is none.
    #[error(
        "{path} is no release that the ledger records: whoever finds it there may take it for one. \
         Take it away; if it is one, the ledger is not the newest: put that back"
    )]
    NoRelease {
        /// What lies there.
        path: PathBuf,
    },
    /// A release that the ledger records is not on disk.
    #[error(
        "release {number} is in the ledger but {path} is not what was recorded ({what}): restore \
         it from a copy"
    )]
    ReleaseMissing {
        /// The release.
        number: u64,
        /// Its folder.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// An entry that cannot be written down.
    #[error("a ledger entry cannot be written: {0}")]
    Entry(#[from] serde_json::Error),
    /// Releases that together exceed what can be written down.
    #[error("the ledger's releases cannot be composed: {0}")]
    Accounting(#[from] PrivacyError),
    /// A file or folder.
    #[error(transparent)]
    Disk(#[from] DiskError),
}
