//! What a model says of records.

use rescind::{Error, NetworkModel};
use rescind_data::{Dataset, Selection};

/// Records whose outputs are computed at a time.
const GROUP: usize = 4096;

/// The logits of n records over k classes, and the records' labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Outputs {
    classes: usize,
    logits: Vec<f32>,
    labels: Vec<u32>,
}

/// Numbers that are not a model's outputs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutputsError {
    /// Not k logits for every label.
    #[error(
        "{logits} logits for {labels} labels of {classes} classes: expected one per label and class"
    )]
    Length {
        /// Logits given.
        logits: usize,
        /// Labels given.
        labels: usize,
        /// Classes.
        classes: usize,
    },
    /// A label that is no class, or a logit that is not a finite number.
    #[error(
        "record {record} has a label above the {classes} classes or a logit that is not finite"
    )]
    Value {
        /// Its place.
        record: usize,
        /// Classes.
        classes: usize,
    },
}

impl Outputs {
    /// `logits` is n × k, record by record.
    ///
    /// # Errors
    /// Lengths that do not fit, a label of no class, a logit that is not finite.
    pub fn new(classes: usize, logits: Vec<f32>, labels: Vec<u32>) -> Result<Self, OutputsError> {
        if labels.len().checked_mul(classes) != Some(logits.len()) || classes == 0 {
            let (logits, labels) = (logits.len(), labels.len());
            return Err(OutputsError::Length {
                logits,
                labels,
                classes,
            });
        }
        let rows = logits.chunks_exact(classes).zip(&labels);
        let wrong = |(row, &label): (&[f32], &u32)| {
            label as usize >= classes || row.iter().any(|z| !z.is_finite())
        };
        match rows.map(wrong).position(|wrong| wrong) {
            Some(record) => Err(OutputsError::Value { record, classes }),
            None => Ok(Outputs {
                classes,
                logits,
                labels,
            }),
        }
    }

    /// What the model with parameters `w` says of selected records.
    ///
    /// # Errors
    /// Weights or records that do not fit the network, values that are not finite.
    pub fn of(
        model: &NetworkModel<'_>,
        w: &[f32],
        dataset: &Dataset,
        selection: &Selection,
    ) -> Result<Self, Error> {
        let classes = model.network.outputs();
        let (mut inputs, mut own) = (Vec::new(), Vec::new());
        let (mut logits, mut labels) = (Vec::new(), Vec::new());
        for group in selection.positions().chunks(GROUP) {
            dataset.copy_batch(group, &mut inputs, &mut own)?;
            logits.extend(model.logits(w, &inputs)?);
            labels.extend_from_slice(&own);
        }
        Ok(Outputs {
            classes,
            logits,
            labels,
        })
    }

    /// The mean of the posteriors of several models over the same records, as logits.
    ///
    /// # Errors
    /// No model; other records or classes among them.
    pub fn averaged(models: &[Outputs]) -> Result<Self, OutputsError> {
        let (classes, labels) = match models {
            [] => (0, Vec::new()),
            [first, ..] => (first.classes, first.labels.clone()),
        };
        let one = labels.len() * classes;
        let differs = |other: &&Outputs| other.classes != classes || other.labels != labels;
        if let Some(other) = models.iter().find(differs) {
            return Err(OutputsError::Length {
                logits: other.logits.len(),
                labels: labels.len(),
                classes,
            });
        }
        let logs: Vec<Vec<f32>> = models.iter().map(Outputs::log_probabilities).collect();
        let share = (models.len().max(1) as f64).ln();
        let mean = |at: usize| (log_sum_exp(logs.iter().map(|log| log[at])) - share) as f32;
        Self::new(classes, (0..one).map(mean).collect(), labels)
    }

    fn log_probabilities(&self) -> Vec<f32> {
        let rows = self.logits.chunks_exact(self.classes);
        let logs = rows.flat_map(|row| {
            let sum = log_sum_exp(row.iter().copied());
            row.iter().map(move |&z| (f64::from(z) - sum) as f32)
        });
        logs.collect()
    }

    /// The records at these places, each below [`len`](Self::len), in this order.
    #[must_use]
    pub fn at(&self, places: &[usize]) -> Self {
        let rows = places.iter().filter_map(|&place| self.row(place));
        Outputs {
            classes: self.classes,
            logits: rows.flatten().copied().collect(),
            labels: places
                .iter()
                .filter_map(|&place| self.labels.get(place).copied())
                .collect(),
        }
    }

    fn row(&self, place: usize) -> Option<&[f32]> {
        self.logits
            .get(place * self.classes..(place + 1) * self.classes)
    }

    /// Number n of records.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Number k of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The true label of every record.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The softmax of every record, n × k.
    pub fn probabilities(&self) -> Vec<f64> {
        let mut probabilities = Vec::with_capacity(self.logits.len());
        for row in self.logits.chunks_exact(self.classes) {
            let log_sum = log_sum_exp(row.iter().copied());
            probabilities.extend(row.iter().map(|&z| (f64::from(z) - log_sum).exp()));
        }
        probabilities
    }

    /// The cross-entropy of every record.
    pub fn losses(&self) -> Vec<f64> {
        let rows = self.logits.chunks_exact(self.classes).zip(&self.labels);
        rows.map(|(row, &label)| log_sum_exp(row.iter().copied()) - f64::from(row[label as usize]))
            .collect()
    }

    /// `ln(p / (1 − p))` of every record, p being the probability of its label: the confidence on
    /// the scale on which it is close to normal (Carlini et al. 2022). Computed from the logits,
    /// so that it stays finite where p rounds to 1. Unbounded with a single class.
    pub fn scaled_confidences(&self) -> Vec<f64> {
        let rows = self.logits.chunks_exact(self.classes).zip(&self.labels);
        rows.map(|(row, &label)| {
            let others = row.iter().enumerate();
            let others = others.filter(|&(k, _)| k != label as usize);
            f64::from(row[label as usize]) - log_sum_exp(others.map(|(_, &z)| z))
        })
        .collect()
    }

    /// The class of the largest logit, the first of equals, for every record.
    pub fn predictions(&self) -> Vec<u32> {
        let best = |row: &[f32]| {
            let mut best = 0;
            for (k, &z) in row.iter().enumerate() {
                if z > row[best] {
                    best = k;
                }
            }
            best as u32
        };
        self.logits.chunks_exact(self.classes).map(best).collect()
    }
}

/// `ln Σ exp(z)`, without overflow; −∞ over nothing.
fn log_sum_exp(row: impl Iterator<Item = f32> + Clone) -> f64 {
    let top = row
        .clone()
        .fold(f64::NEG_INFINITY, |top, z| top.max(f64::from(z)));
    if top == f64::NEG_INFINITY {
        return top;
    }
    top + row.map(|z| (f64::from(z) - top).exp()).sum::<f64>().ln()
}
