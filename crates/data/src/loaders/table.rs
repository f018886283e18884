//! Tables: one record a row, the columns named by the first line or by the file.

mod cell;
mod collected;
mod delimited;
mod encoder;
mod layout;
mod parquet;
mod problems;
mod quotes;
mod rows;
mod survey;
mod text;

use crate::dataset::Data;
use crate::error::DataError;
use crate::reading::Reading;
use crate::source::TableFormat;
use crate::table::TableOptions;
use collected::Collected;
use delimited::Delimited;
use parquet::Parquet;
use rows::{Next, Rows};
use std::path::Path;

/// Rows between two looks at whether the reading is to stop.
const PATIENCE: u64 = 64;

pub(crate) use survey::survey;

fn open(
    path: &Path,
    format: TableFormat,
    options: &TableOptions,
) -> Result<Box<dyn Rows>, DataError> {
    Ok(match format {
        TableFormat::Csv => Box::new(Delimited::open(path, options.separator)?),
        TableFormat::Parquet => Box::new(Parquet::open(path)?),
    })
}

pub(crate) fn load(
    path: &Path,
    format: TableFormat,
    options: &TableOptions,
    reading: &mut Reading<'_>,
) -> Result<Data, DataError> {
    if !(0.0..1.0).contains(&options.test_fraction) {
        return Err(DataError::Format {
            path: path.to_owned(),
            what: "the test fraction",
            found: options.test_fraction.to_string(),
            expected: "0 up to, not including, 1".to_owned(),
            advice: "give another",
        });
    }
    let mut rows = open(path, format, options)?;
    let layout = layout::layout(path, rows.names().to_vec(), options)?;
    let mut collected = Collected::new(path, &layout, options, reading.classes());
    let mut met = 0;
    loop {
        let read = match rows.next()? {
            Next::End => break,
            Next::Unreadable(error) => Err(error),
            // Of a table that is read for the first time, all that is wrong is told at once.
            Next::Row { line, cells } => match reading.passes_over() {
                false => {
                    collected.add_or_note(line, &cells)?;
                    Ok(())
                }
                true => collected.add(line, &cells),
            },
        };
        reading.passing(read)?;
        met += 1;
        if met % PATIENCE == 0 {
            reading.read_so_far(met, path)?;
        }
    }
    collected.into_data(rows.read_as(), reading.passes_over())
}
