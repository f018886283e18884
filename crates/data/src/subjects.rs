//! Lists of people, as they arrive.

use crate::normal::normal;
use crate::text::text_of;
use serde_json::Value;
use std::collections::BTreeSet;
use thiserror::Error;

/// Most people in one list, so that a wrong file is not taken for one.
const MAX_SUBJECTS: usize = 10_000_000;

/// Why a list of people cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SubjectsError {
    /// Bytes that are no text.
    #[error("the list is no text in UTF-8, nor in UTF-16 with a byte order mark: save it as UTF-8")]
    NotText,
    /// A list of nobody.
    #[error("the list names nobody")]
    Empty,
    /// A table of several columns, none of which says who.
    #[error(
        "the list has the columns {}: expected one, or one named `{expected}`", found.join(", ")
    )]
    Column {
        /// Its columns.
        found: Vec<String>,
        /// The names that would do.
        expected: String,
    },
    /// A line that cannot be read.
    #[error("line {line} of the list is {found}, expected {expected}")]
    Line {
        /// The line, from 1.
        line: u64,
        /// What it is.
        found: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// More people than a list may have.
    #[error("the list names more than {MAX_SUBJECTS} people: split it")]
    TooMany,
}

/// The people that a file names, each once, in the order in which they are first named. One stands
/// on each line; or the file is CSV, of any usual separator, with a column of this name, or named `subject` or `id`, or with
/// one column alone; or it is JSON, an array or one value a line, each a text, a number, or an object
/// with such a member. A byte order mark, CRLF, empty lines and space around names do not count.
///
/// # Errors
/// [`SubjectsError`].
pub fn read_subjects(file: &[u8], column: Option<&str>) -> Result<Vec<String>, SubjectsError> {
    let text = text_of(file).ok_or(SubjectsError::NotText)?;
    let text = &*text;
    let names: Vec<&str> = column.into_iter().chain(["subject", "id"]).collect();
    let all = match text.trim_start().chars().next() {
        Some('{' | '[') => json(text, &names)?,
        _ => table(text, &names)?,
    };
    let mut seen = BTreeSet::new();
    let mut subjects = Vec::new();
    for subject in all {
        let subject = normal(&subject);
        if !subject.is_empty() && seen.insert(subject.clone()) {
            subjects.push(subject);
        }
        if subjects.len() > MAX_SUBJECTS {
            return Err(SubjectsError::TooMany);
        }
    }
    match subjects.is_empty() {
        true => Err(SubjectsError::Empty),
        false => Ok(subjects),
    }
}

fn json(text: &str, names: &[&str]) -> Result<Vec<String>, SubjectsError> {
    if let Ok(Value::Array(all)) = serde_json::from_str(text) {
        return (1..)
            .zip(all)
            .map(|(line, value)| of_value(value, line, names))
            .collect();
    }
    let lines = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(line, text)| {
            let value = serde_json::from_str(text).map_err(|_| SubjectsError::Line {
                line,
                found: "no JSON",
                expected: "a text, a number or an object",
            })?;
            of_value(value, line, names)
        })
        .collect()
}

fn of_value(value: Value, line: u64, names: &[&str]) -> Result<String, SubjectsError> {
    let wrong = |found| SubjectsError::Line {
        line,
        found,
        expected: "a text, a number, or an object with a member `subject` or `id`",
    };
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Object(mut members) => {
            let name = names.iter().find(|name| members.contains_key(**name));
            match name.and_then(|name| members.remove(*name)) {
                Some(Value::String(text)) => Ok(text),
                Some(Value::Number(number)) => Ok(number.to_string()),
                _ => Err(wrong("an object without one")),
            }
        }
        _ => Err(wrong("something else")),
    }
}

/// The separator that sets one of these names apart in the first line, or a comma: a name may have any
/// of the others in it.
fn separator(text: &str, names: &[&str]) -> u8 {
    let first = text.trim_start().lines().next().unwrap_or_default();
    let sets_apart = |separator: &u8| {
        let mut cells = first.split(char::from(*separator));
        cells.any(|cell| {
            let cell = normal(cell.trim().trim_matches('"'));
            names.iter().any(|name| normal(name) == cell)
        })
    };
    *b",;\t|".iter().find(|at| sets_apart(at)).unwrap_or(&b',')
}

fn table(text: &str, names: &[&str]) -> Result<Vec<String>, SubjectsError> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator(text, names))
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| SubjectsError::Line {
            line: error.position().map_or(0, csv::Position::line),
            found: "no row of a table",
            expected: "a name, in quotes where it has quotes or commas in it",
        })?;
        if row.iter().any(|cell| !cell.is_empty()) {
            rows.push(row);
        }
    }
    let Some(first) = rows.first() else {
        return Err(SubjectsError::Empty);
    };
    let at = names
        .iter()
        .find_map(|name| first.iter().position(|cell| normal(cell) == normal(name)));
    let (at, skipped) = match at {
        Some(at) => (at, 1),
        None if rows.iter().all(|row| row.len() == 1) => (0, 0),
        None => {
            return Err(SubjectsError::Column {
                found: first.iter().map(str::to_owned).collect(),
                expected: names.join("` or `"),
            });
        }
    };
    let cells = rows.iter().skip(skipped).filter_map(|row| row.get(at));
    Ok(cells.map(str::to_owned).collect())
}
