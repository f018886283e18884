//! The embedded handwritten digits.
//!
//! "Optical Recognition of Handwritten Digits", E. Alpaydin and C. Kaynak (1998), UCI Machine
//! Learning Repository, doi:10.24432/C50P49, CC BY 4.0: the 1797 records that scikit-learn ships,
//! in its order. `digits/make.py` wrote the embedded files.

use super::{digit_names, idx};
use crate::dataset::{Data, Dataset};
use crate::error::DataError;
use crate::reading::Reading;
use std::path::Path;

const IMAGES: &[u8] = include_bytes!("digits/images-idx3-ubyte.gz");
const LABELS: &[u8] = include_bytes!("digits/labels-idx1-ubyte.gz");

/// Every fifth run of ten records is for testing: 1440 to train, 357 to test. By runs of ten, as
/// the records often count from 0 to 9: every fifth record would leave 21 ones and 52 threes.
fn is_test(position: usize) -> bool {
    position / 10 % 5 == 4
}

pub(crate) fn load(reading: &mut Reading<'_>) -> Result<Data, DataError> {
    let images: idx::Idx<3> =
        idx::parse(Path::new("the embedded digits' pictures"), IMAGES, reading)?;
    let labels: idx::Idx<1> =
        idx::parse(Path::new("the embedded digits' labels"), LABELS, reading)?;
    let [_, height, width] = images.dims;
    let part = |test: bool| {
        let (mut inputs, mut classes) = (Vec::new(), Vec::new());
        let records = images.data.chunks_exact(height * width).zip(&labels.data);
        for (position, (pixels, &label)) in records.enumerate() {
            if is_test(position) == test {
                // Each pixel counts the ink in a block of 4x4: 0 to 16.
                inputs.extend(pixels.iter().map(|&ink| f32::from(ink) / 16.0));
                classes.push(u32::from(label));
            }
        }
        Dataset::new(
            "digits",
            vec![1, height, width],
            digit_names(),
            inputs,
            classes,
        )
    };
    Ok(Data {
        train: part(false)?,
        test: part(true)?,
    })
}
