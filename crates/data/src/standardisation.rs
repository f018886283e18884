//! Shifting and scaling inputs without leaking the records.

use crate::dataset::Dataset;
use crate::digest::Digest;
use crate::selection::Selection;
use crate::source::DataSource;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where a standardisation's numbers come from. A mean computed on D is a function of every record
/// of D, the deleted ones included, and nothing adds noise to it (docs/theory.md §6): a certificate must
/// know which of these it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// Values are left as they are.
    None,
    /// Constants fixed before, and whatever, records are held: retraining without some of them
    /// would use the same.
    Fixed,
    /// Constants the user gave and vouches for; nobody checks that they were not computed on the
    /// records.
    Supplied,
    /// Computed on records of the dataset, which the numbers therefore reveal something about.
    ComputedOn {
        /// Number of records.
        records: usize,
        /// [`Selection::digest`] of the selection computed on.
        selection: Digest,
    },
}

/// `(x − mean) / std`, one pair per channel of pictures or per column of tables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Standardisation {
    mean: Vec<f32>,
    std: Vec<f32>,
    provenance: Provenance,
}

/// Why inputs cannot be standardised.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum StandardisationError {
    /// Not one mean and one standard deviation per channel or column.
    #[error("{mean} means and {std} standard deviations for {expected} channels: give one each")]
    Channels {
        /// Means given.
        mean: usize,
        /// Standard deviations given.
        std: usize,
        /// Channels or columns.
        expected: usize,
    },
    /// A mean that is not finite, or a standard deviation that is not finite and positive.
    #[error(
        "channel {channel} has mean {mean} and standard deviation {std}: expected finite numbers, the second positive"
    )]
    Constants {
        /// Channel or column.
        channel: usize,
        /// Its mean.
        mean: f32,
        /// Its standard deviation.
        std: f32,
    },
    /// A value that leaves the range of f32 when standardised.
    #[error(
        "record {position} leaves the range of 32-bit numbers when standardised: rescale its column"
    )]
    Overflow {
        /// Position of the record.
        position: usize,
    },
    /// The dataset has been standardised before.
    #[error("the dataset is standardised already: load it again to standardise it otherwise")]
    Twice,
    /// A selection without records, or of a dataset of another size.
    #[error(
        "{selected} of {found} records selected, the dataset has {expected}: select at least one of its records"
    )]
    Selection {
        /// Records selected.
        selected: usize,
        /// Records of the dataset the selection speaks of.
        found: usize,
        /// Records of this dataset.
        expected: usize,
    },
}

/// Pictures have one constant per channel, tables one per column: the first dimension of both.
fn channels(dataset: &Dataset) -> usize {
    dataset.input_shape().first().copied().unwrap_or(0)
}

impl Standardisation {
    /// Leaves values as they are.
    pub fn none(dataset: &Dataset) -> Self {
        let channels = channels(dataset);
        Self {
            mean: vec![0.0; channels],
            std: vec![1.0; channels],
            provenance: Provenance::None,
        }
    }

    /// The constants customary for a published dataset; 0.5 and 0.5, which map \[0, 1\] to
    /// \[−1, 1\], for the digits and for folders of pictures. `None` for tables: nothing is known
    /// about their columns beforehand.
    ///
    /// The constants of `mnist`, `cifar10`, `cifar100` and `svhn` were once computed on the published training
    /// sets. They count as fixed because they are public and nobody recomputes them: retraining
    /// without some records would use the same.
    pub fn fixed(source: &DataSource, dataset: &Dataset) -> Option<Self> {
        let (mean, std) = match source {
            DataSource::Mnist(_) => (vec![0.1307], vec![0.3081]),
            DataSource::Cifar10(_) => (vec![0.4914, 0.4822, 0.4465], vec![0.2470, 0.2435, 0.2616]),
            DataSource::Cifar100(_) => (vec![0.5071, 0.4865, 0.4409], vec![0.2673, 0.2564, 0.2762]),
            DataSource::Svhn(_) => (vec![0.4377, 0.4438, 0.4728], vec![0.1980, 0.2010, 0.1970]),
            DataSource::Digits | DataSource::Images { .. } => {
                let half = vec![0.5; channels(dataset)];
                (half.clone(), half)
            }
            DataSource::Table { .. } | DataSource::Arrays { .. } => return None,
        };
        Some(Self {
            mean,
            std,
            provenance: Provenance::Fixed,
        })
    }

    /// The user's own constants, one mean and one positive standard deviation per channel or
    /// column, such as the known range of a table's columns.
    ///
    /// # Errors
    /// [`StandardisationError`] unless both have one length, all are finite, and every standard
    /// deviation is positive.
    pub fn supplied(mean: Vec<f32>, std: Vec<f32>) -> Result<Self, StandardisationError> {
        Self::checked(mean, std, Provenance::Supplied)
    }

    /// Mean and (population) standard deviation of the selected records, accumulated in f64 in a
    /// fixed order. A channel that is constant is only shifted (its `std` is 1).
    ///
    /// The numbers depend on the records: compute them on the retain set, after the noise, or
    /// accept that they are outside the guarantee (docs/theory.md §6).
    ///
    /// # Errors
    /// [`StandardisationError::Selection`] for an empty selection or one of another dataset,
    /// [`StandardisationError::Twice`] for values already standardised.
    pub fn computed_on(dataset: &Dataset, on: &Selection) -> Result<Self, StandardisationError> {
        if dataset.is_standardised() {
            return Err(StandardisationError::Twice);
        }
        if on.is_empty() || on.records() != dataset.len() {
            return Err(StandardisationError::Selection {
                selected: on.len(),
                found: on.records(),
                expected: dataset.len(),
            });
        }
        let channels = channels(dataset);
        let plane = dataset.input_len() / channels;
        let count = (on.len() * plane) as f64;
        let mut mean = vec![0.0_f64; channels];
        for input in on
            .positions()
            .iter()
            .filter_map(|&position| dataset.input(position))
        {
            for (sum, values) in mean.iter_mut().zip(input.chunks(plane)) {
                *sum += values.iter().map(|&value| f64::from(value)).sum::<f64>();
            }
        }
        mean.iter_mut().for_each(|sum| *sum /= count);
        let mut variance = vec![0.0_f64; channels];
        for input in on
            .positions()
            .iter()
            .filter_map(|&position| dataset.input(position))
        {
            for ((sum, values), mean) in variance.iter_mut().zip(input.chunks(plane)).zip(&mean) {
                *sum += values
                    .iter()
                    .map(|&value| (f64::from(value) - mean).powi(2))
                    .sum::<f64>();
            }
        }
        // Rounding alone can give a constant column a tiny positive variance.
        let std = variance.iter().zip(&mean).map(|(sum, mean)| {
            let std = (sum / count).sqrt();
            if std > mean.abs() * 1e-7 {
                std as f32
            } else {
                1.0
            }
        });
        let provenance = Provenance::ComputedOn {
            records: on.len(),
            selection: on.digest(),
        };
        let std = std.collect();
        Self::checked(
            mean.iter().map(|&mean| mean as f32).collect(),
            std,
            provenance,
        )
    }

    /// The mean per channel or column.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// The standard deviation per channel or column, each positive.
    pub fn std(&self) -> &[f32] {
        &self.std
    }

    /// Where the numbers come from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Standardises all inputs in place.
    ///
    /// # Errors
    /// [`StandardisationError`], with the dataset unchanged, if it has another number of channels,
    /// has been standardised before, or holds a value that would overflow.
    pub fn apply(&self, dataset: &mut Dataset) -> Result<(), StandardisationError> {
        let expected = channels(dataset);
        if self.mean.len() != expected || self.std.len() != expected {
            let (mean, std) = (self.mean.len(), self.std.len());
            return Err(StandardisationError::Channels {
                mean,
                std,
                expected,
            });
        }
        if dataset.is_standardised() {
            return Err(StandardisationError::Twice);
        }
        if self.provenance == Provenance::None {
            return Ok(());
        }
        let plane = dataset.input_len() / expected;
        let scale = || self.mean.iter().zip(&self.std).cycle();
        for (i, (values, (mean, std))) in dataset.inputs().chunks(plane).zip(scale()).enumerate() {
            if values
                .iter()
                .any(|value| !((value - mean) / std).is_finite())
            {
                return Err(StandardisationError::Overflow {
                    position: i / expected,
                });
            }
        }
        for (values, (mean, std)) in dataset.standardise().chunks_mut(plane).zip(scale()) {
            values
                .iter_mut()
                .for_each(|value| *value = (*value - mean) / std);
        }
        Ok(())
    }

    fn checked(
        mean: Vec<f32>,
        std: Vec<f32>,
        provenance: Provenance,
    ) -> Result<Self, StandardisationError> {
        if mean.len() != std.len() {
            let (expected, std) = (mean.len(), std.len());
            return Err(StandardisationError::Channels {
                mean: expected,
                std,
                expected,
            });
        }
        for (channel, (&mean, &std)) in mean.iter().zip(&std).enumerate() {
            if !(mean.is_finite() && std.is_finite() && std > 0.0) {
                return Err(StandardisationError::Constants { channel, mean, std });
            }
        }
        Ok(Self {
            mean,
            std,
            provenance,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    mean: Vec<f32>,
    std: Vec<f32>,
    provenance: Provenance,
}

impl From<Standardisation> for Written {
    fn from(
        Standardisation {
            mean,
            std,
            provenance,
        }: Standardisation,
    ) -> Self {
        Self {
            mean,
            std,
            provenance,
        }
    }
}

impl TryFrom<Written> for Standardisation {
    type Error = StandardisationError;

    fn try_from(written: Written) -> Result<Self, StandardisationError> {
        Self::checked(written.mean, written.std, written.provenance)
    }
}
