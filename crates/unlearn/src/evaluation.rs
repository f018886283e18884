//! How a model does on sets of records.

use crate::error::Error;
use crate::native::NetworkModel;
use crate::observer::{Observer, report};
use crate::phase::Phase;
use rescind_data::{Dataset, Selection};
use rescind_network::Loss;
use serde::{Deserialize, Serialize};

/// Loss and accuracy over a set of records.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Number of records.
    pub records: usize,
    /// Mean loss, without penalty; 0 over no record.
    pub loss: f64,
    /// Share classified right, from 0 to 1; 0 over no record. Absent where the model is no
    /// classifier.
    pub accuracy: Option<f64>,
}

impl Measured {
    /// The accuracy of a classifier; NaN of any other model.
    #[must_use]
    pub fn share_right(&self) -> f64 {
        self.accuracy.unwrap_or(f64::NAN)
    }
}

/// Records whose outputs are computed at a time.
const GROUP: usize = 4096;

/// Measures the model with parameters `w` on selected records, batch norm with the model's frozen
/// statistics.
///
/// # Errors
/// Weights or records that do not fit the network; [`Error::Interrupted`].
pub fn measure(
    model: &NetworkModel<'_>,
    w: &[f32],
    dataset: &Dataset,
    selection: &Selection,
    observer: &mut dyn Observer,
) -> Result<Measured, Error> {
    let outputs = model.network.outputs();
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    let (mut loss, mut right) = (0.0, 0_u64);
    let present: Vec<usize> = match dataset.absent() {
        [] => selection.positions().to_vec(),
        absent => {
            let gone = |at: &usize| absent.binary_search(at).is_ok();
            let all = selection.positions().iter().copied();
            all.filter(|at| !gone(at)).collect()
        }
    };
    let groups = present.len().div_ceil(GROUP) as u64;
    for (done, group) in present.chunks(GROUP).enumerate() {
        dataset.copy_batch(group, &mut inputs, &mut labels)?;
        let logits = model.logits(w, &inputs)?;
        for (z, &label) in logits.chunks_exact(outputs).zip(&labels) {
            let (best, top) = z
                .iter()
                .enumerate()
                .fold(
                    (0, f32::NEG_INFINITY),
                    |top, (k, &z)| {
                        if z > top.1 { (k, z) } else { top }
                    },
                );
            right += u64::from(best == label as usize);
            let of = f64::from(z.get(label as usize).copied().unwrap_or(f32::NAN));
            let each = || z.iter().map(|&z| f64::from(z));
            loss += match model.loss {
                Loss::SoftmaxCrossEntropy => {
                    let top = f64::from(top);
                    let sum: f64 = each().map(|z| (z - top).exp()).sum();
                    sum.ln() + top - of
                }
                Loss::SquaredError => 0.5 * each().map(|z| z * z).sum::<f64>() - of + 0.5,
            };
        }
        report(observer, Phase::Evaluate, done as u64 + 1, Some(groups))?;
    }
    let records = present.len();
    let share = 1.0 / records.max(1) as f64;
    Ok(Measured {
        records,
        loss: loss * share,
        accuracy: Some(right as f64 * share),
    })
}

/// `‖a − b‖`, in double precision.
pub fn distance<T: Copy + Into<f64>>(a: &[T], b: &[T]) -> f64 {
    let squares = a
        .iter()
        .zip(b)
        .map(|(&a, &b)| (a.into() - b.into()).powi(2));
    squares.sum::<f64>().sqrt()
}
