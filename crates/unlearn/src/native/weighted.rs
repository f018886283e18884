//! `f64` passes over records held in `f32`, a block at a time, so that no second copy of the data
//! set is needed.

use crate::error::Error;
use rescind_data::Dataset;
use rescind_network::Batch;

/// Bytes of `f64` inputs held at a time.
const BLOCK_BYTES: usize = 16 << 20;

/// Calls `pass(batch, out)` on consecutive blocks of the records at these positions and writes the
/// mean of what it writes over all of them; returns the mean of its values likewise. The records
/// are weighted by `weights`, if there are any.
pub(crate) fn mean_over_blocks(
    dataset: &Dataset,
    positions: &[usize],
    weights: Option<&[f32]>,
    out: &mut [f64],
    mut pass: impl FnMut(Batch<'_, f64>, &mut [f64]) -> Result<f64, Error>,
) -> Result<f64, Error> {
    let len = dataset.input_len();
    let most = (BLOCK_BYTES / (8 * len.max(1))).max(1);
    // Blocks of equal size, so that none is left with a record or two.
    let count = positions.len().div_ceil(most).max(1);
    let size = positions.len().div_ceil(count).max(1);
    out.fill(0.0);
    let mut part = vec![0.0; out.len()];
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    let mut total = 0.0;
    for (block, start) in positions.chunks(size).zip((0..).step_by(size)) {
        inputs.clear();
        labels.clear();
        for &position in block {
            let record = &dataset.inputs()[position * len..][..len];
            inputs.extend(record.iter().map(|&x| f64::from(x)));
            labels.push(dataset.labels()[position]);
        }
        let batch = Batch::classes(&inputs, &labels);
        let weight = block.len() as f64;
        total += weight
            * match weights {
                Some(weights) => {
                    let own = weights[start..][..block.len()].iter();
                    let own: Vec<f64> = own.map(|&a| f64::from(a)).collect();
                    pass(batch.weighted(&own), &mut part)?
                }
                None => pass(batch, &mut part)?,
            };
        for (out, part) in out.iter_mut().zip(&part) {
            *out += weight * part;
        }
    }
    let scale = 1.0 / positions.len() as f64;
    out.iter_mut().for_each(|out| *out *= scale);
    Ok(total * scale)
}
