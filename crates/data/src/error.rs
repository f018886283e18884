//! Why records could not be loaded.

use crate::dataset::DatasetError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why records could not be loaded. Every message names the file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file or folder that is not there.
    #[error("{path} does not exist: {advice}")]
    Missing {
        /// What was looked for.
        path: PathBuf,
        /// What to do.
        advice: String,
    },
    /// A file or folder that cannot be read.
    #[error("{path} cannot be read: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Something in a file is not what the format asks for.
    #[error("{path}: {what} is {found}, expected {expected}; {advice}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
        /// What to do.
        advice: &'static str,
    },
    /// A file is shorter or longer than its header or format says.
    #[error(
        "{path} holds {found} bytes of content, expected {expected}: \
         it is truncated or damaged; fetch it again"
    )]
    Length {
        /// The file.
        path: PathBuf,
        /// Bytes found (when unpacked, if it is compressed).
        found: u64,
        /// Bytes expected.
        expected: u64,
    },
    /// Compressed data that cannot be unpacked.
    #[error("{path} cannot be unpacked: {source}; it is truncated or damaged; fetch it again")]
    Compressed {
        /// The file.
        path: PathBuf,
        /// What the decompressor said.
        source: io::Error,
    },
    /// A label outside the classes.
    #[error("{path}: record {record} has label {found}, expected {expected}; fetch the file again")]
    Label {
        /// The file.
        path: PathBuf,
        /// Position of the record in the file, 0-based.
        record: usize,
        /// The label.
        found: String,
        /// The labels there are.
        expected: &'static str,
    },
    /// A picture that cannot be decoded.
    #[error("{path} is not a readable PNG, JPEG or WebP picture: {source}; replace or remove it")]
    Picture {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A table that is not well-formed CSV.
    #[error("{path} is not a well-formed table: {source}; mend that line")]
    Csv {
        /// The file.
        path: PathBuf,
        /// What the reader said, with the line.
        source: csv::Error,
    },
    /// A column that is missing or named twice.
    #[error("{path}: column `{column}` {problem}; the columns are {}", known.join(", "))]
    Column {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What is wrong with it, and what to do.
        problem: &'static str,
        /// The columns there are.
        known: Vec<String>,
    },
    /// A cell that cannot be used.
    #[error("{path}, line {line}, column `{column}`: found `{found}`, expected {expected}")]
    Cell {
        /// The file.
        path: PathBuf,
        /// Line, 1-based, the header included.
        line: u64,
        /// The column.
        column: String,
        /// What the cell holds.
        found: String,
        /// What was expected, and what to do.
        expected: &'static str,
    },
    /// A source without records to train on.
    #[error("{path} holds no record to train on: {advice}")]
    NoRecords {
        /// The file or folder.
        path: PathBuf,
        /// What to do.
        advice: &'static str,
    },
    /// Classes that were declared and are not those of the source.
    #[error(
        "the classes of {source_text} are {}, declared were {}: declare those of the source, in \
         their order, or none",
        found.join(", "), declared.join(", ")
    )]
    Classes {
        /// The source.
        source_text: String,
        /// Its classes.
        found: Vec<String>,
        /// Those declared.
        declared: Vec<String>,
    },
    /// Records that do not form a dataset.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}
