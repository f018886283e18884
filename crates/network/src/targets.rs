//! What records should be answered with, borrowed.

use std::ops::Range;

/// What the network should have answered.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a, T> {
    /// A class index per record.
    Classes(&'a [u32]),
    /// A vector per record, record after record: class probabilities for cross-entropy, values for
    /// squared error.
    Values(&'a [T]),
}

impl<'a, T> Targets<'a, T> {
    /// The targets of some records.
    pub(crate) fn range(&self, records: &Range<usize>, outputs: usize) -> Targets<'a, T> {
        match self {
            Targets::Classes(labels) => Targets::Classes(&labels[records.clone()]),
            Targets::Values(values) => {
                Targets::Values(&values[records.start * outputs..records.end * outputs])
            }
        }
    }
}
