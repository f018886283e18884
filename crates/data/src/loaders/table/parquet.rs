//! Rows of a Parquet file.
//!
//! Its reader panics at some damaged files (parquet 60.1, on metadata that contradict themselves and
//! pages that lie): what can be checked is checked before, and a panic that is left is an error here.

use super::cell::Cell;
use super::rows::{Next, Rows};
use crate::error::DataError;
use crate::loaders::file;
use crate::loaders::unpack::MAX_BYTES;
use crate::panics::answered;
use ::parquet::basic::LogicalType;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::ParquetMetaData;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::{Field, Row, reader::RowIter};
use std::path::{Path, PathBuf};

pub(super) struct Parquet {
    path: PathBuf,
    names: Vec<String>,
    /// Which columns hold days or times, whatever number they are stored as.
    times: Vec<bool>,
    rows: RowIter<'static>,
    row: Option<Row>,
    met: u64,
}

impl Parquet {
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let (file, size) = file::open(path)?;
        let damaged = |error| damaged(path, &error);
        let reader = guarded(path, || SerializedFileReader::new(file))?.map_err(damaged)?;
        check(reader.metadata(), size).map_err(damaged)?;
        let schema = reader.metadata().file_metadata().schema().clone();
        let names = schema
            .get_fields()
            .iter()
            .map(|field| field.name().to_owned());
        let times = schema.get_fields().iter().map(|field| {
            let kind = field.get_basic_info().logical_type_ref();
            matches!(
                kind,
                Some(LogicalType::Timestamp { .. } | LogicalType::Time { .. } | LogicalType::Date)
            )
        });
        Ok(Self {
            path: path.to_owned(),
            names: names.collect(),
            times: times.collect(),
            rows: RowIter::from_file_into(Box::new(reader)),
            row: None,
            met: 0,
        })
    }
}

impl Rows for Parquet {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn read_as(&self) -> &str {
        "Parquet"
    }

    fn next(&mut self) -> Result<Next<'_>, DataError> {
        self.row = match guarded(&self.path, || self.rows.next())? {
            None => return Ok(Next::End),
            Some(row) => Some(row.map_err(|error| damaged(&self.path, &error))?),
        };
        self.met += 1;
        let cells = self.row.iter().flat_map(Row::get_column_iter);
        Ok(Next::Row {
            line: self.met,
            cells: cells
                .zip(&self.times)
                .map(|((_, field), time)| match (field, time) {
                    (Field::Null, _) => Cell::Empty,
                    (_, true) => Cell::Time,
                    (field, false) => cell(field),
                })
                .collect(),
        })
    }
}

/// What the reader takes for granted of a file's own account of itself.
fn check(metadata: &ParquetMetaData, size: u64) -> Result<(), ParquetError> {
    let wrong = |what: &str| Err(ParquetError::General(format!("{what} cannot be")));
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let mut unpacked = 0_i64;
    for group in metadata.row_groups() {
        if group.num_rows() < 0 {
            return wrong("a number of rows");
        }
        for column in group.columns() {
            let start = column.dictionary_page_offset();
            let start = start.unwrap_or_else(|| column.data_page_offset());
            let (packed, plain) = (column.compressed_size(), column.uncompressed_size());
            let end = start.checked_add(packed);
            if start < 0 || packed < 0 || plain < 0 || end.is_none_or(|end| end > size) {
                return wrong("where a column lies");
            }
            if column.num_values() < 0 {
                return wrong("a number of values");
            }
            unpacked = unpacked.saturating_add(plain);
        }
    }
    match u64::try_from(unpacked) {
        Ok(unpacked) if unpacked <= MAX_BYTES => Ok(()),
        _ => Err(ParquetError::General(format!(
            "what it unpacks to, {unpacked} bytes, is more than {MAX_BYTES}"
        ))),
    }
}

/// A panic of the reader, as an error.
fn guarded<T>(path: &Path, read: impl FnOnce() -> T) -> Result<T, DataError> {
    answered(read).map_err(|said| damaged(path, &ParquetError::General(said)))
}

fn cell(field: &Field) -> Cell<'_> {
    match field {
        Field::Null => Cell::Empty,
        Field::Bool(truth) => Cell::Truth(*truth),
        Field::Byte(number) => Cell::Number(f64::from(*number)),
        Field::Short(number) => Cell::Number(f64::from(*number)),
        Field::Int(number) => Cell::Number(f64::from(*number)),
        Field::Long(number) => Cell::Number(*number as f64),
        Field::UByte(number) => Cell::Number(f64::from(*number)),
        Field::UShort(number) => Cell::Number(f64::from(*number)),
        Field::UInt(number) => Cell::Number(f64::from(*number)),
        Field::ULong(number) => Cell::Number(*number as f64),
        Field::Float(number) => Cell::Number(f64::from(*number)),
        Field::Double(number) => Cell::Number(*number),
        Field::Float16(number) => Cell::Number(f64::from(number.to_f32())),
        Field::Decimal(_) => match field.to_string().parse() {
            Ok(number) => Cell::Number(number),
            Err(_) => Cell::Nested,
        },
        Field::Str(text) => Cell::Text(text.trim()),
        Field::Date(_) | Field::TimestampMillis(_) | Field::TimestampMicros(_) => Cell::Time,
        _ => Cell::Nested,
    }
}

fn damaged(path: &Path, error: &ParquetError) -> DataError {
    DataError::Table {
        path: path.to_owned(),
        format: "Parquet",
        reason: error.to_string(),
    }
}
