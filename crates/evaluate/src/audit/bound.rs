//! From error counts to lower bounds on ε and μ.

use crate::clopper_pearson::upper_bound;
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};

/// How often something went wrong, and how often it may go wrong in truth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// Times it went wrong.
    pub count: usize,
    /// Times it was tried.
    pub of: usize,
    /// The Clopper–Pearson upper bound on the probability, from 0 to 1.
    pub upper: f64,
}

/// Clopper–Pearson upper bounds for every count out of `of` trials, each exceeded by the truth with a
/// probability of at most `level`.
pub(super) struct UpperBounds(Vec<f64>);

impl UpperBounds {
    pub fn new(of: usize, level: f64) -> Self {
        let bound = |count: usize| {
            // Raised by more than the quantile's own error.
            (upper_bound(count as u64, of as u64, level) * (1.0 + 1e-9)).min(1.0)
        };
        UpperBounds((0..=of).map(bound).collect())
    }

    pub fn rate(&self, count: usize) -> Rate {
        Rate {
            count,
            of: self.0.len() - 1,
            upper: self.0[count],
        }
    }
}

/// Which parameter of a promise is bounded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Parameter {
    /// ε at this δ.
    Epsilon(f64),
    /// μ of Gaussian differential privacy.
    Mu,
}

impl Parameter {
    /// The least value that allows a test with such error probabilities; may be negative.
    ///
    /// (ε, δ) allows no test with `1 − β ≤ e^ε α + δ` broken, nor with `1 − α ≤ e^ε β + δ`
    /// (Kairouz, Oh & Viswanath 2015); μ none with `Φ⁻¹(1 − α) + Φ⁻¹(1 − β) > μ` (Dong, Roth & Su
    /// 2022).
    pub fn least(self, false_positive: f64, false_negative: f64) -> f64 {
        let (alpha, beta) = (false_positive, false_negative);
        match self {
            Parameter::Epsilon(delta) => {
                let one_way = (1.0 - beta - delta).max(0.0).ln() - alpha.ln();
                let other_way = (1.0 - alpha - delta).max(0.0).ln() - beta.ln();
                one_way.max(other_way)
            }
            Parameter::Mu => {
                let normal = Normal::standard();
                normal.inverse_cdf(1.0 - alpha) + normal.inverse_cdf(1.0 - beta)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P[X ≤ k] of a binomial variable, summed term by term.
    fn binomial(k: usize, n: usize, p: f64) -> f64 {
        if p > 0.5 {
            return match k < n {
                true => 1.0 - binomial(n - k - 1, n, 1.0 - p),
                false => 1.0,
            };
        }
        let mut term = (1.0 - p).powi(n as i32);
        let mut sum = 0.0;
        for i in 0..=k {
            sum += term;
            term *= (n - i) as f64 / (i + 1) as f64 * p / (1.0 - p);
        }
        sum
    }

    /// The bound is the p at which so few failures have probability `level`.
    #[test]
    fn upper_bounds_solve_the_binomial_equation() {
        for (n, level) in [(1, 0.05), (7, 0.3), (50, 0.0125), (500, 0.00625)] {
            let bounds = UpperBounds::new(n, level);
            for k in [0, 1, n / 3, n / 2, n - 1] {
                let k = k.min(n - 1);
                let tail = binomial(k, n, bounds.rate(k).upper);
                // Never below the exact bound, and hardly above it.
                let near = tail <= level * (1.0 + 1e-12) && tail > level * 0.999;
                assert!(near, "{k} of {n} at {level}: {tail}");
            }
            assert!((bounds.rate(n).upper - 1.0).abs() < 1e-15);
        }
        // No failure: 1 − level^(1/n), in closed form.
        let none = UpperBounds::new(100, 0.05).rate(0).upper;
        assert!((none - (1.0 - 0.05_f64.powf(0.01))).abs() < 1e-9);
    }

    /// The best test between N(0, 1) and N(μ, 1), at any threshold, gives back μ; and never more
    /// than the ε that belongs to it.
    #[test]
    fn exact_error_probabilities_give_back_mu_and_never_more_than_epsilon() {
        let normal = Normal::standard();
        for mu in [0.1, 1.0, 3.0] {
            for threshold in [-1.0, 0.0, 0.4, 2.0, 3.5] {
                let (alpha, beta) = (1.0 - normal.cdf(threshold), normal.cdf(threshold - mu));
                let found = Parameter::Mu.least(alpha, beta);
                assert!((found - mu).abs() < 1e-6, "{found} for {mu}");
                for delta in [1e-2, 1e-5] {
                    let epsilon = Parameter::Epsilon(delta).least(alpha, beta);
                    let gdp = rescind_privacy::Gdp::new(mu).unwrap();
                    let truth = gdp.epsilon(rescind_privacy::Delta::new(delta).unwrap());
                    assert!(epsilon <= truth.unwrap().value() + 1e-9);
                }
            }
        }
        // δ-private at ε = 0 as long as no test is right more often than chance plus δ.
        let none = Parameter::Epsilon(0.1).least(0.5, 0.4);
        assert!(none.abs() < 1e-12, "{none}");
        assert!(Parameter::Epsilon(0.5).least(0.9, 0.9) < 0.0);
    }
}
