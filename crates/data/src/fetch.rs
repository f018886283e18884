//! Download of the published datasets, each file checked against its published SHA-256.
//!
//! ```no_run
//! use rescind_data::fetch::{FetchOptions, PublishedDataset, fetch};
//!
//! let folder = std::path::Path::new("data/mnist");
//! let source = fetch(PublishedDataset::Mnist, folder, &FetchOptions::default(), &mut |_| ())?;
//! let data = rescind_data::load(&source)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod download;
mod published;
mod unpack;

pub use download::{RemoteFile, download};
pub use published::PublishedDataset;

use crate::source::DataSource;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// How to download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchOptions {
    /// Where to take the files from instead of the published place: a folder's URL.
    pub base_url: Option<String>,
    /// How often to try in all, each time going on where the last try broke off; at least once.
    pub attempts: u32,
    /// How long to wait between two tries.
    pub pause: Duration,
    /// How long the server may keep silent before a try is given up.
    pub timeout: Duration,
}

impl Default for FetchOptions {
    /// The published place, 5 tries 2 seconds apart, 30 seconds of silence.
    fn default() -> Self {
        Self {
            base_url: None,
            attempts: 5,
            pause: Duration::from_secs(2),
            timeout: Duration::from_secs(30),
        }
    }
}

/// How far one file's download is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Name of the file.
    pub file: &'a str,
    /// Bytes on disk so far.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
}

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

/// Downloads a dataset into `folder` (made if it is not there) and returns the source to load.
///
/// Files that are there and whole are kept, partial ones continued.
///
/// # Errors
/// [`FetchError`] says which address or file failed and whether to run it again.
pub fn fetch(
    dataset: PublishedDataset,
    folder: &Path,
    options: &FetchOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<DataSource, FetchError> {
    fs::create_dir_all(folder).map_err(|source| FetchError::Io {
        path: folder.to_owned(),
        source,
    })?;
    let base = options
        .base_url
        .as_deref()
        .unwrap_or(dataset.base_url())
        .trim_end_matches('/');
    for (name, size, sha256) in dataset.files() {
        let file = RemoteFile {
            url: format!("{base}/{name}"),
            size: *size,
            sha256: (*sha256).to_owned(),
        };
        download(&file, &folder.join(name), options, progress)?;
    }
    let path = folder.to_owned();
    Ok(match dataset {
        PublishedDataset::Mnist => DataSource::Mnist(path),
        PublishedDataset::Svhn => DataSource::Svhn(path),
        PublishedDataset::Cifar10 => {
            unpack::cifar10(&folder.join(published::CIFAR10_ARCHIVE), folder)?;
            DataSource::Cifar10(path)
        }
    })
}
