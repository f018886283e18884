use std::fmt;

use serde::{Deserialize, Serialize};

use super::{SpectrumError, SpectrumEstimate};
use crate::InvalidSetting;

/// The least damping that makes a measured system definite and well enough conditioned, and why;
/// its [`Display`](fmt::Display) is the explanation.
///
/// With bounds `ℓ ≤ λ_min` and `u ≥ λ_max`, `H + λI` has condition number at most
/// `(u + λ)/(ℓ + λ)`. That is at most κ exactly from `λ = (u − κℓ)/(κ − 1)` on, which exceeds −ℓ,
/// so the system is positive definite; 0 if that is negative.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SuggestedDamping {
    /// The damping λ suggested.
    pub damping: f64,
    /// ℓ, the lower bound on λ_min.
    pub lambda_min_lower: f64,
    /// u, the upper bound on λ_max.
    pub lambda_max_upper: f64,
    /// κ, the condition number asked for.
    pub condition_number: f64,
    /// The probability that the bounds do not hold.
    pub failure_probability: f64,
}

impl SuggestedDamping {
    /// The damping that keeps the condition number below `condition_number > 1`, except with
    /// probability `failure_probability`. CG then needs about `½ √κ ln(2/tolerance)` products.
    ///
    /// # Errors
    /// A condition number that is not above 1 and finite, or those of
    /// [`SpectrumEstimate::lambda_min_lower`].
    pub fn new(
        spectrum: &SpectrumEstimate,
        condition_number: f64,
        failure_probability: f64,
    ) -> Result<Self, SpectrumError> {
        InvalidSetting::unless(
            condition_number > 1.0 && condition_number.is_finite(),
            "condition_number",
            condition_number,
            "a finite number above 1",
        )?;
        let lambda_min_lower = spectrum.lambda_min_lower(failure_probability)?;
        let lambda_max_upper = spectrum.lambda_max_upper(failure_probability)?;
        let damping =
            (lambda_max_upper - condition_number * lambda_min_lower) / (condition_number - 1.0);
        Ok(Self {
            damping: damping.max(0.0),
            lambda_min_lower,
            lambda_max_upper,
            condition_number,
            failure_probability,
        })
    }
}

impl fmt::Display for SuggestedDamping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "damping {:.3e}: the eigenvalues lie in [{:.3e}, {:.3e}] except with probability {:.0e}, \
             so the damping must exceed {:.3e} for a positive-definite system, and this is the least \
             that keeps its condition number below {:.3e}",
            self.damping,
            self.lambda_min_lower,
            self.lambda_max_upper,
            self.failure_probability,
            (-self.lambda_min_lower).max(0.0),
            self.condition_number,
        )
    }
}
