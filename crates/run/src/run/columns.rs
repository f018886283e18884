//! Whether another source makes inputs as the run's does.

use crate::error::Error;
use rescind_data::{ColumnSummary, DataSource, Encoding, Missing, TableSummary};

/// Inputs are taken by their place in a row: the columns must be those of the run, in their order and
/// encoded alike; and what has no columns is not taken for what has.
///
/// # Errors
/// [`Error::OtherColumns`].
pub(super) fn same_columns(
    given: (&DataSource, Option<&TableSummary>),
    run: (&DataSource, Option<&TableSummary>),
) -> Result<(), Error> {
    let filled = match (missing(given.0), missing(run.0)) {
        (Some(Missing::Fill(given)), run) if run != Some(Missing::Fill(given)) => Some(given),
        _ => None,
    };
    let columns = |table: Option<&TableSummary>| match table {
        Some(table) => table.inputs.iter().map(written).collect(),
        None => vec!["none, as no table has them".to_owned()],
    };
    let meant = |table: Option<&TableSummary>| {
        let table = table?.inputs.iter();
        let columns = table.map(|column| (column.name.clone(), column.encoding.clone()));
        Some(columns.collect::<Vec<_>>())
    };
    if meant(given.1) == meant(run.1) && filled.is_none() {
        return Ok(());
    }
    let mut found = columns(given.1);
    found.extend(filled.map(|number| format!("missing={number}")));
    Err(Error::OtherColumns {
        source_text: given.0.to_string(),
        found,
        expected: columns(run.1),
    })
}

fn missing(source: &DataSource) -> Option<Missing> {
    match source {
        DataSource::Table { options, .. } => Some(options.missing),
        _ => None,
    }
}

/// A column as the options of a source write it, more or less.
fn written(column: &ColumnSummary) -> String {
    let name = &column.name;
    match &column.encoding {
        Encoding::Number => name.clone(),
        Encoding::Range { low, high } => format!("range={name}:{low}:{high}"),
        Encoding::Categories(values) => format!("categories={name}:{}", values.join("|")),
        Encoding::Hashed(buckets) => format!("hash={name}:{buckets}"),
    }
}
