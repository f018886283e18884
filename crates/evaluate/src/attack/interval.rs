//! Estimates with their confidence intervals.

use serde::{Deserialize, Serialize};
use statrs::distribution::{Beta, ContinuousCDF};

/// The coverage of every interval of this crate's attacks.
pub(super) const COVERAGE: f64 = 0.95;

/// A number and the interval of 95 % confidence around it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Estimate {
    /// The share `successes / trials`, with Clopper and Pearson's interval.
    pub fn share(successes: u64, trials: u64) -> Self {
        let (low, high) = clopper_pearson(successes, trials, COVERAGE);
        Estimate {
            value: successes as f64 / trials.max(1) as f64,
            low,
            high,
        }
    }
}

/// The exact interval for a probability of which `successes` of `trials` were seen (Clopper &
/// Pearson 1934), at this coverage in (0, 1). `(0, 1)` without a trial.
pub fn clopper_pearson(successes: u64, trials: u64, coverage: f64) -> (f64, f64) {
    let successes = successes.min(trials);
    let (right, wrong) = (successes as f64, (trials - successes) as f64);
    let tail = 0.5 * (1.0 - coverage);
    let quantile = |a: f64, b: f64, p: f64| Beta::new(a, b).map(|beta| beta.inverse_cdf(p));
    let low = match successes {
        0 => 0.0,
        _ => quantile(right, wrong + 1.0, tail).unwrap_or(0.0),
    };
    let high = match trials - successes {
        0 => 1.0,
        _ => quantile(right + 1.0, wrong, 1.0 - tail).unwrap_or(1.0),
    };
    (low, high)
}
