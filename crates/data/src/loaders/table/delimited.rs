//! Rows of a table of text.

use super::cell::Cell;
use super::rows::{Next, Rows};
use super::text;
use crate::error::DataError;
use ::csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Trim};
use std::io::Read;
use std::path::{Path, PathBuf};

pub(super) struct Delimited {
    path: PathBuf,
    reader: Reader<Box<dyn Read>>,
    names: Vec<String>,
    record: StringRecord,
    read_as: String,
}

impl Delimited {
    pub fn open(path: &Path, separator: Option<char>) -> Result<Self, DataError> {
        let text = text::open(path, separator)?;
        let mut reader = ReaderBuilder::new()
            .delimiter(text.separator)
            .trim(Trim::Headers)
            .from_reader(text.reader);
        let names = reader.headers().map_err(|error| refused(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            names: names.iter().map(str::to_owned).collect(),
            reader,
            record: StringRecord::new(),
            read_as: text.read_as,
        })
    }
}

impl Rows for Delimited {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn read_as(&self) -> &str {
        &self.read_as
    }

    fn next(&mut self) -> Result<Next<'_>, DataError> {
        let read = self.reader.read_record(&mut self.record);
        // Where a record is said to begin there may be empty lines; after it there is none yet.
        let within = self.record.as_slice().bytes().filter(|&byte| byte == b'\n');
        let within = within.count() as u64 + 1;
        let line = self.reader.position().line().saturating_sub(within);
        match read {
            Ok(false) => Ok(Next::End),
            Ok(true) => Ok(Next::Row {
                line,
                cells: self
                    .record
                    .iter()
                    .map(|cell| Cell::Text(cell.trim()))
                    .collect(),
            }),
            Err(error) => match error.kind() {
                &ErrorKind::UnequalLengths {
                    expected_len, len, ..
                } => Ok(Next::Unreadable(DataError::Ragged {
                    path: self.path.clone(),
                    line,
                    found: len,
                    expected: expected_len,
                })),
                _ => Err(refused(&self.path, error)),
            },
        }
    }
}

fn refused(path: &Path, error: ::csv::Error) -> DataError {
    let line = error.position().map_or(0, |position| position.line());
    match error.into_kind() {
        ErrorKind::Io(source) => text::io_error(path, source),
        ErrorKind::Utf8 { .. } => DataError::Format {
            path: path.to_owned(),
            what: "its encoding",
            found: format!("no UTF-8 in line {line}"),
            expected: "UTF-8, or UTF-16 with its mark".to_owned(),
            advice: "save it as CSV in UTF-8",
        },
        other => DataError::Table {
            path: path.to_owned(),
            format: "CSV",
            reason: format!("{other:?}"),
        },
    }
}
