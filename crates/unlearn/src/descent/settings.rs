//! What a descent on a strongly convex objective is asked to reach, and how.

use crate::error::Error;
use crate::setting::require;
use serde::{Deserialize, Serialize};

/// Settings of a [`Minimiser`](super::Minimiser).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvexSettings {
    /// μ > 0: the strength of the penalty, which makes the objective strongly convex.
    pub penalty: f64,
    /// G > 0: the gradient norm to reach.
    pub gradient_bound: f64,
    /// Most directions of a round, at least 1.
    pub max_products: u64,
    /// Seed of the preconditioners' samples.
    pub seed: u64,
}

impl ConvexSettings {
    /// Defaults for these two: at most 1000 directions a round, seed 0.
    pub fn new(penalty: f64, gradient_bound: f64) -> Self {
        ConvexSettings {
            penalty,
            gradient_bound,
            max_products: 1000,
            seed: 0,
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::Setting`] names the first that is out of range.
    pub fn validate(&self) -> Result<(), Error> {
        let positive = |setting, value: f64| {
            let valid = value > 0.0 && value.is_finite();
            require(valid, setting, value, "a finite number above 0")
        };
        positive("the penalty of a convex model", self.penalty)?;
        positive("the gradient norm to reach", self.gradient_bound)?;
        let most = self.max_products;
        require(
            most > 0,
            "the most directions of a round",
            0.0,
            "at least 1",
        )
    }
}
