//! Download of the published datasets, each file checked against its published SHA-256.
//!
//! ```no_run
//! use rescind_data::fetch::{FetchOptions, PublishedDataset, fetch};
//!
//! let folder = std::path::Path::new("data/mnist");
//! let source = fetch(PublishedDataset::Mnist, folder, &FetchOptions::default(), &mut |_| ())?;
//! let data = rescind_data::load(&source, None)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod download;
mod error;
mod options;
mod published;
mod unpack;

pub use download::{RemoteFile, download};
pub use error::FetchError;
pub use options::{FetchOptions, Progress};
pub use published::PublishedDataset;

use crate::source::DataSource;
use std::fs;
use std::path::Path;

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
