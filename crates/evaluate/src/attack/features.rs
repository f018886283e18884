//! What an attacker sees of a record.

use crate::fidelity::Outputs;
use serde::{Deserialize, Serialize};

/// What is made of a record's posteriors (all but the first after Chen et al. 2021, who attack
/// the pair of the original and the unlearned model).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Features {
    /// The unlearned model's posterior in descending order, and its loss on the true label.
    Posterior,
    /// Original minus unlearned posterior, class by class.
    DirectDifference,
    /// The same, classes in descending order of the original posterior.
    SortedDifference,
    /// Both posteriors, class by class.
    DirectConcatenation,
    /// The same, classes in descending order of the original posterior.
    SortedConcatenation,
    /// The Euclidean distance between the two posteriors.
    Distance,
}

impl Features {
    /// All of them.
    pub const ALL: [Features; 6] = [
        Features::Posterior,
        Features::DirectDifference,
        Features::SortedDifference,
        Features::DirectConcatenation,
        Features::SortedConcatenation,
        Features::Distance,
    ];

    /// Whether they need the original model's outputs.
    pub fn of_pair(self) -> bool {
        self != Features::Posterior
    }

    /// One row of features per record. `original` speaks of the same records as `unlearned`.
    pub(super) fn rows(self, original: &Outputs, unlearned: &Outputs) -> Vec<Vec<f64>> {
        let classes = unlearned.classes();
        let (before, after) = (original.probabilities(), unlearned.probabilities());
        let pairs = before
            .chunks_exact(classes)
            .zip(after.chunks_exact(classes));
        let rows = pairs.zip(unlearned.losses());
        rows.map(|((before, after), loss)| self.row(before, after, loss))
            .collect()
    }

    fn row(self, before: &[f64], after: &[f64], loss: f64) -> Vec<f64> {
        let difference = |(before, after): (&f64, &f64)| before - after;
        match self {
            Features::Posterior => {
                let mut row = after.to_vec();
                row.sort_by(|a, b| b.total_cmp(a));
                row.push(loss);
                row
            }
            Features::DirectDifference => before.iter().zip(after).map(difference).collect(),
            Features::SortedDifference => {
                let (before, after) = sorted(before, after);
                before.iter().zip(&after).map(difference).collect()
            }
            Features::DirectConcatenation => [before, after].concat(),
            Features::SortedConcatenation => {
                let (before, after) = sorted(before, after);
                [before, after].concat()
            }
            Features::Distance => {
                let squares = before
                    .iter()
                    .zip(after)
                    .map(|pair| difference(pair).powi(2));
                vec![squares.sum::<f64>().sqrt()]
            }
        }
    }
}

/// Both posteriors, classes in descending order of the first.
fn sorted(before: &[f64], after: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut order: Vec<usize> = (0..before.len()).collect();
    order.sort_by(|&a, &b| before[b].total_cmp(&before[a]));
    let pick = |of: &[f64]| order.iter().map(|&class| of[class]).collect();
    (pick(before), pick(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_what_their_names_say() {
        let (before, after) = ([0.2, 0.7, 0.1], [0.3, 0.3, 0.4]);
        let near = |features: Features, expected: &[f64]| {
            let row = features.row(&before, &after, 1.25);
            assert_eq!(row.len(), expected.len());
            let apart = row.iter().zip(expected).map(|(a, b)| (a - b).abs());
            assert!(apart.fold(0.0, f64::max) < 1e-12, "{features:?} {row:?}");
        };
        near(Features::Posterior, &[0.4, 0.3, 0.3, 1.25]);
        near(Features::DirectDifference, &[-0.1, 0.4, -0.3]);
        near(Features::SortedDifference, &[0.4, -0.1, -0.3]);
        near(
            Features::DirectConcatenation,
            &[0.2, 0.7, 0.1, 0.3, 0.3, 0.4],
        );
        near(
            Features::SortedConcatenation,
            &[0.7, 0.2, 0.1, 0.3, 0.3, 0.4],
        );
        near(Features::Distance, &[0.26_f64.sqrt()]);
    }
}
