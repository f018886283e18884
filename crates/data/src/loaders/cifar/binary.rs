//! Binary batches: records of label bytes and pixel bytes.

use super::batch::{Batch, PIXELS};
use super::kind::Kind;
use crate::error::DataError;
use std::path::Path;

pub(super) fn read(path: &Path, bytes: &[u8], kind: &Kind) -> Result<Batch, DataError> {
    let width = kind.label_bytes + PIXELS;
    if !bytes.len().is_multiple_of(width) {
        return Err(DataError::Format {
            path: path.to_owned(),
            what: "the file's size",
            found: format!("{} bytes", bytes.len()),
            expected: format!("a multiple of the {width} bytes of a record"),
            advice: "it is truncated or damaged; fetch it again",
        });
    }
    let mut batch = Batch::default();
    for record in bytes.chunks_exact(width) {
        let (labels, pixels) = record.split_at(kind.label_bytes);
        batch
            .labels
            .extend(labels.last().map(|&label| u32::from(label)));
        batch.pixels.extend(pixels);
    }
    Ok(batch)
}
