//! The promise in words.

use super::assumptions::VACUOUS_EPSILON;
use super::figures::{percentage, upward};
use super::foundation::foundation;
use super::record::Certificate;
use rescind_privacy::Gdp;

/// Shares that would be accused of records never used, at which [`trade_off`] is stated.
const ACCUSED: [f64; 3] = [0.05, 0.01, 0.001];

/// One paragraph for a reader who reads nothing else.
#[must_use]
pub fn statement(certificate: &Certificate) -> String {
    let guarantee = &certificate.guarantee;
    let records = certificate.forgotten();
    let worth = if guarantee.epsilon.value() >= VACUOUS_EPSILON {
        " An epsilon this large protects nobody."
    } else {
        ""
    };
    let [epsilon, delta] = [guarantee.epsilon.value(), guarantee.delta.value()].map(upward);
    format!(
        "Release {} is the first without {records} record(s). {} (epsilon = {epsilon}, delta = {delta}).{worth} {} \
         {}",
        certificate.release,
        inequality(&epsilon, &delta),
        trade_off(certificate),
        foundation(certificate),
    )
}

/// (ε, δ) as it is (docs/theory.md §1): δ is no probability that ε fails.
pub(super) fn inequality(epsilon: &str, delta: &str) -> String {
    format!(
        "Whatever set of outcomes is looked at, these released weights fall into it with a \
         probability of at most e^{epsilon} times that of weights trained without those records and \
         noised in the same way, plus {delta}; and the other way round"
    )
}

/// What the promise leaves to somebody who guesses which records were forgotten.
pub(super) fn trade_off(certificate: &Certificate) -> String {
    // A constant that is wrong may give anything away, with that probability.
    let failure = certificate.binding().map_or(0.0, |b| b.failure_probability);
    found_at(certificate.guarantee.gdp, failure)
}

/// The same from Gaussian privacy's parameter (Dong, Roth & Su 2022; docs/theory.md §1) and the
/// probability that it is wrong.
#[must_use]
pub fn found_at(gdp: Gdp, failure: f64) -> String {
    let pairs = ACCUSED.map(|accused| {
        let found = (gdp.found(accused) + failure).next_up().min(1.0);
        format!("{} for {}", percentage(found), percentage(accused))
    });
    format!(
        "Whoever judges by what is released, and would accuse this share of the forgotten records had \
         they never been used, finds at most so many of them: {}. Whoever knows from elsewhere who \
         asked to be forgotten is not covered.",
        pairs.join(", ")
    )
}
