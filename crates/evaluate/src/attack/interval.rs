//! Estimates with their confidence intervals.

use crate::clopper_pearson::upper_bound;
use serde::{Deserialize, Serialize};

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
    /// The share `successes / trials`, with Clopper and Pearson's interval; from 0 to 1 without a
    /// trial.
    pub fn share(successes: u64, trials: u64) -> Self {
        let successes = successes.min(trials);
        let tail = 0.5 * (1.0 - COVERAGE);
        Estimate {
            value: successes as f64 / trials.max(1) as f64,
            // What is not seen as often is seen the more often as its contrary.
            low: 1.0 - upper_bound(trials - successes, trials, tail),
            high: upper_bound(successes, trials, tail),
        }
    }
}
