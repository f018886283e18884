//! Training records and who they are: loaders, stable identities, deletion requests, selections,
//! splits, and standardisation that says what it leaks. It knows nothing of networks.
//!
//! ```
//! use rescind_data::{DataSource, Digest, HeldOut, Manifest, RecordRequest, Selection, load};
//!
//! let source: DataSource = "digits".parse()?;
//! let data = load(&source, None)?;
//! assert_eq!((data.train.len(), data.train.input_shape()), (1440, &[1, 8, 8][..]));
//!
//! // Who every record is, to be kept beside the model; a real secret comes from the operating
//! // system's generator.
//! let secret = Digest::from([7; 32]);
//! let manifest = Manifest::new(&data.train, source.to_string(), secret, HeldOut::NONE)?;
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

mod arrays;
mod commitment;
mod dataset;
mod digest;
mod error;
#[cfg(feature = "fetch")]
pub mod fetch;
mod identity;
mod loaders;
mod manifest;
mod normal;
mod panics;
mod permutation;
mod ranges;
mod reading;
mod request;
mod selection;
mod source;
mod split;
mod standardisation;
mod subjects;
mod table;
mod text;

pub use arrays::{ArrayOptionError, ArrayOptions};
pub use commitment::commitment;
pub use dataset::{Data, Dataset, DatasetError};
pub use digest::{Digest, DigestError};
pub use error::{CellProblem, DataError};
pub use identity::{record_hash, subject_hash};
pub use manifest::{Manifest, ManifestError, Placed};
pub use normal::same_name;
use reading::Reading;
use std::ops::ControlFlow;

pub use panics::silence_answered_panics;
pub use ranges::{PositionRanges, RangesError};
pub use reading::Watch;
pub use request::{RecordRequest, RequestError};
pub use selection::{Selection, SelectionError};
pub use source::{ArrayFormat, DataSource, ImageOptions, SourceError, TableFormat};
pub use split::{HeldOut, Split, SplitError, epoch_order};
pub use standardisation::{Provenance, Standardisation, StandardisationError};
pub use subjects::{SubjectsError, read_subjects};
pub use table::{
    ColumnSummary, ColumnSurvey, Encoding, LeftOut, Missing, OptionError, TableOptions,
    TableSummary, numbers_rows,
};
pub use text::text_of;

/// Loads the records of a source, pictures scaled to \[0, 1\], tables as they are. `classes` are
/// those declared beforehand, in their order; absent, they are read off the source.
///
/// The same files give the same records in the same order on every machine. (A later version of
/// the JPEG decoder may round otherwise, and a manifest would show it; PNG is exact.)
///
/// # Errors
/// [`DataError`] names the file, what was found in it, what was expected and what to do;
/// [`DataError::Classes`] for a source whose classes are fixed and others than those declared.
pub fn load(source: &DataSource, classes: Option<&[String]>) -> Result<Data, DataError> {
    load_watched(source, classes, &mut |_| ControlFlow::Continue(()))
}

/// As [`load`], telling how far it is, and stopped where that is asked for.
///
/// # Errors
/// As [`load`]; [`DataError::Interrupted`].
pub fn load_watched(
    source: &DataSource,
    classes: Option<&[String]>,
    watch: &mut Watch<'_>,
) -> Result<Data, DataError> {
    let mut watch = |records| watch(records);
    let data = read(source, &mut Reading::first(classes, &mut watch))?;
    match classes {
        Some(declared) if declared != data.train.class_names() => Err(DataError::Classes {
            source_text: source.to_string(),
            found: data.train.class_names().to_vec(),
            declared: declared.to_vec(),
        }),
        _ => Ok(data),
    }
}

/// Counts what the cells of each column of a table are; `None` of a source that is no table.
///
/// # Errors
/// As [`load_watched`].
pub fn survey(
    source: &DataSource,
    watch: &mut Watch<'_>,
) -> Result<Option<Vec<ColumnSurvey>>, DataError> {
    let DataSource::Table {
        format,
        path,
        options,
    } = source
    else {
        return Ok(None);
    };
    let mut watch = |records| watch(records);
    let mut reading = Reading::first(None, &mut watch);
    loaders::table::survey(path, *format, options, &mut reading).map(Some)
}

/// Records of a source that was loaded before, as it is now.
#[derive(Debug)]
pub struct Reloaded {
    /// Those to train on, where the manifest has them.
    pub train: Placed,
    /// Those kept for testing.
    pub test: Dataset,
}

/// Loads the records of a manifest from their source again. Of those that are not `required`, rows
/// and files may have been taken out or blanked since; others may have been added.
///
/// # Errors
/// As [`load`]; [`ManifestError::Missing`] for required records that are no longer there.
pub fn reload(
    source: &DataSource,
    manifest: &Manifest,
    required: &Selection,
) -> Result<Reloaded, ReloadError> {
    reload_watched(source, manifest, required, &mut |_| {
        ControlFlow::Continue(())
    })
}

/// As [`reload`], telling how far it is, and stopped where that is asked for.
///
/// # Errors
/// As [`reload`]; [`DataError::Interrupted`].
pub fn reload_watched(
    source: &DataSource,
    manifest: &Manifest,
    required: &Selection,
    watch: &mut Watch<'_>,
) -> Result<Reloaded, ReloadError> {
    let classes = manifest.classes().unwrap_or_default();
    let mut watch = |records| watch(records);
    let mut reading = Reading::again(classes, manifest.input_shape(), &mut watch);
    let data = read(source, &mut reading)?;
    match (manifest.place(data.train, required), reading.unread()) {
        (Ok(train), _) => Ok(Reloaded {
            train,
            test: data.test,
        }),
        // What could not be read says more than that records are missing.
        (Err(ManifestError::Missing { .. }), Some(unread)) => Err(unread.into()),
        (Err(error), _) => Err(error.into()),
    }
}

/// Loads a few records of a manifest again, in its order, without reading the others: from NPY files,
/// where records lie at places that can be computed. None where the source cannot be read so, and
/// where one of the records is not where it was, or not what it was: [`reload`] finds those that
/// moved.
///
/// # Errors
/// What the manifest meets.
pub fn reload_few(
    source: &DataSource,
    manifest: &Manifest,
    which: &Selection,
) -> Result<Option<Dataset>, ReloadError> {
    let one_by_one = matches!(
        source,
        DataSource::Arrays {
            format: ArrayFormat::Npy,
            ..
        }
    );
    if !one_by_one {
        return Ok(None);
    }
    let Some(rows) = manifest.rows_of(which)? else {
        return Ok(None);
    };
    let classes = manifest.classes().unwrap_or_default();
    let mut watch = |_| ControlFlow::Continue(());
    let mut reading = Reading::again(classes, manifest.input_shape(), &mut watch).only(&rows);
    // Whatever is wrong is told better where all are read.
    match read(source, &mut reading) {
        Ok(data) => Ok(manifest.pick(data.train, which)?),
        Err(_) => Ok(None),
    }
}

/// Why records cannot be loaded again.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The source cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// It no longer holds the records.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

fn read(source: &DataSource, reading: &mut Reading<'_>) -> Result<Data, DataError> {
    match source {
        DataSource::Digits => loaders::digits::load(reading),
        DataSource::Mnist(folder) => loaders::mnist::load(folder, reading),
        DataSource::Cifar10(folder) => loaders::cifar::load(folder, &loaders::cifar::TEN, reading),
        DataSource::Cifar100(folder) => {
            loaders::cifar::load(folder, &loaders::cifar::HUNDRED, reading)
        }
        DataSource::Svhn(folder) => loaders::svhn::load(folder, reading),
        DataSource::Images { path, options } => loaders::images::load(path, options, reading),
        DataSource::Table {
            format,
            path,
            options,
        } => loaders::table::load(path, *format, options, reading),
        DataSource::Arrays {
            format,
            path,
            options,
        } => loaders::arrays::load(path, *format, options, reading),
    }
}
