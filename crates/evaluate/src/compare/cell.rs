//! What was measured of one method with one seed.

use crate::attack::{Attack, Performance};
use crate::fidelity::{PhaseCost, Relearn, Scores};
use serde::{Deserialize, Serialize};

/// One method with one seed, measured on sets of records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The seed.
    pub seed: u64,
    /// The method's name in the comparison.
    pub method: String,
    /// What sort of method it is.
    pub kind: CellKind,
    /// What its release promises, if it was released.
    pub promise: Option<Promise>,
    /// How close it is to the retrained model.
    pub fidelity: Fidelity,
    /// The attacks; empty where there were too few records.
    pub attacks: Vec<Attack>,
    /// Why there was no attack, if there was none.
    pub no_attack: Option<String>,
    /// The likelihood-ratio attack, if it was asked for.
    pub likelihood: Option<Performance>,
    /// Seconds of the method itself: loading, measuring and releasing left out. For the original
    /// and the retrained model, of their training.
    pub seconds: f64,
    /// Products with the curvature over all its records.
    pub products: u64,
    /// Products with the curvature of minibatches.
    pub minibatch_products: u64,
    /// What each phase took.
    pub phases: Vec<PhaseCost>,
    /// Seconds that method and measurements took together.
    pub elapsed: f64,
}

/// What sort of method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellKind {
    /// The retrained model: what the others are measured by.
    Reference,
    /// A method that can be released with a certificate.
    Certified,
    /// One whose models never saw the forgotten records: exact by construction.
    Exact,
    /// A method without guarantee; the original model is one.
    Baseline,
}

/// A release's promise, as its certificate states it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    /// ε.
    pub epsilon: f64,
    /// δ.
    pub delta: f64,
    /// Standard deviation of the noise.
    pub sigma: f64,
    /// What the guarantee rests on, by its weakest constant.
    pub kind: String,
}

/// How close a model is to the retrained one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fidelity {
    /// On the forgotten records.
    pub forgotten: SetFidelity,
    /// On the records that stay.
    pub retained: SetFidelity,
    /// On the test records.
    pub test: SetFidelity,
    /// Distance of its weights from the retrained ones; absent for several models.
    pub to_retrained: Option<f64>,
    /// Distance of its weights from the original ones; likewise.
    pub to_original: Option<f64>,
    /// How soon it knows the forgotten records again; likewise.
    pub relearn: Option<Relearn>,
}

/// One set of records.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetFidelity {
    /// How the model does on it.
    pub scores: Scores,
    /// Mean Jensen–Shannon divergence from the retrained model's posteriors, in nats; absent for
    /// an empty set.
    pub divergence: Option<f64>,
    /// Share of records put in the class where the retrained model puts them.
    pub agreement: Option<f64>,
}
