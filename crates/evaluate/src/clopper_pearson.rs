//! Exact bounds on a probability from what was counted (Clopper & Pearson 1934).

use statrs::distribution::{Beta, ContinuousCDF};

/// What a probability exceeds with a probability of at most `level` when `successes` of `trials` were
/// seen. 1 where all trials succeeded or there was none.
pub(crate) fn upper_bound(successes: u64, trials: u64, level: f64) -> f64 {
    if successes >= trials {
        return 1.0;
    }
    let (right, wrong) = (successes as f64, (trials - successes) as f64);
    let quantile = Beta::new(right + 1.0, wrong).map(|beta| beta.inverse_cdf(1.0 - level));
    quantile.unwrap_or(1.0)
}
