//! Constants that the theorem of the Newton step needs and nobody can read off a run.

use super::lipschitz::LipschitzSettings;
use crate::error::Error;
use crate::setting::require;
use serde::{Deserialize, Serialize};

/// Constants that the theorem of the Newton step needs and nobody can read off the run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constants {
    /// A Lipschitz constant M of the Hessian within the ball. Without one the theorem gives no
    /// bound, and the ball's diameter alone holds.
    pub hessian_lipschitz: Option<HessianLipschitz>,
    /// The gradient norm G ≥ 0 at which the reference run stops, which is assumed. If absent, that
    /// at which training is asked to stop; without such a setting 0, a reference run that has
    /// converged.
    pub gradient_bound: Option<f64>,
    /// Lanczos steps for a lower bound on the least eigenvalue of the Hessian.
    pub lanczos_steps: usize,
    /// Probability that this lower bound fails, in (0, 1); the certificate adds it to δ.
    pub failure_probability: f64,
}

/// Where a Hessian-Lipschitz constant comes from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum HessianLipschitz {
    /// This M ≥ 0 is taken for granted.
    Assumed {
        /// M.
        value: f64,
    },
    /// M is estimated along random directions and along the step: evidence, not a bound.
    Estimated {
        /// How.
        settings: LipschitzSettings,
    },
}

impl Default for Constants {
    /// No M, G = 0, 100 Lanczos steps, failure probability 1e-6.
    fn default() -> Self {
        Constants {
            hessian_lipschitz: None,
            gradient_bound: None,
            lanczos_steps: 100,
            failure_probability: 1e-6,
        }
    }
}

impl Constants {
    pub(super) fn validate(&self) -> Result<(), Error> {
        let check = |name, value: Option<f64>| {
            let value = value.unwrap_or(0.0);
            require(
                value >= 0.0 && value.is_finite(),
                name,
                value,
                "finite, at least 0",
            )
        };
        let assumed = match self.hessian_lipschitz {
            Some(HessianLipschitz::Assumed { value }) => Some(value),
            _ => None,
        };
        check("the Hessian-Lipschitz constant", assumed)?;
        check("the gradient bound", self.gradient_bound)?;
        require(
            self.lanczos_steps > 0,
            "the Lanczos steps",
            0.0,
            "at least 1",
        )?;
        let failure = self.failure_probability;
        let valid = failure > 0.0 && failure < 1.0;
        require(
            valid,
            "the failure probability",
            failure,
            "between 0 and 1, both excluded",
        )
    }
}
