//! SVHN, cropped digits: MAT-files with `X` (height × width × channel × record, unsigned bytes)
//! and `y` (1 to 10, where 10 is the digit 0).

use super::mat5::{Array, parse};
use super::{digit_names, file};
use crate::dataset::{Data, Dataset};
use crate::error::DataError;
use crate::reading::Reading;
use std::path::Path;

const SIDE: usize = 32;
const CHANNELS: usize = 3;

pub(crate) fn load(folder: &Path, reading: &mut Reading<'_>) -> Result<Data, DataError> {
    let mut part = |name: &str| {
        let path = file::find(folder, &[name])?;
        let bytes = file::read_watched(&path, reading)?;
        let part = read(&path, &bytes, reading)?;
        reading.read_so_far(part.len() as u64, folder)?;
        Ok::<_, DataError>(part)
    };
    Ok(Data {
        train: part("train_32x32.mat")?,
        test: part("test_32x32.mat")?,
    })
}

fn read(path: &Path, bytes: &[u8], reading: &mut Reading<'_>) -> Result<Dataset, DataError> {
    let wrong = |what, found: String, expected: &str| DataError::Format {
        path: path.to_owned(),
        what,
        found,
        expected: expected.to_owned(),
        advice: "it is not SVHN's file of cropped digits; fetch it again",
    };
    let arrays = parse(path, bytes, reading)?;
    let find = |name: &str| {
        arrays
            .iter()
            .find(|array| array.name == name)
            .ok_or_else(|| {
                let names: Vec<&str> = arrays.iter().map(|array| array.name.as_str()).collect();
                wrong(
                    "the list of arrays",
                    format!("{names:?}"),
                    "both `X` and `y`",
                )
            })
    };
    let (x, y) = (find("X")?, find("y")?);
    // MATLAB drops a last dimension of one.
    let records = match x.dims[..] {
        [SIDE, SIDE, CHANNELS, records] if records > 0 => records,
        [SIDE, SIDE, CHANNELS] => 1,
        _ => {
            return Err(wrong(
                "the shape of `X`",
                format!("{:?}", x.dims),
                "[32, 32, 3, records]",
            ));
        }
    };
    let pixels = x.unsigned_bytes().ok_or_else(|| {
        wrong(
            "the type of `X`",
            format!("MAT-file type {}", x.stored),
            "2 (unsigned bytes)",
        )
    })?;
    let labels = labels(path, y)?;
    if labels.len() != records {
        return Err(wrong(
            "the number of labels",
            labels.len().to_string(),
            &records.to_string(),
        ));
    }
    // Columns of the file are rows of ours: transpose every plane.
    let mut inputs = Vec::with_capacity(pixels.len());
    for plane in pixels.chunks_exact(SIDE * SIDE) {
        for row in 0..SIDE {
            inputs.extend((0..SIDE).map(|col| f32::from(plane[SIDE * col + row]) / 255.0));
        }
    }
    Ok(Dataset::new(
        "svhn",
        vec![CHANNELS, SIDE, SIDE],
        digit_names(),
        inputs,
        labels,
    )?)
}

fn labels(path: &Path, y: &Array) -> Result<Vec<u32>, DataError> {
    let digit = |(record, value): (usize, f64)| {
        let is = |&label: &u32| value.total_cmp(&f64::from(label)).is_eq();
        (1..=10)
            .find(is)
            .map(|label| label % 10)
            .ok_or_else(|| DataError::Label {
                path: path.to_owned(),
                record,
                found: value.to_string(),
                expected: "1 to 10",
            })
    };
    y.values().into_iter().enumerate().map(digit).collect()
}
