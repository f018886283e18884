//! CIFAR-10, binary version: records of one label byte and 3072 pixel bytes (red, green and blue
//! planes of 32×32, row by row), 10 000 to a batch.

use super::{file, unit_interval};
use crate::dataset::{Data, Dataset};
use crate::error::DataError;
use std::path::Path;

const CLASSES: [&str; 10] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];
const TRAIN: [&str; 5] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
];
const RECORDS_PER_BATCH: usize = 10_000;
const PIXELS: usize = 3 * 32 * 32;

pub(crate) fn load(folder: &Path) -> Result<Data, DataError> {
    load_batches_of(RECORDS_PER_BATCH, folder)
}

fn load_batches_of(records: usize, folder: &Path) -> Result<Data, DataError> {
    let inner = folder.join("cifar-10-batches-bin");
    let folder = if inner.is_dir() { &inner } else { folder };
    let part = |names: &[&str]| {
        let (mut inputs, mut labels) = (Vec::new(), Vec::new());
        for name in names {
            let path = file::find(folder, &[name])?;
            read_batch(
                &path,
                &file::read(&path)?,
                records,
                &mut inputs,
                &mut labels,
            )?;
        }
        let classes = CLASSES.map(str::to_owned).to_vec();
        Ok::<_, DataError>(Dataset::new(
            "cifar10",
            vec![3, 32, 32],
            classes,
            inputs,
            labels,
        )?)
    };
    Ok(Data {
        train: part(&TRAIN)?,
        test: part(&["test_batch.bin"])?,
    })
}

fn read_batch(
    path: &Path,
    bytes: &[u8],
    records: usize,
    inputs: &mut Vec<f32>,
    labels: &mut Vec<u32>,
) -> Result<(), DataError> {
    let (found, expected) = (bytes.len() as u64, (records * (1 + PIXELS)) as u64);
    if found != expected {
        return Err(DataError::Length {
            path: path.to_owned(),
            found,
            expected,
        });
    }
    for (record, bytes) in bytes.chunks_exact(1 + PIXELS).enumerate() {
        if bytes[0] > 9 {
            let (path, found) = (path.to_owned(), bytes[0].to_string());
            return Err(DataError::Label {
                path,
                record,
                found,
                expected: "0 to 9",
            });
        }
        labels.push(u32::from(bytes[0]));
        inputs.extend(unit_interval(&bytes[1..]));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    /// Two records a batch: the label of record r of batch b is b + r, its pixels are that label
    /// plus the channel, except the last, which is 255.
    fn batch(b: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        for label in [b, b + 1] {
            bytes.push(label);
            bytes.extend((0..3).flat_map(|channel| [label + channel; 1024]));
            *bytes.last_mut().unwrap() = 255;
        }
        bytes
    }

    fn write_all(folder: &Path) {
        for (b, name) in TRAIN.iter().chain(&["test_batch.bin"]).enumerate() {
            fs::write(folder.join(name), batch(b as u8)).unwrap();
        }
    }

    #[test]
    fn reads_planes_in_order_from_the_folder_or_its_parent() {
        let parent = tempfile::tempdir().unwrap();
        let inner = parent.path().join("cifar-10-batches-bin");
        fs::create_dir(&inner).unwrap();
        write_all(&inner);
        let data = load_batches_of(2, parent.path()).unwrap();
        assert_eq!(data, load_batches_of(2, &inner).unwrap());
        assert_eq!(data.train.labels(), [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]);
        assert_eq!(data.test.labels(), [5, 6]);
        let input = data.train.input(9).unwrap();
        let expected = [5.0, 6.0, 7.0, 255.0].map(|value: f32| value / 255.0);
        assert_eq!(
            &[input[0], input[1024], input[2048], input[3071]][..],
            &expected[..]
        );
        assert_eq!(data.train.class_names()[9], "truck");
    }

    #[test]
    fn refuses_a_batch_cut_at_a_record_and_a_missing_one() {
        let folder = tempfile::tempdir().unwrap();
        write_all(folder.path());
        fs::write(folder.path().join(TRAIN[3]), &batch(3)[..1 + PIXELS]).unwrap();
        let error = load_batches_of(2, folder.path()).unwrap_err();
        assert!(matches!(
            error,
            DataError::Length {
                found: 3073,
                expected: 6146,
                ..
            }
        ));
        assert!(error.to_string().contains("data_batch_4.bin"), "{error}");
        fs::remove_file(folder.path().join(TRAIN[3])).unwrap();
        let error = load_batches_of(2, folder.path()).unwrap_err();
        assert!(matches!(error, DataError::Missing { .. }), "{error}");
        assert!(error.to_string().contains("data_batch_4.bin"), "{error}");
    }

    #[test]
    fn the_published_batches_have_ten_thousand_records() {
        let folder = tempfile::tempdir().unwrap();
        write_all(folder.path());
        let error = load(folder.path()).unwrap_err();
        assert!(
            matches!(
                error,
                DataError::Length {
                    expected: 30_730_000,
                    ..
                }
            ),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn mutated_bytes_are_read_or_refused(at in 0_usize..6146, byte: u8, cut in 0_usize..6147) {
            let mut bytes = batch(1);
            bytes[at] = byte;
            bytes.truncate(cut);
            let (mut inputs, mut labels) = (Vec::new(), Vec::new());
            let result = read_batch(Path::new("b"), &bytes, 2, &mut inputs, &mut labels);
            let sound = cut == 6146 && (at % 3073 != 0 || byte < 10);
            prop_assert_eq!(result.is_ok(), sound);
        }
    }
}
