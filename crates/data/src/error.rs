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
    #[error(
        "{path} is not a readable PNG, JPEG or WebP picture: {}; replace or remove it",
        source.to_string().trim_end()
    )]
    Picture {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A column that is missing or named twice.
    #[error(
        "{path}: column `{column}` {problem}; the columns are {}",
        listed(known)
    )]
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
    /// Cells that cannot be used, of all columns at once.
    #[error("{path}{}{}", shown(problems, *of_rows, *more), settled(options))]
    Cells {
        /// The file.
        path: PathBuf,
        /// The first of every kind in every column.
        problems: Vec<CellProblem>,
        /// Rows there are.
        of_rows: usize,
        /// How many more kinds and columns there are.
        more: usize,
        /// Options of the source that would settle some of them, such as `&drop=joined`.
        options: String,
    },
    /// A row that has not as many cells as there are columns.
    #[error(
        "{path}, line {line}: {found} cells, expected {expected} as in the first line; mend that line (a \
         cell that holds a separator must stand in quotes)"
    )]
    Ragged {
        /// The file.
        path: PathBuf,
        /// Line, 1-based, the header included.
        line: u64,
        /// Cells found.
        found: u64,
        /// Columns there are.
        expected: u64,
    },
    /// A label column whose values are no classes.
    #[error(
        "{path}: the label column `{column}` has {values} distinct value(s) in {rows} rows, such as \
         `{example}`: {problem}"
    )]
    NoClasses {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Distinct values.
        values: usize,
        /// Rows.
        rows: usize,
        /// One of the values.
        example: String,
        /// What is wrong with that, and what to do.
        problem: &'static str,
    },
    /// A table that cannot be read further.
    #[error(
        "{path} cannot be read as {format}: {reason}; it is truncated or damaged, write it again"
    )]
    Table {
        /// The file.
        path: PathBuf,
        /// What it should be.
        format: &'static str,
        /// What the reader said.
        reason: String,
    },
    /// Reading was stopped on request.
    #[error("reading {path} was stopped")]
    Interrupted {
        /// The file or folder.
        path: PathBuf,
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

/// A cell that cannot be used, the first of its kind in its column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellProblem {
    /// Line, 1-based, the header included; of files without lines the row, 1-based.
    pub line: u64,
    /// The column.
    pub column: String,
    /// What the cell holds, cut short.
    pub found: String,
    /// What that is, and what was expected.
    pub what: &'static str,
    /// In how many rows it is so.
    pub rows: usize,
}

fn shown(problems: &[CellProblem], of_rows: usize, more: usize) -> String {
    let one = |problem: &CellProblem| {
        let CellProblem {
            line,
            column,
            found,
            what,
            rows,
        } = problem;
        let rows = match rows {
            1 => String::new(),
            rows => format!(" ({rows} of {of_rows} rows)"),
        };
        format!("line {line}, column `{column}`: found `{found}`, {what}{rows}")
    };
    match problems {
        [problem] if more == 0 => format!(", {}", one(problem)),
        _ => {
            let lines: Vec<String> = problems.iter().map(|p| format!("\n  {}", one(p))).collect();
            let more = match more {
                0 => String::new(),
                more => format!("\n  and {more} more"),
            };
            format!(
                " has cells that cannot be used as they are:{}{more}",
                lines.concat()
            )
        }
    }
}

fn settled(options: &str) -> String {
    match options {
        "" => String::new(),
        options => format!(
            "\nWhat would settle it: add {options} to the source. (docs/tables.md has the other options.)"
        ),
    }
}

/// The first columns.
fn listed(columns: &[String]) -> String {
    const SHOWN: usize = 30;
    let shown = columns
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<String>>()
        .join(", ");
    match columns.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
