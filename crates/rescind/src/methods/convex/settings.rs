//! What a descent on a strongly convex objective is asked to reach, and how.

use crate::Error;
use crate::training::require;
use serde::{Deserialize, Serialize};

/// Settings of a [`Minimiser`](super::Minimiser).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvexSettings {
    /// μ > 0: the strength of the penalty, which makes the objective strongly convex.
    pub penalty: f64,
    /// G > 0: the gradient norm to reach.
    pub gradient_bound: f64,
    /// Rank of the preconditioner, at least 1: that many products, and as many vectors of memory.
    pub sketch_rank: usize,
    /// No preconditioner is prepared while the gradient's norm is above this: the curvature is
    /// still changing.
    pub sketch_below: f64,
    /// Most products of a solve, or directions of a round, at least 1.
    pub max_products: u64,
    /// Seed of the preconditioner's random directions.
    pub seed: u64,
}

impl ConvexSettings {
    /// Defaults for these two: rank 128 from a gradient norm of 1e-2 on, at most 1000 products a
    /// solve, seed 0.
    pub fn new(penalty: f64, gradient_bound: f64) -> Self {
        ConvexSettings {
            penalty,
            gradient_bound,
            sketch_rank: 128,
            sketch_below: 1e-2,
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
        positive("sketch_below", self.sketch_below)?;
        let count = |setting, value: u64| require(value > 0, setting, 0.0, "at least 1");
        count("the preconditioner's rank", self.sketch_rank as u64)?;
        count("the most products of a solve", self.max_products)
    }
}
