use serde::{Deserialize, Serialize};

use super::SpectrumError;
use super::lanczos::{LanczosSettings, lanczos, validate};
use crate::{Control, InvalidSetting, LinearOperator, Real};

/// What k Lanczos steps from a random start tell of the extreme eigenvalues.
///
/// The Ritz values lie inside the spectrum: `λ_min ≤ θ_min`, `θ_max ≤ λ_max`. How far outside the
/// eigenvalues can be is bounded with confidence.
///
/// **The bound.** Kuczyński & Woźniakowski (1992, Thm 4.2): from a start uniform on the unit sphere,
/// for 0 < η < 1,
/// `P[θ_min − λ_min > η S] ≤ 1.648 √d e^(−√η (2k−1))` with `S = λ_max − λ_min`,
/// and by the same theorem for −A, whose Krylov spaces are the same, likewise for
/// `λ_max − θ_max > η S`. S itself is unknown: it is at least the Ritz spread
/// `s = θ_max − θ_min`. Take η so that each event has probability at most p/2. Unless one of them
/// happens, so with probability at least 1 − p, both
/// `θ_min − λ_min ≤ η S` and `λ_max − θ_max ≤ η S`; their sum with `s` gives `S ≤ s + 2ηS`, that is
/// `S ≤ s / (1 − 2η)` if η < ½. Hence
/// `λ_min ≥ θ_min − η s / (1 − 2η)` and `λ_max ≤ θ_max + η s / (1 − 2η)`, both at once.
/// With k ≥ d the Ritz values are the eigenvalues and η = 0.
///
/// The theorem speaks of exact arithmetic. A further `k · precision · max|θ|` is conceded to
/// rounding in the process; errors of the operator's own products, beyond those of a dot in its
/// precision, are the caller's to add.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SpectrumEstimate {
    /// Dimension d of the operator.
    pub dim: usize,
    /// Steps k taken, one product each; d at most.
    pub steps: usize,
    /// Least Ritz value: an upper bound on λ_min.
    pub theta_min: f64,
    /// Largest Ritz value: a lower bound on λ_max.
    pub theta_max: f64,
    /// What is conceded to rounding at either end.
    pub rounding: f64,
}

impl SpectrumEstimate {
    /// Takes `settings.steps` Lanczos steps (d at most) with `operator`.
    ///
    /// # Errors
    /// Settings out of range, an operator that returns NaN, or an interruption.
    pub fn measure<T: Real>(
        operator: &impl LinearOperator<T>,
        settings: LanczosSettings,
        control: &mut Control<'_>,
    ) -> Result<Self, SpectrumError> {
        let dim = operator.dim();
        validate(dim, settings.steps)?;
        let ritz = lanczos(operator, settings.steps, settings.seed, 0, control)?;
        let steps = ritz.values.len();
        let theta_min = ritz.values.iter().copied().fold(f64::INFINITY, f64::min);
        let theta_max = ritz
            .values
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        let largest = theta_min.abs().max(theta_max.abs());
        let rounding = steps as f64 * T::precision() * largest + ritz.dropped;
        Ok(Self {
            dim,
            steps,
            theta_min,
            theta_max,
            rounding,
        })
    }

    /// The number below λ_min, except with probability `failure_probability` (over the start, both
    /// ends together).
    ///
    /// # Errors
    /// `failure_probability` is not in (0, 1), or the steps taken are too few for it.
    pub fn lambda_min_lower(&self, failure_probability: f64) -> Result<f64, SpectrumError> {
        Ok(self.theta_min - self.margin(failure_probability)?)
    }

    /// The number above λ_max, except with probability `failure_probability` (over the start, both
    /// ends together).
    ///
    /// # Errors
    /// As [`lambda_min_lower`](Self::lambda_min_lower).
    pub fn lambda_max_upper(&self, failure_probability: f64) -> Result<f64, SpectrumError> {
        Ok(self.theta_max + self.margin(failure_probability)?)
    }

    /// `η s / (1 − 2η)` plus the rounding conceded.
    fn margin(&self, failure_probability: f64) -> Result<f64, SpectrumError> {
        let eta = self.eta(failure_probability)?;
        Ok(eta * (self.theta_max - self.theta_min) / (1.0 - 2.0 * eta) + self.rounding)
    }

    /// The η at which either end fails with probability at most half of `failure_probability`.
    fn eta(&self, failure_probability: f64) -> Result<f64, SpectrumError> {
        InvalidSetting::unless(
            failure_probability > 0.0 && failure_probability < 1.0,
            "failure_probability",
            failure_probability,
            "between 0 and 1, both excluded",
        )?;
        if self.steps >= self.dim {
            return Ok(0.0);
        }
        // ln(1.648 √d / (p/2)), with the logarithm taken apart so that tiny p do not overflow.
        let exponent =
            (2.0 * 1.648_f64).ln() + 0.5 * (self.dim as f64).ln() - failure_probability.ln();
        let eta = (exponent / (2.0 * self.steps as f64 - 1.0)).powi(2);
        if eta < 0.5 {
            return Ok(eta);
        }
        // η < ½ once 2k − 1 > √2 · exponent.
        let needed = ((2.0_f64.sqrt() * exponent + 1.0) / 2.0).floor() as usize + 1;
        Err(SpectrumError::TooFewSteps {
            dim: self.dim,
            steps: self.steps,
            failure_probability,
            needed: needed.min(self.dim),
        })
    }
}
