//! What was measured, beside what a certificate says.

use super::collector::{Collector, Contradiction};
use crate::day::Day;
use crate::evidence::EvidenceRecord;
use crate::record::Certificate;
use rescind_privacy::sensitivity::{Provenance, Symbol};

/// Every contradiction between a certificate and the measurements of its release: another release, day
/// or bound, a figure that is none, or a constant that quotes another number than was measured.
#[must_use]
pub fn measured_contradictions(
    certificate: &Certificate,
    evidence: &EvidenceRecord,
) -> Vec<Contradiction> {
    let mut all = Collector(Vec::new());
    of_release(certificate, evidence, &mut all);
    let measured = &evidence.measured;
    let solve = measured.solve.as_ref();
    let residual = solve.and_then(|solve| solve.theorem_residual);
    let norm = measured.gradient_norm_after;
    for (field, figure) in [
        ("/measured/seconds", Some(measured.seconds)),
        (
            "/measured/gradient_norm_before",
            measured.gradient_norm_before,
        ),
        ("/measured/gradient_norm_after", norm),
        (
            "/measured/solve/residual",
            solve.and_then(|solve| solve.residual),
        ),
        (
            "/measured/solve/right_hand_side",
            solve.map(|solve| solve.right_hand_side),
        ),
        ("/measured/solve/theorem_residual", residual),
    ] {
        let Some(figure) = figure else { continue };
        all.require(
            figure.is_finite() && figure >= 0.0,
            field,
            figure,
            "a finite number, at least 0",
            "it is a norm or a time",
        );
    }
    for (index, bound) in certificate.bounds.iter().enumerate() {
        for (position, constant) in bound.constants.iter().enumerate() {
            let (name, measured) = match constant.symbol() {
                Symbol::Residual => ("theorem_residual", residual),
                Symbol::GradientNorm => ("gradient_norm_after", norm),
                _ => continue,
            };
            let value = constant.value();
            let holds = measured.is_some_and(|measured| match constant.provenance() {
                Provenance::Measured => value.to_bits() == measured.to_bits(),
                // A ceiling declared beforehand.
                _ => value >= measured,
            });
            all.require(
                holds,
                format!("/bounds/{index}/constants/{position}/value"),
                value,
                measured.map_or_else(
                    || format!("{name}, which was not measured"),
                    |measured| measured.to_string(),
                ),
                "the bound must use what was measured, or a ceiling above it",
            );
        }
    }
    all.0
}

/// They are of this release: its number, its day, and every bound that it publishes.
fn of_release(certificate: &Certificate, evidence: &EvidenceRecord, all: &mut Collector) {
    all.require(
        evidence.release == certificate.release,
        "/release",
        evidence.release,
        certificate.release,
        "the measurements are those of the release",
    );
    let day = Day::of(&evidence.released_at);
    all.require(
        day.is_ok_and(|day| day == certificate.released_on),
        "/released_at",
        &evidence.released_at,
        format!("a time on {}", certificate.released_on),
        "the release was made on the day that the certificate states",
    );
    for bound in &certificate.bounds {
        let mut known = evidence.bounds.iter();
        let found = known.find(|known| known.theorem == bound.theorem);
        all.require(
            found == Some(bound),
            "/bounds",
            found.map_or_else(
                || format!("no bound {}", bound.theorem),
                |found| format!("{} = {}, or other constants", found.theorem, found.value),
            ),
            format!("{} = {}, as published", bound.theorem, bound.value),
            "every bound that the certificate publishes is among those known",
        );
    }
}
