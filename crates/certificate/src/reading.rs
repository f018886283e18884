//! A certificate as a reader in a hurry should meet it.

use super::assumption::AssumptionName;
use super::figures::upward;
use super::record::Certificate;
use super::statement::{foundation, inequality, trade_off};

/// What is promised, about what, compared with what, on whose word and what it leaves to a guesser,
/// each with a label; whatever is wrong with it as a promise comes last.
#[must_use]
pub fn reading(certificate: &Certificate) -> Vec<(&'static str, String)> {
    let guarantee = &certificate.guarantee;
    let [epsilon, delta] = [guarantee.epsilon.value(), guarantee.delta.value()].map(upward);
    let text = |name| {
        let mut all = certificate.assumptions.iter();
        let found = all.find(|assumption| assumption.name == name);
        found.map(|assumption| assumption.text(certificate))
    };
    let mut all = vec![
        (
            "Promised",
            format!(
                "{} (epsilon = {epsilon}, delta = {delta}).",
                inequality(&epsilon, &delta)
            ),
        ),
        (
            "About",
            format!(
                "{} record(s) forgotten up to request {}, in weights.safetensors with BLAKE3 {}.",
                certificate.forgotten(),
                certificate.release,
                certificate.model.weights
            ),
        ),
    ];
    let reference = text(AssumptionName::Reference);
    all.extend(reference.map(|text| ("Compared with", text)));
    all.push((
        "On whose word",
        format!("{} (kind: {})", foundation(certificate), guarantee.kind),
    ));
    all.push(("In plain numbers", trade_off(certificate)));
    for name in [
        AssumptionName::InsecureNoise,
        AssumptionName::VacuousEpsilon,
        AssumptionName::LargeDelta,
        AssumptionName::QuotedMeasurements,
    ] {
        all.extend(text(name).map(|text| ("Mind", text)));
    }
    all
}
