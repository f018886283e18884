//! What each column of a table is, from the names of its columns and what was told of them.

use super::encoder::Encoder;
use crate::error::DataError;
use crate::normal::same_name;
use crate::table::{Encoding, LeftOut, TableOptions, numbers_rows};
use std::collections::HashMap;
use std::path::Path;

/// What a column is.
pub(super) enum Role {
    Label,
    Subject,
    Input(Box<Encoder>),
    LeftOut(LeftOut),
}

/// What each column is, in order.
pub(super) struct Layout {
    pub names: Vec<String>,
    pub roles: Vec<Role>,
    /// Inputs in all.
    pub width: usize,
    pub subjects: bool,
}

pub(super) fn layout(
    path: &Path,
    names: Vec<String>,
    options: &TableOptions,
) -> Result<Layout, DataError> {
    let told = [&options.keep, &options.drop].into_iter().flatten();
    let told = told.chain(&options.subject).chain([&options.label]);
    let told: Vec<&String> = told.chain(options.encodings.keys()).collect();
    // As the options spell them, where the file does so in another form of Unicode.
    let names: Vec<String> = names
        .into_iter()
        .map(
            |name| match told.iter().find(|told| same_name(told, &name)) {
                Some(told) => (*told).clone(),
                None => name,
            },
        )
        .collect();
    let wrong = |column: &str, problem: &'static str| DataError::Column {
        path: path.to_owned(),
        column: column.to_owned(),
        problem,
        known: names.clone(),
    };
    let mut index = HashMap::new();
    for (at, name) in names
        .iter()
        .enumerate()
        .filter(|(_, name)| !name.is_empty())
    {
        if index.insert(name.as_str(), at).is_some() {
            return Err(wrong(
                name,
                "is named twice: give every column its own name",
            ));
        }
    }
    let known = |name: &String| index.get(name.as_str()).copied();
    let Some(label) = known(&options.label) else {
        let numbers = names.iter().filter(|name| name.parse::<f64>().is_ok());
        return Err(wrong(
            &options.label,
            match numbers.count() {
                0 => "is not in the first line: check the spelling",
                _ => {
                    "is not in the first line, which holds numbers: put a line with the columns' names \
                     before it"
                }
            },
        ));
    };
    let others = [&options.keep, &options.drop].into_iter().flatten();
    let others = others
        .chain(&options.subject)
        .chain(options.encodings.keys());
    for name in others {
        if known(name).is_none() {
            return Err(wrong(name, "is not in the first line: check the spelling"));
        }
    }
    let subject = options.subject.as_ref().and_then(known);
    if subject == Some(label) {
        return Err(wrong(
            &options.label,
            "cannot be both label and subject: choose another",
        ));
    }
    let mut roles = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        let (kept, dropped) = (options.keep.contains(name), options.drop.contains(name));
        let encoding = options.encodings.get(name);
        let is_other = at == label || subject == Some(at);
        if dropped && (kept || is_other || encoding.is_some())
            || is_other && (kept || encoding.is_some())
        {
            return Err(wrong(name, "is given two roles: leave it in one"));
        }
        roles.push(if at == label {
            Role::Label
        } else if subject == Some(at) {
            Role::Subject
        } else if dropped {
            Role::LeftOut(LeftOut::Dropped)
        } else if !kept && !options.keep.is_empty() {
            Role::LeftOut(LeftOut::NotKept)
        } else if !kept && encoding.is_none() && numbers_rows(name) {
            Role::LeftOut(LeftOut::RowNumber)
        } else {
            let encoding = encoding.cloned().unwrap_or(Encoding::Number);
            let encoder = Encoder::new(name, encoding, options.missing, options.decimal_comma);
            Role::Input(Box::new(encoder))
        });
    }
    let width = roles.iter().map(|role| match role {
        Role::Input(encoder) => encoder.width,
        _ => 0,
    });
    match width.sum() {
        0 => Err(wrong(
            &options.label,
            "leaves no column as input: keep or add others",
        )),
        width => Ok(Layout {
            names: names.clone(),
            roles,
            width,
            subjects: subject.is_some(),
        }),
    }
}
