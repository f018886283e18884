//! Facts that contradict each other.

mod claims;
mod collector;
mod declarations;
mod fine_tuning;
mod history;
mod measured;
mod model;
mod rewinding;
mod settings;
mod texts;

pub use claims::LEAST_GRADIENT_BOUND;
pub use collector::Contradiction;
pub use measured::measured_contradictions;

use super::facts::InputScaling;
use super::record::Certificate;
use collector::Collector;

/// Every contradiction among the facts of a certificate; derived figures are not its business.
#[must_use]
pub fn contradictions(certificate: &Certificate) -> Vec<Contradiction> {
    let mut all = Collector(Vec::new());
    texts::say_something(certificate, &mut all);
    texts::names(certificate, &mut all);
    history::requests(certificate, &mut all);
    history::ledger(certificate, &mut all);
    data(certificate, &mut all);
    model::agrees(certificate, &mut all);
    declarations::fit(certificate, &mut all);
    fine_tuning::agrees(certificate, &mut all);
    claims::fit(certificate, &mut all);
    settings::are_its_own(certificate, &mut all);
    all.0
}

fn data(certificate: &Certificate, all: &mut Collector) {
    let data = &certificate.data;
    let earlier = certificate.earlier.requests;
    let counted = [data.retained, data.validation, certificate.forgotten()];
    let counted = counted.into_iter().try_fold(0, u64::checked_add);
    // Earlier releases' requests removed records that this certificate does not count, at least one each.
    let least = counted.and_then(|parts: u64| parts.checked_add(earlier));
    let parts = counted.unwrap_or(u64::MAX);
    all.require(
        match (earlier, counted, least) {
            (0, Some(parts), _) => parts == data.records,
            (_, Some(_), Some(least)) => least <= data.records,
            _ => false,
        },
        "/data/records",
        data.records,
        match earlier {
            0 => parts.to_string(),
            _ => format!("at least {}", parts.saturating_add(earlier)),
        },
        "retained, validation and forgotten records make up the manifest",
    );
    all.require(
        data.retained > 0,
        "/data/retained",
        0,
        "at least 1",
        "something is retained",
    );
    all.require(
        data.input_scaling != InputScaling::FromRecords,
        "/data/input_scaling",
        "from_records",
        "none, constants or from_retained",
        "no noise covers constants computed from the records",
    );
}
