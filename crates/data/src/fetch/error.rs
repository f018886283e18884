//! What can go wrong in a download.

use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why a download failed. A partial file stays beside the target, as `NAME.part`, and is continued
/// by the next call; a wrong one is removed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Not a dataset that can be fetched.
    #[error("`{0}` cannot be fetched: expected mnist, cifar10 or svhn")]
    Unknown(String),
    /// A file or folder that cannot be written or read.
    #[error("{path} cannot be written or read: {source}; free space or choose another folder")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process holds the partial file.
    #[error("{0} is being downloaded by another process: wait for it to finish")]
    Busy(PathBuf),
    /// The server answered with an error.
    #[error("{url} answered with status {status}: check the address or try later")]
    Status {
        /// The address.
        url: String,
        /// HTTP status code.
        status: u16,
    },
    /// The server could not be reached, or broke off, at every try.
    #[error(
        "{url} could not be downloaded in {attempts} tries, {done} bytes kept: {reason}; run it again to go on"
    )]
    Broken {
        /// The address.
        url: String,
        /// Tries made.
        attempts: u32,
        /// Bytes on disk.
        done: u64,
        /// What went wrong the last time.
        reason: String,
    },
    /// The file is not the published one; it has been removed.
    #[error(
        "{url} gave a file with SHA-256 {found}, expected {expected}: it was removed; use another address"
    )]
    Checksum {
        /// The address.
        url: String,
        /// SHA-256 found, in hexadecimal.
        found: String,
        /// SHA-256 published, in hexadecimal.
        expected: String,
    },
    /// The server offers a file of another size; nothing was kept of it.
    #[error("{url} offers more than the published {expected} bytes: use another address")]
    Oversized {
        /// The address.
        url: String,
        /// Bytes expected.
        expected: u64,
    },
    /// An archive without the files it should hold, or with others.
    #[error("{path}: {problem}; remove it and fetch it again")]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}
