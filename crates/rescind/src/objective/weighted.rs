//! `f64` passes over records held in `f32`, a block at a time, so that no second copy of the data
//! set is needed.

use crate::Error;
use rescind_network::Batch;

/// Bytes of `f64` inputs held at a time.
const BLOCK_BYTES: usize = 64 << 20;

/// Calls `pass(batch, out)` on consecutive blocks of records and writes the mean of what it writes
/// over all records; returns the mean of its values likewise.
pub(super) fn mean_over_blocks(
    inputs: &[f32],
    labels: &[u32],
    input_len: usize,
    out: &mut [f64],
    mut pass: impl FnMut(Batch<'_, f64>, &mut [f64]) -> Result<f64, Error>,
) -> Result<f64, Error> {
    let most = (BLOCK_BYTES / (8 * input_len.max(1))).max(1);
    // Blocks of equal size, so that none is left with a record or two.
    let count = labels.len().div_ceil(most).max(1);
    let size = labels.len().div_ceil(count).max(1);
    out.fill(0.0);
    let mut part = vec![0.0; out.len()];
    let mut block = Vec::new();
    let mut total = 0.0;
    for (inputs, labels) in inputs.chunks(size * input_len).zip(labels.chunks(size)) {
        block.clear();
        block.extend(inputs.iter().map(|&x| f64::from(x)));
        let weight = labels.len() as f64;
        total += weight * pass(Batch::classes(&block, labels), &mut part)?;
        for (out, part) in out.iter_mut().zip(&part) {
            *out += weight * part;
        }
    }
    let scale = 1.0 / labels.len() as f64;
    out.iter_mut().for_each(|out| *out *= scale);
    Ok(total * scale)
}
