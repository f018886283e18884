//! A certificate as a reader in a hurry should meet it.

use super::assumption::{Assumption, AssumptionName};
use super::figures::upward;
use super::foundation::foundation;
use super::record::Certificate;
use super::statement::{found_at, inequality, trade_off};
use super::verify::Today;

/// What is promised, what of it holds `today` where that is known, about what, compared with what, on
/// whose word and what it leaves to a guesser, each with a label; then whatever this promise takes for
/// granted that not every one does.
#[must_use]
pub fn reading(certificate: &Certificate, today: Option<&Today>) -> Vec<(&'static str, String)> {
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
                "{}, in weights.safetensors with BLAKE3 {}.",
                covered(certificate),
                certificate.model.weights
            ),
        ),
    ];
    // After what was promised then.
    all.splice(1..1, today.map(|today| ("Today", today.to_string())));
    let reference = text(AssumptionName::Reference);
    all.extend(reference.map(|text| ("Compared with", text)));
    all.push((
        "On whose word",
        format!("{} (kind: {})", foundation(certificate), guarantee.kind),
    ));
    // Whoever has all releases finds more than by this one alone; from a fixed seed, everybody.
    let plain = match today {
        Some(today) if today.insecure_noise => None,
        Some(today) => Some(found_at(today.gdp, today.failure_probability)),
        None => Some(trade_off(certificate)),
    };
    all.extend(plain.map(|plain| ("In plain numbers", plain)));
    let own = certificate.assumptions.iter();
    let own = own.filter(|assumption| !assumption.name.is_usual());
    all.extend(
        own.map(|assumption| (label(assumption, certificate), assumption.text(certificate))),
    );
    all
}

/// The records that this release is the first to cover, and by which requests they went.
fn covered(certificate: &Certificate) -> String {
    let numbers = certificate.requests.iter().map(|request| request.number);
    let (first, last) = (numbers.clone().min(), numbers.max());
    let by = match (first, last) {
        (Some(first), Some(last)) if first < last => format!("requests {first} to {last}"),
        (_, last) => format!("request {}", last.unwrap_or(certificate.release)),
    };
    let before = match certificate.earlier.releases {
        0 => "",
        _ => "; what earlier requests forgot, earlier releases covered",
    };
    format!(
        "{} record(s) forgotten by {by}{before}",
        certificate.forgotten()
    )
}

/// Whether somebody answers for it, nobody does, or it is to be minded.
fn label(assumption: &Assumption, certificate: &Certificate) -> &'static str {
    let what = assumption.name.declared();
    let mut declarations = certificate.declarations.iter();
    match declarations.find(|declaration| Some(declaration.what) == what) {
        Some(declaration) if declaration.by.is_some() => "Declared",
        Some(_) => "Assumed",
        None if assumption.name == AssumptionName::AssumedConstants => "Assumed",
        None => "Mind",
    }
}
