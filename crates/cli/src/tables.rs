//! What was found in a table, told before training starts.

use crate::figures::{count, number};
use crate::table::table;
use rescind::{Run, WideColumn};
use rescind_data::{ColumnSummary, Encoding, TableSummary};
use std::fmt::Write;

/// Columns, or classes, that are shown.
const SHOWN: usize = 40;

/// What was found in the table of a run, as text; `None` where its records are not of a table.
pub fn told(run: &Run) -> Option<String> {
    let found = run.table()?;
    let mut text = head(found);
    let rows = found.inputs.iter().take(SHOWN).map(|column| {
        let range = column.range.map_or(String::new(), |(low, high)| {
            format!("{} to {}", number(low.into()), number(high.into()))
        });
        let counted = |n: usize| if n == 0 { String::new() } else { n.to_string() };
        [
            column.name.clone(),
            encoding(column),
            range,
            counted(column.missing),
            counted(column.other),
        ]
    });
    let columns = table(["column", "input", "range", "missing", "other"], rows);
    let _ = writeln!(text, "{columns}\n");
    if let Some(more) = more(found.inputs.len()) {
        let _ = writeln!(text, "  … and {}\n", count(more, "more column"));
    }
    if !found.left_out.is_empty() {
        let left_out = found.left_out.iter().take(SHOWN);
        let left_out = left_out.map(|(name, why)| format!("`{name}` ({})", why.reason()));
        let _ = writeln!(
            text,
            "No inputs: {}.",
            left_out.collect::<Vec<_>>().join(", ")
        );
    }
    let classes = found.classes.iter().take(SHOWN);
    let classes = classes.map(|(name, records)| format!("{name} ({records})"));
    let classes = classes.collect::<Vec<_>>().join(", ");
    let of_all = count(found.classes.len(), "class").replace("classs", "classes");
    let rest = more(found.classes.len()).map_or("", |_| ", …");
    let _ = writeln!(text, "{of_all}: {classes}{rest}.");
    for hint in hints(run, found) {
        let _ = writeln!(text, "Mind: {hint}");
    }
    Some(text)
}

fn head(found: &TableSummary) -> String {
    let dropped = match found.dropped_rows {
        0 => String::new(),
        dropped => format!("; {} left out for a missing value", count(dropped, "row")),
    };
    let width: usize = found.inputs.iter().map(|column| column.width).sum();
    format!(
        "Read as {}: {}{dropped}; {} each, {:.1} MiB in memory.\n\n",
        found.read_as,
        count(found.rows, "record"),
        count(width, "input"),
        found.bytes as f64 / f64::from(1 << 20)
    )
}

fn more(all: usize) -> Option<usize> {
    all.checked_sub(SHOWN).filter(|more| *more > 0)
}

fn encoding(column: &ColumnSummary) -> String {
    match &column.encoding {
        Encoding::Number if column.width > 1 => "number and a mark".to_owned(),
        Encoding::Number => "number".to_owned(),
        Encoding::Range { low, high } => format!("number of {low} to {high}"),
        Encoding::Categories(values) => format!("{} categories", values.len()),
        Encoding::Hashed(buckets) => format!("hashed to {buckets}"),
    }
}

fn hints(run: &Run, found: &TableSummary) -> Vec<String> {
    let mut hints = Vec::new();
    let wide = run.wide_columns();
    let size = |column: &WideColumn| column.high.abs().max(column.low.abs());
    if let Some(first) = wide.iter().max_by(|a, b| size(a).total_cmp(&size(b))) {
        let (low, high) = (number(first.low.into()), number(first.high.into()));
        let name = &first.name;
        let others = match wide.len() {
            1 => String::new(),
            more => format!(", {} like it", more - 1),
        };
        hints.push(format!(
            "column `{name}` goes from {low} to {high}{others}: inputs that large make training slow and \
             forgetting fail or overshoot. Train with --scaling computed, or declare the range that was \
             known before the records were: &range={name}:LOW:HIGH."
        ));
    }
    for column in found.inputs.iter().filter(|column| column.counts_rows) {
        let name = &column.name;
        hints.push(format!(
            "column `{name}` counts the rows, and is an input: if it is a number of the row, add \
             &drop={name}."
        ));
    }
    hints
}
