//! Training records and who they are: loaders, stable identities, deletion requests, selections,
//! splits, and standardisation that says what it leaks. It knows nothing of networks.
//!
//! ```
//! use rescind_data::{DataSource, Manifest, RecordRequest, Selection, load};
//!
//! let source: DataSource = "digits".parse()?;
//! let data = load(&source)?;
//! assert_eq!((data.train.len(), data.train.input_shape()), (1440, &[1, 8, 8][..]));
//!
//! // Who every record is, to be kept beside the model.
//! let manifest = Manifest::new(&data.train, source.to_string())?;
//! manifest.verify(&data.train)?;
//!
//! // A request, resolved against the records still trained on.
//! let trained = Selection::all(data.train.len());
//! let request: RecordRequest = "3,17,20-29".parse()?;
//! let forget = request.resolve(&manifest, &trained)?;
//! let retain = trained.difference(&forget)?;
//! assert_eq!((forget.len(), retain.len()), (12, 1428));
//! assert!(manifest.duplicates_outside(&forget, &retain)?.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![warn(missing_docs)]

mod commitment;
mod dataset;
mod digest;
mod error;
#[cfg(feature = "fetch")]
pub mod fetch;
mod identity;
mod loaders;
mod manifest;
mod permutation;
mod ranges;
mod request;
mod selection;
mod source;
mod split;
mod standardisation;

pub use commitment::commitment;
pub use dataset::{Data, Dataset, DatasetError};
pub use digest::{Digest, DigestError};
pub use error::DataError;
pub use identity::{record_hash, subject_hash};
pub use manifest::{Manifest, ManifestError};
pub use ranges::{PositionRanges, RangesError};
pub use request::{RecordRequest, RequestError};
pub use selection::{Selection, SelectionError};
pub use source::{CsvOptions, DataSource, SourceError};
pub use split::{Split, SplitError, epoch_order, train_validation};
pub use standardisation::{Provenance, Standardisation, StandardisationError};

/// Loads the records of a source, pictures scaled to \[0, 1\], tables as they are.
///
/// The same files give the same records in the same order on every machine. (A later version of
/// the JPEG decoder may round otherwise, and a manifest would show it; PNG is exact.)
///
/// # Errors
/// [`DataError`] names the file, what was found in it, what was expected and what to do.
pub fn load(source: &DataSource) -> Result<Data, DataError> {
    match source {
        DataSource::Digits => loaders::digits::load(),
        DataSource::Mnist(folder) => loaders::mnist::load(folder),
        DataSource::Cifar10(folder) => loaders::cifar10::load(folder),
        DataSource::Svhn(folder) => loaders::svhn::load(folder),
        DataSource::Images(folder) => loaders::images::load(folder),
        DataSource::Csv { path, options } => loaders::csv::load(path, options),
    }
}
