//! NumPy arrays: inputs and labels by the same first index, in one NPZ file or in NPY files.

mod excerpt;
mod header;
mod store;
mod values;

use super::classes::Classes;
use crate::arrays::ArrayOptions;
use crate::dataset::{Data, Dataset};
use crate::error::DataError;
use crate::identity::{record_hash, subject_hash};
use crate::reading::Reading;
use crate::source::ArrayFormat;
use crate::split::falls_into_test;
use std::path::Path;
use store::Store;
use values::{numbers, texts};

/// Records of one part.
#[derive(Default)]
struct Part {
    inputs: Vec<f32>,
    classes: Vec<u32>,
    subjects: Vec<String>,
    rows: Vec<u64>,
}

/// Arrays of one part, as they are in their files.
struct Arrays {
    shape: Vec<usize>,
    inputs: Vec<f32>,
    labels: Vec<Option<String>>,
    subjects: Option<Vec<Option<String>>>,
}

pub(crate) fn load(
    path: &Path,
    format: ArrayFormat,
    options: &ArrayOptions,
    reading: &mut Reading<'_>,
) -> Result<Data, DataError> {
    let mut store = Store::open(path, format)?;
    let subject = options.subject.as_deref();
    let train = arrays(
        &mut store,
        &options.inputs,
        &options.label,
        subject,
        reading,
    )?;
    let test = match &options.test {
        Some((inputs, label)) => Some(arrays(&mut store, inputs, label, None, reading)?),
        None => None,
    };
    let wrong = |what, found: String, expected: String, advice| DataError::Format {
        path: path.to_owned(),
        what,
        found,
        expected,
        advice,
    };
    if let Some(test) = &test
        && test.shape != train.shape
    {
        return Err(wrong(
            "the shape of a test input",
            format!("{:?}", test.shape),
            format!("{:?} as in training", train.shape),
            "give arrays of one data set",
        ));
    }
    let shape = train.shape.clone();
    let mut classes = Classes::new(reading.classes());
    let mut parts = [Part::default(), Part::default()];
    let own_test = test.is_some();
    let has_subjects = train.subjects.is_some();
    let only = reading.rows();
    // Where the record at this place among those read is in its file.
    let number = |at: usize| match only {
        Some(rows) => rows.get(at).copied().unwrap_or(0),
        None => at as u64 + 1,
    };
    for (at, arrays) in [Some(train), test].into_iter().flatten().enumerate() {
        let width = shape.iter().product::<usize>().max(1);
        for (row, (input, label)) in arrays.inputs.chunks(width).zip(arrays.labels).enumerate() {
            let subject = arrays.subjects.as_ref().map(|all| all[row].clone());
            let record = |what: &'static str, found: &str, expected: &str| {
                let advice = "mend or leave out that record";
                let found = format!("{found} in row {}", number(row));
                wrong(what, found, expected.to_owned(), advice)
            };
            let read = match (label.as_deref(), &subject) {
                _ if input.iter().any(|value| !value.is_finite()) => Err(record(
                    "an input",
                    "a value that is not finite",
                    "finite numbers",
                )),
                (None, _) => Err(record("the label", "no value", "a class")),
                (_, Some(None)) => Err(record("the subject", "no value", "whose record it is")),
                (Some(label), _) => match classes.of(label) {
                    Some((class, name)) => Ok((class, name.to_owned())),
                    None => Err(record("the label", label, "one of the classes declared")),
                },
            };
            let Some((class, name)) = reading.passing(read)? else {
                continue;
            };
            let subject = subject.flatten();
            let drawn = at == 0 && !own_test && {
                let identity = match &subject {
                    Some(subject) => subject_hash(subject),
                    None => record_hash(&shape, &name, input),
                };
                falls_into_test(&identity, options.test_fraction)
            };
            let part = &mut parts[at | usize::from(drawn)];
            part.inputs.extend_from_slice(input);
            part.classes.push(class);
            part.subjects.extend(subject);
            part.rows.push(number(row));
        }
    }
    let [train, test] = parts;
    if !reading.passes_over() {
        if train.rows.is_empty() {
            return Err(DataError::NoRecords {
                path: path.to_owned(),
                advice: "add records or give a smaller test fraction",
            });
        }
        classes.check(path, &options.label, train.rows.len() + test.rows.len())?;
    }
    let (names, place) = classes.settled();
    let dataset_name = path
        .file_stem()
        .and_then(|name| name.to_str())
        .unwrap_or("arrays");
    let dataset = |part: Part, subjects: bool, rows: bool| {
        let labels = part.classes.iter().map(|&class| place[class as usize]);
        let labels = labels.collect();
        let dataset = Dataset::new(
            dataset_name,
            shape.clone(),
            names.clone(),
            part.inputs,
            labels,
        )?;
        let dataset = match rows {
            true => dataset.with_lines(part.rows)?,
            false => dataset,
        };
        Ok::<_, DataError>(match subjects {
            true => dataset.with_subjects(part.subjects)?,
            false => dataset,
        })
    };
    Ok(Data {
        train: dataset(train, has_subjects, true)?,
        // Rows of other arrays are no rows of the first.
        test: dataset(test, has_subjects && !own_test, !own_test)?,
    })
}

fn arrays(
    store: &mut Store,
    inputs: &str,
    label: &str,
    subject: Option<&str>,
    reading: &mut Reading<'_>,
) -> Result<Arrays, DataError> {
    let (dims, inputs) = numbers(&mut store.array(inputs, reading.rows())?, reading)?;
    let (records, shape) = match dims.split_first() {
        Some((&records, [])) => (records, vec![1]),
        Some((&records, &[height, width])) => (records, vec![1, height, width]),
        Some((&records, rest)) => (records, rest.to_vec()),
        None => (1, vec![1]),
    };
    let mut column = |name: &str| {
        let array = store.array(name, reading.rows())?;
        let path = array.path.clone();
        let values = texts(array, reading)?;
        match values.len() == records {
            true => Ok(values),
            false => Err(DataError::Format {
                path,
                what: "the number of values",
                found: format!("{} in `{name}`", values.len()),
                expected: format!("{records}, one for each record"),
                advice: "give arrays with the same first dimension",
            }),
        }
    };
    Ok(Arrays {
        labels: column(label)?,
        subjects: subject.map(column).transpose()?,
        shape,
        inputs,
    })
}
