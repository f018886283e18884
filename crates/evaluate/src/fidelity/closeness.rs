//! Scores over a set of records, and how alike two models answer.

use super::Outputs;
use serde::{Deserialize, Serialize};

/// How a model does on a set of records. All are 0 over no record.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scores {
    /// Number of records.
    pub records: usize,
    /// Mean cross-entropy in nats, without penalty.
    pub loss: f64,
    /// Share classified right, from 0 to 1.
    pub accuracy: f64,
    /// `2 TP / (2 TP + FP + FN)` over all classes together, from 0 to 1. Where every record has
    /// one label, as here, it equals the accuracy; it is what the base paper reports.
    pub micro_f1: f64,
}

impl Scores {
    /// The scores of these outputs.
    pub fn of(outputs: &Outputs) -> Self {
        let records = outputs.len();
        let share = 1.0 / records.max(1) as f64;
        let mut counts = vec![[0_u64; 3]; outputs.classes()];
        for (&label, prediction) in outputs.labels().iter().zip(outputs.predictions()) {
            if label == prediction {
                counts[label as usize][0] += 1;
            } else {
                counts[prediction as usize][1] += 1;
                counts[label as usize][2] += 1;
            }
        }
        let total = |which: usize| counts.iter().map(|class| class[which]).sum::<u64>() as f64;
        let (right, false_positive, false_negative) = (total(0), total(1), total(2));
        let micro_f1 = match records {
            0 => 0.0,
            _ => 2.0 * right / (2.0 * right + false_positive + false_negative),
        };
        Scores {
            records,
            loss: outputs.losses().iter().sum::<f64>() * share,
            accuracy: right * share,
            micro_f1,
        }
    }
}

/// The mean over records of the Jensen–Shannon divergence between two models' predictive
/// distributions, in nats: from 0 (the same) to ln 2. `None` over no record, or if the two do not
/// speak of the same records and classes.
pub fn divergence(a: &Outputs, b: &Outputs) -> Option<f64> {
    if !comparable(a, b) {
        return None;
    }
    let total: f64 = a
        .probabilities()
        .iter()
        .zip(b.probabilities())
        .map(|(&p, q)| {
            let mean = 0.5 * (p + q);
            let part = |x: f64| {
                if x > 0.0 {
                    0.5 * x * (x / mean).ln()
                } else {
                    0.0
                }
            };
            part(p) + part(q)
        })
        .sum();
    // Rounding can leave a hair below zero.
    Some((total / a.len() as f64).max(0.0))
}

/// The share of records that two models put in the same class, from 0 to 1. `None` as for
/// [`divergence`].
pub fn agreement(a: &Outputs, b: &Outputs) -> Option<f64> {
    if !comparable(a, b) {
        return None;
    }
    let pairs = a.predictions().into_iter().zip(b.predictions());
    Some(pairs.filter(|(a, b)| a == b).count() as f64 / a.len() as f64)
}

fn comparable(a: &Outputs, b: &Outputs) -> bool {
    !a.is_empty() && a.classes() == b.classes() && a.labels() == b.labels()
}
