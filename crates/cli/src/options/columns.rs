//! Declarations of a table's columns, in a file.

use crate::exit::Failure;
use crate::file;
use rescind_data::{DataSource, Encoding, Missing, TableOptions};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// What is declared of a table: which columns are inputs and how, and the classes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// The classes, in the order of the network's outputs.
    pub classes: Option<Vec<String>>,
    missing: Option<MissingText>,
    columns: BTreeMap<String, Column>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum MissingText {
    Number(f32),
    Word(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Column {
    Word(String),
    Categories(Vec<String>),
    Options(ColumnOptions),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnOptions {
    range: Option<(f32, f32)>,
    hash: Option<u32>,
}

/// Reads the file, and puts what it declares into the source.
pub fn declare(source: &DataSource, path: &Path) -> Result<(DataSource, Declared), Failure> {
    let wrong = |what: String| Failure::Usage(format!("{}: {what}", path.display()));
    let DataSource::Table {
        format,
        path: table,
        options,
    } = source
    else {
        return Err(Failure::usage(
            "--columns declares the columns of a table: give csv:FILE or parquet:FILE as --data",
        ));
    };
    let text = file::read_text(path)?;
    let declared: Declared = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    if !(options.keep.is_empty() && options.drop.is_empty() && options.encodings.is_empty()) {
        return Err(wrong(
            "the data source declares columns too (keep, drop, categories, hash or range): leave those \
             to the file"
                .to_owned(),
        ));
    }
    let mut options = options.clone();
    fill(&mut options, &declared).map_err(wrong)?;
    let source = DataSource::Table {
        format: *format,
        path: table.clone(),
        options,
    };
    // As a source is written, so it is read: nothing gets in here that could not be written there.
    match source.to_string().parse() {
        Ok(source) => Ok((source, declared)),
        Err(error) => Err(wrong(error.to_string())),
    }
}

fn fill(options: &mut TableOptions, declared: &Declared) -> Result<(), String> {
    for (name, column) in &declared.columns {
        let encoding = match column {
            Column::Word(word) if word == "number" => Encoding::Number,
            Column::Word(word) if word == "drop" => {
                options.drop.push(name.clone());
                continue;
            }
            Column::Word(word) if word == "hash" => Encoding::Hashed(Encoding::BUCKETS),
            Column::Categories(values) => Encoding::Categories(values.clone()),
            Column::Options(ColumnOptions {
                range: Some((low, high)),
                hash: None,
            }) => Encoding::Range {
                low: *low,
                high: *high,
            },
            Column::Options(ColumnOptions {
                range: None,
                hash: Some(inputs),
            }) => Encoding::Hashed(*inputs),
            _ => {
                return Err(format!(
                    "column `{name}`: expected \"number\", \"drop\", \"hash\", a list of categories, \
                     {{ range = [LOW, HIGH] }} or {{ hash = INPUTS }}"
                ));
            }
        };
        options.keep.push(name.clone());
        if encoding != Encoding::Number {
            options.encodings.insert(name.clone(), encoding);
        }
    }
    match &declared.missing {
        None => {}
        Some(MissingText::Number(number)) => options.missing = Missing::Fill(*number),
        Some(MissingText::Word(word)) => {
            options.missing = match word.as_str() {
                "refuse" => Missing::Refuse,
                "drop" => Missing::DropRow,
                "mark" => Missing::Mark,
                _ => {
                    return Err(format!(
                        "missing is `{word}`: expected \"refuse\", \"drop\", \"mark\" or a number"
                    ));
                }
            }
        }
    }
    Ok(())
}
