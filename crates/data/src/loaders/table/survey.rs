//! What the columns of a table hold, for drafting a declaration of them.

use super::cell::{Cell, Misfit};
use super::rows::Next;
use super::{PATIENCE, open};
use crate::error::DataError;
use crate::reading::Reading;
use crate::source::TableFormat;
use crate::table::{ColumnSurvey, TableOptions};
use std::collections::BTreeMap;
use std::path::Path;

/// Distinct texts that are counted in a column.
const MOST_TEXTS: usize = 256;

/// Counts what the cells of each column are.
pub(crate) fn survey(
    path: &Path,
    format: TableFormat,
    options: &TableOptions,
    reading: &mut Reading<'_>,
) -> Result<Vec<ColumnSurvey>, DataError> {
    let mut rows = open(path, format, options)?;
    let mut columns: Vec<ColumnSurvey> = rows.names().iter().map(|name| new(name)).collect();
    let mut met = 0;
    loop {
        match rows.next()? {
            Next::End => break,
            Next::Unreadable(error) => return Err(error),
            Next::Row { cells, .. } => {
                for (cell, column) in cells.iter().zip(&mut columns) {
                    note(column, cell, options.decimal_comma);
                }
            }
        }
        met += 1;
        if met % PATIENCE == 0 {
            reading.read_so_far(met, path)?;
        }
    }
    Ok(columns)
}

fn new(name: &str) -> ColumnSurvey {
    ColumnSurvey {
        name: name.to_owned(),
        numbers: 0,
        range: None,
        missing: 0,
        times: 0,
        others: 0,
        texts: Some(BTreeMap::new()),
    }
}

fn note(column: &mut ColumnSurvey, cell: &Cell<'_>, decimal_comma: bool) {
    match cell.number(decimal_comma) {
        Ok(None) => column.missing += 1,
        Ok(Some(number)) => {
            column.numbers += 1;
            let (low, high) = column.range.unwrap_or((number, number));
            column.range = Some((low.min(number), high.max(number)));
        }
        Err(Misfit::Time) => column.times += 1,
        Err(Misfit::Text) => {
            let text = cell.shown();
            if let Some(texts) = &mut column.texts {
                *texts.entry(text).or_insert(0) += 1;
                if texts.len() > MOST_TEXTS {
                    column.texts = None;
                }
            }
            column.others += 1;
        }
        Err(_) => column.others += 1,
    }
}
