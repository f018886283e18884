//! Tables: one record a row, the columns named by the first line.

use crate::dataset::{Data, Dataset};
use crate::digest::Digest;
use crate::error::DataError;
use crate::identity::{record_hash, subject_hash};
use crate::reading::Reading;
use crate::source::CsvOptions;
use crate::split::falls_into_test;
use ::csv::{ReaderBuilder, StringRecord, Trim};
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::path::Path;

struct Row {
    class: String,
    subject: Option<String>,
    inputs: Vec<f32>,
}

/// What each column is, by index.
struct Columns {
    names: Vec<String>,
    label: usize,
    subject: Option<usize>,
}

pub(crate) fn load(
    path: &Path,
    options: &CsvOptions,
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
    let csv_error = |source| DataError::Csv {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(|source| DataError::Io {
        path: path.to_owned(),
        source,
    })?;
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(file);
    let columns = columns(path, reader.headers().map_err(csv_error)?, options)?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(csv_error);
        let read = record.and_then(|record| row(path, &columns, reading.classes(), &record));
        rows.extend(reading.passing(read)?);
    }
    let name = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or("table");
    let classes = match reading.classes() {
        Some(classes) => classes.to_vec(),
        None => class_names(&rows),
    };
    let inputs = columns.names.len() - 1 - usize::from(columns.subject.is_some());
    let (test, train): (Vec<Row>, Vec<Row>) = rows
        .into_iter()
        .partition(|row| is_test(row, options.test_fraction));
    if train.is_empty() && reading.input_shape().is_none() {
        return Err(DataError::NoRecords {
            path: path.to_owned(),
            advice: "add rows or give a smaller test fraction",
        });
    }
    let index: HashMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
    let part = |rows: Vec<Row>| {
        // Every row's class is among the classes: rows of others were refused or passed over.
        let label = |row: &Row| index.get(row.class.as_str()).copied().unwrap_or(0);
        let labels = rows.iter().map(label).collect();
        let subjects: Option<Vec<String>> = rows.iter().map(|row| row.subject.clone()).collect();
        let values = rows.into_iter().flat_map(|row| row.inputs).collect();
        let dataset = Dataset::new(name, vec![inputs], classes.clone(), values, labels)?;
        Ok::<_, DataError>(match subjects {
            Some(subjects) if columns.subject.is_some() => dataset.with_subjects(subjects)?,
            _ => dataset,
        })
    };
    Ok(Data {
        train: part(train)?,
        test: part(test)?,
    })
}

fn columns(path: &Path, header: &StringRecord, options: &CsvOptions) -> Result<Columns, DataError> {
    let names: Vec<String> = header.iter().map(str::to_owned).collect();
    let wrong = |column: &str, problem| DataError::Column {
        path: path.to_owned(),
        column: column.to_owned(),
        problem,
        known: names.clone(),
    };
    let mut seen = BTreeSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
        return Err(wrong(
            twice,
            "is named twice: give every column its own name",
        ));
    }
    let find = |name: &String| {
        let at = names.iter().position(|column| column == name);
        at.ok_or_else(|| wrong(name, "is not in the first line: check the spelling"))
    };
    let label = find(&options.label)?;
    let subject = options.subject.as_ref().map(find).transpose()?;
    if subject == Some(label) {
        return Err(wrong(
            &options.label,
            "cannot be both label and subject: choose another",
        ));
    }
    if names.len() == 1 + usize::from(subject.is_some()) {
        return Err(wrong(
            &options.label,
            "leaves no column as input: add numeric columns",
        ));
    }
    Ok(Columns {
        names,
        label,
        subject,
    })
}

fn row(
    path: &Path,
    columns: &Columns,
    classes: Option<&[String]>,
    record: &StringRecord,
) -> Result<Row, DataError> {
    let (mut class, mut subject, mut inputs) = (String::new(), None, Vec::new());
    for (at, (cell, name)) in record.iter().zip(&columns.names).enumerate() {
        let wrong = |expected| DataError::Cell {
            path: path.to_owned(),
            line: record.position().map_or(0, |position| position.line()),
            column: name.clone(),
            found: cell.to_owned(),
            expected,
        };
        if at == columns.label {
            if cell.is_empty() {
                return Err(wrong("a class; fill it in or drop the row"));
            }
            if classes.is_some_and(|classes| !classes.iter().any(|class| class == cell)) {
                return Err(wrong(
                    "one of the classes declared; declare this one too or drop the row",
                ));
            }
            class = cell.to_owned();
        } else if Some(at) == columns.subject {
            if cell.is_empty() {
                return Err(wrong("a subject; every record needs one to be found by it"));
            }
            subject = Some(cell.to_owned());
        } else {
            match cell.parse::<f32>() {
                Ok(value) if value.is_finite() => inputs.push(value),
                _ => return Err(wrong("a finite number; encode or drop the column or row")),
            }
        }
    }
    Ok(Row {
        class,
        subject,
        inputs,
    })
}

/// The distinct classes: in numeric order if all are whole numbers, else in order of their bytes.
fn class_names(rows: &[Row]) -> Vec<String> {
    let distinct: BTreeSet<&str> = rows.iter().map(|row| row.class.as_str()).collect();
    let mut names: Vec<String> = distinct.into_iter().map(str::to_owned).collect();
    if names.iter().all(|name| name.parse::<i64>().is_ok()) {
        names.sort_by_key(|name| name.parse::<i64>().unwrap_or(0));
    }
    names
}

/// Whether a record is held out: a uniform number made of its subject or contents is below the
/// fraction. So all records of a subject, and all copies of a record, fall in one part, and no
/// row's part depends on another row.
fn is_test(row: &Row, fraction: f64) -> bool {
    let identity: Digest = match &row.subject {
        Some(subject) => subject_hash(subject),
        None => record_hash(&[row.inputs.len()], &row.class, &row.inputs),
    };
    falls_into_test(&identity, fraction)
}
