//! Records and their targets, borrowed.

use crate::error::check_len;
use crate::scalar::Scalar;
use crate::{Loss, Network, NetworkError, Targets};
use std::ops::Range;

/// Records to evaluate on: their inputs one after another, each in channel, row, column order, and
/// their targets.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a, T> {
    /// The inputs, record after record.
    pub inputs: &'a [T],
    pub(crate) targets: Targets<'a, T>,
    pub(crate) weights: Option<&'a [T]>,
}

impl<'a, T: Scalar> Batch<'a, T> {
    /// Records with their targets.
    pub fn new(inputs: &'a [T], targets: Targets<'a, T>) -> Self {
        Batch {
            inputs,
            targets,
            weights: None,
        }
    }

    /// Records with a class each.
    pub fn classes(inputs: &'a [T], labels: &'a [u32]) -> Self {
        Batch::new(inputs, Targets::Classes(labels))
    }

    /// With a weight a_i ≥ 0 for every record, so that the mean loss is `(1/n) Σ a_i ℓ_i`: n stays
    /// the number of records. What is told of single records is unweighted.
    pub fn weighted(self, weights: &'a [T]) -> Self {
        Batch {
            weights: Some(weights),
            ..self
        }
    }

    /// The weights of some records.
    pub(crate) fn weights(&self, records: &Range<usize>) -> Option<&'a [T]> {
        self.weights.map(|weights| &weights[records.clone()])
    }

    /// Checks shapes and targets and returns the number of records.
    pub(crate) fn check(&self, network: &Network, loss: Loss) -> Result<usize, NetworkError> {
        let records = records_of(self.inputs, network)?;
        if let Some(weights) = self.weights {
            check_len("weights of records", weights.len(), records)?;
            let bad = |a: &T| !(a.is_finite() && *a >= T::zero());
            if let Some(record) = weights.iter().position(bad) {
                let reason = format!(
                    "weights are finite and at least 0, found {}",
                    weights[record].as_f64()
                );
                return Err(NetworkError::BadTarget { record, reason });
            }
        }
        let outputs = network.outputs();
        let wrong_length = |found, expected| {
            Err(NetworkError::WrongLength {
                what: "targets",
                found,
                expected,
            })
        };
        match (self.targets, loss) {
            (Targets::Classes(labels), _) => {
                if labels.len() != records {
                    return wrong_length(labels.len(), records);
                }
                match labels.iter().position(|&label| label as usize >= outputs) {
                    Some(record) => Err(NetworkError::LabelOutOfRange {
                        record,
                        label: labels[record],
                        classes: outputs,
                    }),
                    None => Ok(records),
                }
            }
            (Targets::Values(values), _) => {
                if values.len() != records * outputs {
                    return wrong_length(values.len(), records * outputs);
                }
                for (record, row) in values.chunks_exact(outputs).enumerate() {
                    let bad = |reason: String| Err(NetworkError::BadTarget { record, reason });
                    if row.iter().any(|x| !x.is_finite()) {
                        return bad("it has a value that is not finite".to_owned());
                    }
                    if loss == Loss::SoftmaxCrossEntropy {
                        let sum: f64 = row.iter().map(|x| x.as_f64()).sum();
                        if row.iter().any(|&x| x < T::zero()) || (sum - 1.0).abs() > 1e-4 {
                            return bad(format!(
                                "soft labels must be probabilities that sum to one, found sum {sum}"
                            ));
                        }
                    }
                }
                Ok(records)
            }
        }
    }
}

/// How many records `inputs` holds.
pub(crate) fn records_of<T>(inputs: &[T], network: &Network) -> Result<usize, NetworkError> {
    let len = network.input_shape().len();
    if inputs.is_empty() {
        return Err(NetworkError::EmptyBatch);
    }
    if !inputs.len().is_multiple_of(len) {
        return Err(NetworkError::WrongLength {
            what: "batch",
            found: inputs.len(),
            expected: inputs.len().div_ceil(len) * len,
        });
    }
    Ok(inputs.len() / len)
}
