//! Which records to train on and in which order.

use crate::permutation::shuffle;
use crate::selection::Selection;
use thiserror::Error;

/// Disjoint training and validation records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Records to train on.
    pub train: Selection,
    /// Records held out from training.
    pub validation: Selection,
}

/// A validation fraction that leaves nothing to do.
#[derive(Clone, Debug, PartialEq, Error)]
#[error(
    "a validation fraction of {fraction} takes {validation} of {records} records: expected a \
     fraction from 0 up to, not including, 1 that leaves at least one record to train on"
)]
pub struct SplitError {
    /// The fraction asked for.
    pub fraction: f64,
    /// Records it would hold out.
    pub validation: usize,
    /// Records there are.
    pub records: usize,
}

/// Holds out `fraction` of the records (rounded to the nearest count), chosen by `seed`.
///
/// Split once, before any deletion: the choice depends on which records there are, so splitting
/// again after a deletion would move other records between the parts.
///
/// # Errors
/// [`SplitError`] unless `0 <= fraction < 1` and at least one record is left to train on.
pub fn train_validation(among: &Selection, fraction: f64, seed: u64) -> Result<Split, SplitError> {
    let records = among.len();
    let validation = (fraction * records as f64).round() as usize;
    if !(0.0..1.0).contains(&fraction) || validation >= records {
        return Err(SplitError {
            fraction,
            validation,
            records,
        });
    }
    let mut order = among.positions().to_vec();
    shuffle(&mut order, b"validation split", seed, 0);
    let (held_out, kept) = order.split_at(validation);
    let (mut held_out, mut kept) = (held_out.to_vec(), kept.to_vec());
    held_out.sort_unstable();
    kept.sort_unstable();
    Ok(Split {
        train: Selection::of_sorted(among.records(), kept),
        validation: Selection::of_sorted(among.records(), held_out),
    })
}

/// The order in which one epoch visits the selected records: a permutation that is a function of
/// `(among, seed, epoch)` alone, so that a run resumed at any epoch sees the order it would have
/// seen. Cut it into minibatches with `chunks`.
pub fn epoch_order(among: &Selection, seed: u64, epoch: u64) -> Vec<usize> {
    let mut order = among.positions().to_vec();
    shuffle(&mut order, b"minibatch order\0", seed, epoch);
    order
}
