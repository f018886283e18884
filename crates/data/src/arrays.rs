//! Which arrays hold the inputs, the classes and the subjects of a data set.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use std::fmt;
use thiserror::Error;

/// Which arrays hold what, all by the same first index: names within an NPZ file, or files beside
/// an NPY file.
#[derive(Clone, Debug, PartialEq)]
pub struct ArrayOptions {
    /// The inputs, numbers of shape `[records, …]`; of an NPY file the empty name, which is itself.
    pub inputs: String,
    /// The classes, one value a record.
    pub label: String,
    /// Whose record each is, if that is known.
    pub subject: Option<String>,
    /// The expected fraction of records in the test part, from 0 up to, not including, 1; 0.2 if
    /// absent. Without effect where the test part has arrays of its own.
    pub test_fraction: f64,
    /// Inputs and classes of a test part of its own.
    pub test: Option<(String, String)>,
}

/// An option of arrays that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ArrayOptionError {
    /// Something that has to be said.
    #[error("nothing says which array holds the {0}")]
    Missing(&'static str),
    /// An option that is unknown, repeated or has no usable value.
    #[error(
        "`{0}` is not an option of arrays: expected inputs, label, subject, test (a fraction from 0 to \
         below 1), test_inputs and test_label (both or none, and no test), each once"
    )]
    Option(String),
}

/// What would be taken for syntax in an option.
const SYNTAX: &AsciiSet = &CONTROLS.add(b'%').add(b'&').add(b'=').add(b'?').add(b' ');

/// Reads options; of an NPY file, which is the inputs itself, where that is so.
pub(crate) fn parse_arrays(
    written: &str,
    inputs_known: bool,
) -> Result<ArrayOptions, ArrayOptionError> {
    let keys = [
        "inputs",
        "label",
        "subject",
        "test",
        "test_inputs",
        "test_label",
    ];
    let mut values: [Option<String>; 6] = Default::default();
    for option in written.split('&') {
        let wrong = || ArrayOptionError::Option(option.to_owned());
        let (key, value) = option.split_once('=').ok_or_else(wrong)?;
        let at = keys
            .iter()
            .position(|known| *known == key)
            .ok_or_else(wrong)?;
        let value = percent_decode_str(value)
            .decode_utf8()
            .map_err(|_| wrong())?;
        let taken = values[at].replace(value.into_owned()).is_some();
        if taken || value_is_empty(&values[at]) || (inputs_known && at == 0) {
            return Err(wrong());
        }
    }
    let [inputs, label, subject, test, test_inputs, test_label] = values;
    let inputs = match inputs_known {
        true => String::new(),
        false => inputs.ok_or(ArrayOptionError::Missing("inputs: add inputs=NAME"))?,
    };
    let label = label.ok_or(ArrayOptionError::Missing("classes: add label=NAME"))?;
    let fraction = match &test {
        None => 0.2,
        Some(text) => {
            let fraction = text.parse().ok().filter(|f| (0.0..1.0).contains(f));
            fraction.ok_or_else(|| ArrayOptionError::Option(format!("test={text}")))?
        }
    };
    let own = match (test_inputs, test_label) {
        (None, None) => None,
        (Some(inputs), Some(label)) if test.is_none() => Some((inputs, label)),
        _ => {
            return Err(ArrayOptionError::Option(
                "test_inputs, test_label".to_owned(),
            ));
        }
    };
    Ok(ArrayOptions {
        inputs,
        label,
        subject,
        test_fraction: fraction,
        test: own,
    })
}

fn value_is_empty(value: &Option<String>) -> bool {
    value.as_ref().is_some_and(String::is_empty)
}

/// Writes options so that [`parse_arrays`] reads the same.
pub(crate) fn write_arrays(options: &ArrayOptions, f: &mut impl fmt::Write) -> fmt::Result {
    let plain = |text| utf8_percent_encode(text, SYNTAX);
    if !options.inputs.is_empty() {
        write!(f, "inputs={}&", plain(&options.inputs))?;
    }
    write!(f, "label={}", plain(&options.label))?;
    if let Some(subject) = &options.subject {
        write!(f, "&subject={}", plain(subject))?;
    }
    match &options.test {
        None => write!(f, "&test={}", options.test_fraction),
        Some((inputs, label)) => {
            write!(
                f,
                "&test_inputs={}&test_label={}",
                plain(inputs),
                plain(label)
            )
        }
    }
}
