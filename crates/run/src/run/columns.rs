//! Whether another table makes inputs as the run's does.

use crate::error::Error;
use rescind_data::{ColumnSummary, DataSource, Encoding, Missing, TableSummary};

/// Inputs are taken by their place in a row: the columns must be those of the run, in their order and
/// encoded alike.
///
/// # Errors
/// [`Error::OtherColumns`].
pub(super) fn same_columns(
    given: (&DataSource, &TableSummary),
    run: (&DataSource, &TableSummary),
) -> Result<(), Error> {
    let filled = match (missing(given.0), missing(run.0)) {
        (Some(Missing::Fill(given)), run) if run != Some(Missing::Fill(given)) => Some(given),
        _ => None,
    };
    let columns = |table: &TableSummary| table.inputs.iter().map(written).collect::<Vec<_>>();
    let (mut found, expected) = (columns(given.1), columns(run.1));
    found.extend(filled.map(|number| format!("missing={number}")));
    match found == expected {
        true => Ok(()),
        false => Err(Error::OtherColumns {
            source_text: given.0.to_string(),
            found,
            expected,
        }),
    }
}

fn missing(source: &DataSource) -> Option<Missing> {
    match source {
        DataSource::Table { options, .. } => Some(options.missing),
        _ => None,
    }
}

/// A column as the options of a source write it.
fn written(column: &ColumnSummary) -> String {
    let name = &column.name;
    match &column.encoding {
        Encoding::Number => name.clone(),
        Encoding::Range { low, high } => format!("range={name}:{low}:{high}"),
        Encoding::Categories(values) => format!("categories={name}:{}", values.join("|")),
        Encoding::Hashed(buckets) => format!("hash={name}:{buckets}"),
    }
}
