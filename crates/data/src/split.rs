//! Which records to train on and in which order.

use crate::digest::Digest;
use crate::permutation::shuffle;
use crate::selection::Selection;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Disjoint training and validation records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Records to train on.
    pub train: Selection,
    /// Records held out from training.
    pub validation: Selection,
}

/// Which records are held out for validation: a draw for each record, from whose it is or, where
/// that is not known, from its own identity. So no record's part depends on another record, and
/// all records of a subject and all copies of a record fall into one part (docs/theory.md §6).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOut {
    /// The share of the records that is held out, nearly: from 0 up to, not including, 1.
    pub fraction: f64,
    /// Seed of the draw.
    pub seed: u64,
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

impl HeldOut {
    /// No record is.
    pub const NONE: Self = Self {
        fraction: 0.0,
        seed: 0,
    };

    /// The records held out of those with these identities, by position.
    ///
    /// # Errors
    /// [`SplitError`] unless `0 <= fraction < 1` and at least one record is left to train on.
    pub(crate) fn of(
        &self,
        identities: impl ExactSizeIterator<Item = Digest>,
    ) -> Result<Selection, SplitError> {
        let records = identities.len();
        let mut held_out = Vec::new();
        for (position, identity) in identities.enumerate() {
            let mut drawn = blake3::Hasher::new_derive_key("rescind-data 2026 validation split v1");
            drawn.update(&self.seed.to_le_bytes());
            drawn.update(identity.as_bytes());
            if falls_below(self.fraction, Digest::finalize(&drawn).as_bytes()) {
                held_out.push(position);
            }
        }
        if !(0.0..1.0).contains(&self.fraction) || held_out.len() >= records {
            return Err(SplitError {
                fraction: self.fraction,
                validation: held_out.len(),
                records,
            });
        }
        Ok(Selection::of_sorted(records, held_out))
    }
}

/// Whether the uniform number in \[0, 1) that these bytes make is below a fraction.
pub(crate) fn falls_below(fraction: f64, uniform: &[u8; 32]) -> bool {
    let first = uniform
        .iter()
        .take(8)
        .fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
    (first as f64) < fraction * 2_f64.powi(64)
}

/// The order in which one epoch visits the selected records: a permutation that is a function of
/// `(among, seed, epoch)` alone, so that a run resumed at any epoch sees the order it would have
/// seen. Cut it into minibatches with `chunks`.
pub fn epoch_order(among: &Selection, seed: u64, epoch: u64) -> Vec<usize> {
    let mut order = among.positions().to_vec();
    shuffle(&mut order, b"minibatch order\0", seed, epoch);
    order
}

/// Whether a record is kept for testing: a uniform number made of whose it is, or of its own
/// identity, is below the fraction. So no record's part depends on another record.
pub(crate) fn falls_into_test(identity: &Digest, fraction: f64) -> bool {
    let draw = blake3::derive_key("rescind-data 2026 test split v1", identity.as_bytes());
    falls_below(fraction, &draw)
}
