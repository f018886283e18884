//! MNIST and data sets of its format (Fashion-MNIST, KMNIST): four IDX files.

use super::idx::{Idx, parse};
use super::{digit_names, file, unit_interval};
use crate::dataset::{Data, Dataset};
use crate::error::DataError;
use crate::reading::Reading;
use std::path::Path;

pub(crate) fn load(folder: &Path, reading: &mut Reading<'_>) -> Result<Data, DataError> {
    let train = part(folder, "train", reading)?;
    reading.read_so_far(train.len() as u64, folder)?;
    let test = part(folder, "t10k", reading)?;
    if train.input_shape() != test.input_shape() {
        return Err(DataError::Format {
            path: folder.to_owned(),
            what: "the size of the test pictures",
            found: format!("{:?}", test.input_shape()),
            expected: format!("{:?} as in the training pictures", train.input_shape()),
            advice: "the four files belong to different data sets; fetch them again",
        });
    }
    Ok(Data { train, test })
}

fn part(folder: &Path, prefix: &str, reading: &mut Reading<'_>) -> Result<Dataset, DataError> {
    // Some mirrors write a dot for the last hyphen.
    let find = |kind: &str, idx: &str| {
        let hyphen = format!("{prefix}-{kind}-{idx}-ubyte");
        let dot = format!("{prefix}-{kind}.{idx}-ubyte");
        file::find(
            folder,
            &[&hyphen, &format!("{hyphen}.gz"), &dot, &format!("{dot}.gz")],
        )
    };
    let (images_path, labels_path) = (find("images", "idx3")?, find("labels", "idx1")?);
    let bytes = file::read_watched(&images_path, reading)?;
    let images: Idx<3> = parse(&images_path, &bytes, reading)?;
    let bytes = file::read_watched(&labels_path, reading)?;
    let labels: Idx<1> = parse(&labels_path, &bytes, reading)?;
    let [records, height, width] = images.dims;
    if labels.dims != [records] {
        return Err(DataError::Format {
            path: labels_path,
            what: "the number of labels",
            found: labels.dims[0].to_string(),
            expected: format!(
                "{records}, one for each picture in {}",
                images_path.display()
            ),
            advice: "the two files belong to different data sets; fetch them again",
        });
    }
    if let Some(record) = labels.data.iter().position(|&label| label > 9) {
        let found = labels.data[record].to_string();
        return Err(DataError::Label {
            path: labels_path,
            record,
            found,
            expected: "0 to 9",
        });
    }
    let inputs = unit_interval(&images.data);
    let labels = labels.data.into_iter().map(u32::from).collect();
    Ok(Dataset::new(
        "mnist",
        vec![1, height, width],
        digit_names(),
        inputs,
        labels,
    )?)
}
