//! Why a manifest cannot be made or read, or does not fit a dataset.

use crate::digest::Digest;
use crate::ranges::PositionRanges;
use crate::split::SplitError;
use thiserror::Error;

/// Why a manifest cannot be made or read, or does not fit a dataset.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The values have been standardised, so they are not those the manifest identifies.
    #[error("the dataset has been standardised: make and compare manifests before standardising")]
    Standardised,
    /// The shape of one input differs.
    #[error("inputs have shape {found:?}, the manifest says {expected:?}: load the right dataset")]
    Shape {
        /// Shape in the dataset.
        found: Vec<usize>,
        /// Shape in the manifest.
        expected: Vec<usize>,
    },
    /// The classes differ.
    #[error("classes are {found:?}, the manifest says {expected:?}: load the right dataset")]
    Classes {
        /// Classes in the dataset.
        found: Vec<String>,
        /// Classes in the manifest.
        expected: Vec<String>,
    },
    /// Records that are still needed are not in the source.
    #[error(
        "{count} record(s) that are still trained on are no longer in the source as they were, at \
         position(s) {positions}{}: restore them, or forget them (`rescind forget RUN --records \
         {positions} --method retrain`)",
        changed(*unknown)
    )]
    Missing {
        /// How many.
        count: usize,
        /// Their positions.
        positions: PositionRanges,
        /// Records of the source that the manifest does not list: some may be these, changed.
        unknown: usize,
    },
    /// The number of records differs.
    #[error("{found} records, the manifest lists {expected}: they speak of different datasets")]
    Count {
        /// Records in the selection, or listed in the file.
        found: usize,
        /// Records in the manifest.
        expected: usize,
    },
    /// The file is not a manifest of this version.
    #[error("not a manifest that this version reads: {reason}")]
    Document {
        /// What is wrong with it.
        reason: String,
    },
    /// The root in the file is not that of its head.
    #[error("the manifest's root is {found}, its contents have {expected}: the file was altered")]
    Root {
        /// Root in the file.
        found: Digest,
        /// Root of the file's contents.
        expected: Digest,
    },
    /// A page of one of its lists is not as it was made.
    #[error("a page of the manifest's {list} is not as it was made: the file was altered")]
    Altered {
        /// The list.
        list: &'static str,
    },
    /// The file cannot be read.
    #[error("the manifest cannot be read: {reason}")]
    Unread {
        /// What the system says.
        reason: String,
    },
    /// The validation fraction.
    #[error(transparent)]
    Split(#[from] SplitError),
}

fn changed(unknown: usize) -> String {
    match unknown {
        0 => String::new(),
        1 => " (1 record there is unknown, perhaps one of them changed)".to_owned(),
        _ => format!(" ({unknown} records there are unknown, perhaps some of them changed)"),
    }
}
