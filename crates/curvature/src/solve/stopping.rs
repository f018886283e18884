use serde::{Deserialize, Serialize};

use crate::InvalidSetting;

/// When an iterative solver stops by itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stopping {
    /// Converged means `‖g − (H + λI)x‖ ≤ relative_tolerance · ‖g‖`, as recomputed from scratch. In
    /// [0, 1). Rounding sets a floor near `κ` times the scalar's precision, κ being the condition
    /// number: a tolerance below it ends in [`Ending::Stagnated`](crate::Ending::Stagnated).
    pub relative_tolerance: f64,
    /// Most products the iteration may take, at least 1. The product that recomputes the residual
    /// of the answer comes on top.
    pub max_products: u64,
}

impl Default for Stopping {
    /// Relative tolerance 1e-4, at most 1000 products.
    fn default() -> Self {
        Self {
            relative_tolerance: 1e-4,
            max_products: 1000,
        }
    }
}

impl Stopping {
    pub(super) fn validate(&self) -> Result<(), InvalidSetting> {
        validate_tolerance(self.relative_tolerance)?;
        InvalidSetting::unless_positive("max_products", self.max_products)
    }
}

pub(super) fn validate_tolerance(relative_tolerance: f64) -> Result<(), InvalidSetting> {
    InvalidSetting::unless(
        (0.0..1.0).contains(&relative_tolerance),
        "relative_tolerance",
        relative_tolerance,
        "in [0, 1)",
    )
}
