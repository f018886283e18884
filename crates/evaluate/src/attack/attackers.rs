//! The attackers: classifiers of rows of features into members and others.

use super::AttackError;
use crate::descent::{Descent, Direction};
use rescind::NetworkModel;
use rescind::training::Optimiser;
use rescind_data::{Selection, epoch_order};
use rescind_network::{Activation, Batch, Execution, Network, Weights, zoo};
use serde::{Deserialize, Serialize};
use smartcore::ensemble::random_forest_regressor::{
    RandomForestRegressor, RandomForestRegressorParameters,
};
use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linear::logistic_regression::{LogisticRegression, LogisticRegressionParameters};
use smartcore::tree::decision_tree_regressor::{
    DecisionTreeRegressor, DecisionTreeRegressorParameters,
};
use std::sync::Arc;

/// A classifier. Its features are standardised by the records it is fitted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attacker {
    /// Logistic regression with an L2 penalty of 1 on the sum of losses.
    LogisticRegression,
    /// One regression tree of membership, at most 6 deep, leaves of at least 10: its score is the
    /// share of members in the leaf. Squared error on 0 and 1 is Gini's impurity.
    DecisionTree,
    /// The mean of 50 such trees on bootstrap samples, at most 10 deep, leaves of at least 5.
    RandomForest,
    /// A multilayer perceptron with one hidden layer of 32 tanh units: 40 epochs of Adam.
    Mlp,
}

/// Rows to learn from, with their membership.
pub(super) struct Known<'a> {
    pub rows: &'a [Vec<f64>],
    pub members: &'a [bool],
}

impl Attacker {
    /// All of them.
    pub const ALL: [Attacker; 4] = [
        Attacker::LogisticRegression,
        Attacker::DecisionTree,
        Attacker::RandomForest,
        Attacker::Mlp,
    ];

    fn name(self) -> &'static str {
        match self {
            Attacker::LogisticRegression => "logistic-regression",
            Attacker::DecisionTree => "decision-tree",
            Attacker::RandomForest => "random-forest",
            Attacker::Mlp => "mlp",
        }
    }

    /// Learns from `known` and gives every row of `asked` its probability of membership.
    pub(super) fn scores(
        self,
        known: Known<'_>,
        asked: &[Vec<f64>],
        seed: u64,
    ) -> Result<Vec<f64>, AttackError> {
        let scale = Scale::of(known.rows);
        let (rows, asked) = (scale.apply(known.rows), scale.apply(asked));
        let failed = |error: smartcore::error::Failed| AttackError::Fit {
            attacker: self.name(),
            reason: error.to_string(),
        };
        match self {
            Attacker::Mlp => perceptron(&rows, known.members, &asked, seed),
            Attacker::LogisticRegression => {
                let x = matrix(rows).map_err(failed)?;
                let y: Vec<u32> = known.members.iter().map(|&m| u32::from(m)).collect();
                let settings = LogisticRegressionParameters::default().with_alpha(1.0);
                let fitted = LogisticRegression::fit(&x, &y, settings).map_err(failed)?;
                let (slope, shift) = (fitted.coefficients(), *fitted.intercept().get((0, 0)));
                let score = |row: &Vec<f64>| {
                    let terms = row.iter().enumerate().map(|(k, x)| x * slope.get((0, k)));
                    1.0 / (1.0 + (-(shift + terms.sum::<f64>())).exp())
                };
                Ok(asked.iter().map(score).collect())
            }
            Attacker::DecisionTree => {
                let (x, y) = (matrix(rows).map_err(failed)?, membership(known.members));
                let settings = DecisionTreeRegressorParameters::default()
                    .with_max_depth(6)
                    .with_min_samples_leaf(10);
                let settings = DecisionTreeRegressorParameters {
                    seed: Some(seed),
                    ..settings
                };
                let fitted = DecisionTreeRegressor::fit(&x, &y, settings).map_err(failed)?;
                fitted
                    .predict(&matrix(asked).map_err(failed)?)
                    .map_err(failed)
            }
            Attacker::RandomForest => {
                let (x, y) = (matrix(rows).map_err(failed)?, membership(known.members));
                let settings = RandomForestRegressorParameters::default()
                    .with_n_trees(50)
                    .with_max_depth(10)
                    .with_min_samples_leaf(5)
                    .with_seed(seed);
                let fitted = RandomForestRegressor::fit(&x, &y, settings).map_err(failed)?;
                fitted
                    .predict(&matrix(asked).map_err(failed)?)
                    .map_err(failed)
            }
        }
    }
}

fn membership(members: &[bool]) -> Vec<f64> {
    members
        .iter()
        .map(|&member| f64::from(u8::from(member)))
        .collect()
}

fn matrix(rows: Vec<Vec<f64>>) -> Result<DenseMatrix<f64>, smartcore::error::Failed> {
    DenseMatrix::from_2d_vec(&rows)
}

/// Mean and deviation of every feature.
struct Scale(Vec<(f64, f64)>);

impl Scale {
    fn of(rows: &[Vec<f64>]) -> Self {
        let count = rows.len().max(1) as f64;
        let features = rows.first().map_or(0, Vec::len);
        let of = |k: usize| {
            let mean = rows.iter().map(|row| row[k]).sum::<f64>() / count;
            let squares: f64 = rows.iter().map(|row| (row[k] - mean).powi(2)).sum();
            let deviation = (squares / count).sqrt();
            // A feature that never varies says nothing: leave it at zero.
            let usable = deviation > 1e-12 * (1.0 + mean.abs());
            (mean, if usable { deviation } else { f64::INFINITY })
        };
        Scale((0..features).map(of).collect())
    }

    fn apply(&self, rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let scaled = |row: &Vec<f64>| {
            let scaled = row.iter().zip(&self.0);
            scaled
                .map(|(x, (mean, deviation))| (x - mean) / deviation)
                .collect()
        };
        rows.iter().map(scaled).collect()
    }
}

const EPOCHS: u64 = 40;

fn perceptron(
    rows: &[Vec<f64>],
    members: &[bool],
    asked: &[Vec<f64>],
    seed: u64,
) -> Result<Vec<f64>, AttackError> {
    let width = rows.first().map_or(0, Vec::len);
    let description = zoo::mlp(&[width], &[32], 2, Activation::Tanh, zoo::Norm::None)?;
    let network = Network::new(description)?;
    let mut model = NetworkModel::new(&network);
    model.penalty = 1e-3;
    // The network is too small for a second thread to help.
    model.execution = Arc::new(Execution::new(1, 1 << 28)?);
    let start = Weights {
        parameters: network.initialise(seed),
        statistics: Vec::new(),
    };
    let mut descent = Descent::new(&model, &start, Optimiser::adam(5e-3), 0.1)?;
    let narrow = |row: &Vec<f64>| row.iter().map(|&x| x as f32).collect::<Vec<f32>>();
    for epoch in 0..EPOCHS {
        let order = epoch_order(&Selection::all(rows.len()), seed, epoch);
        for batch in order.chunks(64) {
            let inputs: Vec<f32> = batch
                .iter()
                .flat_map(|&place| narrow(&rows[place]))
                .collect();
            let labels: Vec<u32> = batch
                .iter()
                .map(|&place| u32::from(members[place]))
                .collect();
            descent.step(Batch::classes(&inputs, &labels), Direction::Down)?;
        }
    }
    let inputs: Vec<f32> = asked.iter().flat_map(narrow).collect();
    let logits = model
        .evaluator::<f32>()?
        .logits(&descent.weights().parameters, &inputs)?;
    let score = |z: &[f32]| 1.0 / (1.0 + f64::from(z[0] - z[1]).exp());
    Ok(logits.chunks_exact(2).map(score).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Fixture {
        logistic: Case,
    }

    #[derive(Deserialize)]
    struct Case {
        rows: Vec<Vec<f64>>,
        members: Vec<u8>,
        known: usize,
        probabilities: Vec<f64>,
    }

    #[test]
    fn logistic_regression_is_scikit_learns() {
        let text = include_str!("../../tests/fixtures/metrics.json");
        let case = serde_json::from_str::<Fixture>(text).unwrap().logistic;
        let (known, asked) = case.rows.split_at(case.known);
        let members: Vec<bool> = case.members[..case.known].iter().map(|&m| m == 1).collect();
        let known = Known {
            rows: known,
            members: &members,
        };
        let scores = Attacker::LogisticRegression
            .scores(known, asked, 0)
            .unwrap();
        for (found, expected) in scores.iter().zip(&case.probabilities) {
            assert!((found - expected).abs() < 1e-3, "{found} {expected}");
        }
    }

    #[test]
    fn every_attacker_learns_what_can_be_learnt() {
        // Members lie inside a ring: no straight line parts them.
        let ring: Vec<Vec<f64>> = (0..600)
            .map(|i| {
                let (angle, radius) = (f64::from(i) * 2.4, if i % 2 == 0 { 1.0 } else { 2.0 });
                vec![radius * angle.cos(), radius * angle.sin(), 7.0]
            })
            .collect();
        let members: Vec<bool> = (0..600).map(|i| i % 2 == 0).collect();
        let right = |attacker: Attacker| {
            let known = Known {
                rows: &ring[..400],
                members: &members[..400],
            };
            let scores = attacker.scores(known, &ring[400..], 1).unwrap();
            let pairs = scores.iter().zip(&members[400..]);
            pairs
                .filter(|(score, member)| (**score > 0.5) == **member)
                .count()
        };
        for attacker in [
            Attacker::DecisionTree,
            Attacker::RandomForest,
            Attacker::Mlp,
        ] {
            assert!(
                right(attacker) > 180,
                "{attacker:?}: {} of 200",
                right(attacker)
            );
        }
        assert!(right(Attacker::LogisticRegression) < 140);
    }
}
