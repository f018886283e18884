//! Options of a table as they are written in a source: `label=y&drop=a,b&hash=city:64`.

use super::options::{Encoding, Missing, TableOptions};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use std::collections::BTreeSet;
use std::fmt;
use thiserror::Error;

/// An option of a table that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OptionError {
    /// Nothing says which column holds the class.
    #[error("nothing says which column holds the class: add ?label=COLUMN")]
    Label,
    /// An option that is unknown.
    #[error(
        "`{0}` is not an option of tables: expected label, subject, test, keep, drop, categories, hash, \
         range, missing, separator or decimal, each once and with a value"
    )]
    Unknown(String),
    /// An option whose value makes no sense.
    #[error("`{found}`: expected {expected}")]
    Value {
        /// The option as written.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
}

/// What would be taken for syntax in an option.
const SYNTAX: &AsciiSet = &CONTROLS.add(b'%').add(b'&').add(b'=').add(b'?').add(b' ');
/// And within a list.
const LISTED: &AsciiSet = &SYNTAX.add(b',').add(b':').add(b'|');

const SEPARATORS: &[(&str, char)] = &[
    ("comma", ','),
    ("semicolon", ';'),
    ("tab", '\t'),
    ("bar", '|'),
];

/// Reads options; that of the label must be among them.
pub(crate) fn parse(written: &str) -> Result<TableOptions, OptionError> {
    let mut options = TableOptions::new("");
    let mut seen = BTreeSet::new();
    for option in written.split('&') {
        let unknown = || OptionError::Unknown(option.to_owned());
        let (key, value) = option.split_once('=').ok_or_else(unknown)?;
        if value.is_empty() || !seen.insert(key) {
            return Err(unknown());
        }
        set(&mut options, key, value).ok_or_else(|| match expected(key) {
            Some(expected) => OptionError::Value {
                found: option.to_owned(),
                expected,
            },
            None => unknown(),
        })?;
    }
    match options.label.is_empty() {
        true => Err(OptionError::Label),
        false => Ok(options),
    }
}

fn expected(key: &str) -> Option<&'static str> {
    Some(match key {
        "label" | "subject" => "the name of a column",
        "test" => "the fraction kept for testing, 0 <= FRACTION < 1",
        "keep" | "drop" => "columns separated by commas",
        "categories" => {
            "COLUMN:VALUE|VALUE and more such separated by commas, each column in one of categories, \
             hash and range"
        }
        "hash" => {
            "COLUMN or COLUMN:INPUTS (1 to 65536) and more such separated by commas, each column in one \
             of categories, hash and range"
        }
        "range" => {
            "COLUMN:LOW:HIGH with LOW < HIGH and more such separated by commas, each column in one of \
             categories, hash and range"
        }
        "missing" => "refuse, drop (the row), mark (with an input of its own) or a number",
        "separator" => "comma, semicolon, tab or bar",
        "decimal" => "point or comma",
        _ => return None,
    })
}

fn set(options: &mut TableOptions, key: &str, value: &str) -> Option<()> {
    match key {
        "label" => options.label = decoded(value)?,
        "subject" => options.subject = Some(decoded(value)?),
        "test" => {
            let fraction = decoded(value)?.parse().ok()?;
            options.test_fraction = Some(fraction).filter(|f| (0.0..1.0).contains(f))?;
        }
        "keep" => options.keep = listed(value)?,
        "drop" => options.drop = listed(value)?,
        "categories" | "hash" | "range" => {
            for item in value.split(',') {
                let (name, encoding) = encoding(key, item)?;
                if options.encodings.insert(name, encoding).is_some() {
                    return None;
                }
            }
        }
        "missing" => {
            options.missing = match decoded(value)?.as_str() {
                "refuse" => Missing::Refuse,
                "drop" => Missing::DropRow,
                "mark" => Missing::Mark,
                number => Missing::Fill(finite(number)?),
            }
        }
        "separator" => {
            let named = SEPARATORS.iter().find(|(name, _)| *name == value)?;
            options.separator = Some(named.1);
        }
        "decimal" => {
            options.decimal_comma = match value {
                "comma" => true,
                "point" => false,
                _ => return None,
            }
        }
        _ => return None,
    }
    Some(())
}

fn encoding(key: &str, item: &str) -> Option<(String, Encoding)> {
    let mut parts = item.split(':');
    let name = decoded(parts.next()?)?;
    let encoding = match key {
        "categories" => {
            let values = parts.next()?.split('|').map(decoded);
            let values = values.collect::<Option<Vec<String>>>()?;
            let distinct: BTreeSet<&String> = values.iter().collect();
            if distinct.len() < values.len() {
                return None;
            }
            Encoding::Categories(values)
        }
        "hash" => {
            let buckets = parts
                .next()
                .map_or(Some(Encoding::BUCKETS), |n| n.parse().ok())?;
            let most = 1..=Encoding::MAX_BUCKETS;
            Encoding::Hashed(Some(buckets).filter(|n| most.contains(n))?)
        }
        _ => {
            let (low, high) = (finite(parts.next()?)?, finite(parts.next()?)?);
            if low >= high || !(high - low).is_finite() {
                return None;
            }
            Encoding::Range { low, high }
        }
    };
    match parts.next() {
        None => Some((name, encoding)),
        Some(_) => None,
    }
}

fn finite(text: &str) -> Option<f32> {
    text.parse().ok().filter(|number: &f32| number.is_finite())
}

fn decoded(text: &str) -> Option<String> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    Some(text.into_owned()).filter(|text| !text.is_empty())
}

fn listed(text: &str) -> Option<Vec<String>> {
    text.split(',').map(decoded).collect()
}

/// A name or a value as it stands in a list.
pub(crate) fn item(text: &str) -> String {
    utf8_percent_encode(text, LISTED).to_string()
}

/// Writes options so that [`parse`] reads the same.
pub(crate) fn write(options: &TableOptions, f: &mut impl fmt::Write) -> fmt::Result {
    let plain = |text| utf8_percent_encode(text, SYNTAX).to_string();
    write!(f, "label={}", plain(&options.label))?;
    if let Some(subject) = &options.subject {
        write!(f, "&subject={}", plain(subject))?;
    }
    write!(f, "&test={}", options.test_fraction)?;
    let list = |names: &[String]| -> String {
        let names: Vec<String> = names.iter().map(|name| item(name)).collect();
        names.join(",")
    };
    for (key, names) in [("keep", &options.keep), ("drop", &options.drop)] {
        if !names.is_empty() {
            write!(f, "&{key}={}", list(names))?;
        }
    }
    for key in ["categories", "hash", "range"] {
        let encodings = options.encodings.iter().filter_map(|(name, encoding)| {
            let name = item(name);
            match (key, encoding) {
                ("categories", Encoding::Categories(values)) => {
                    let values: Vec<String> = values.iter().map(|value| item(value)).collect();
                    Some(format!("{name}:{}", values.join("|")))
                }
                ("hash", Encoding::Hashed(buckets)) => Some(format!("{name}:{buckets}")),
                ("range", Encoding::Range { low, high }) => Some(format!("{name}:{low}:{high}")),
                _ => None,
            }
        });
        let encodings: Vec<String> = encodings.collect();
        if !encodings.is_empty() {
            write!(f, "&{key}={}", encodings.join(","))?;
        }
    }
    match options.missing {
        Missing::Refuse => {}
        Missing::DropRow => f.write_str("&missing=drop")?,
        Missing::Mark => f.write_str("&missing=mark")?,
        Missing::Fill(number) => write!(f, "&missing={number}")?,
    }
    if let Some((name, _)) = SEPARATORS.iter().find(|s| Some(s.1) == options.separator) {
        write!(f, "&separator={name}")?;
    }
    match options.decimal_comma {
        true => f.write_str("&decimal=comma"),
        false => Ok(()),
    }
}
