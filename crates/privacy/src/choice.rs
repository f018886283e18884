//! What is asked of the noise.

use serde::{Deserialize, Serialize};

/// How much noise a release gets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum NoiseChoice {
    /// σ is given; ε at δ follows, however large.
    Sigma {
        /// Standard deviation of the noise on every parameter, above 0.
        sigma: f64,
        /// δ at which ε is stated, above 0 and below 1.
        delta: f64,
    },
    /// (ε, δ) is given; σ follows.
    Promise {
        /// ε, at least 0.
        epsilon: f64,
        /// δ, above 0 and below 1; failure probabilities of constants are paid out of it.
        delta: f64,
    },
}

impl NoiseChoice {
    /// δ, as given.
    #[must_use]
    pub fn delta(&self) -> f64 {
        match *self {
            Self::Sigma { delta, .. } | Self::Promise { delta, .. } => delta,
        }
    }
}
