//! Every derived figure, computed again.

use super::report::{Checks, Subject};
use crate::arithmetic::{TermsError, terms};
use crate::assumptions::assumptions;
use crate::noising::{largest_before_noise, noisings};
use crate::record::{Certificate, FORMAT};
use crate::signature::fingerprint;
use rescind_privacy::PrivacyError;
use rescind_privacy::noise::Grid;
use rescind_privacy::sensitivity::SensitivityBound;
use serde_json::{Number, Value};

/// Every derived figure is computed again.
pub fn figures_follow(certificate: &Certificate, checks: &mut Checks) {
    let stated = serde_json::to_value(certificate);
    match (derived(certificate), stated) {
        (Ok(derived), Ok(stated)) => {
            let differences = serde_json::to_value(derived).map(|derived| {
                let mut differences = Vec::new();
                compare(String::new(), &derived, &stated, &mut differences);
                differences
            });
            let differences = differences.unwrap_or_default();
            let why = "every figure follows from its inputs";
            checks.passed_if(differences.is_empty(), Subject::Arithmetic, why);
            for (field, expected, found) in differences {
                let why = "this does not follow from the inputs the certificate states";
                checks.failed(Subject::Arithmetic, field, expected, found, why);
            }
        }
        (Err(error), _) => {
            let expected = "inputs from which a promise follows";
            let why = "no promise follows from these inputs";
            checks.failed(Subject::Arithmetic, "/bounds", expected, error, why);
        }
        (_, Err(error)) => {
            let expected = "figures that can be written down";
            checks.failed(
                Subject::Arithmetic,
                "",
                expected,
                error,
                "a figure is not finite",
            );
        }
    }
}

/// The certificate with everything derived put in again from the inputs.
fn derived(certificate: &Certificate) -> Result<Certificate, TermsError> {
    let bounds = certificate
        .bounds
        .iter()
        .map(|bound| SensitivityBound::new(bound.theorem, bound.constants.clone()))
        .collect::<Result<Vec<_>, PrivacyError>>()?;
    let (noise, model) = (&certificate.noise, &certificate.model);
    let terms = terms(
        &noise.choice,
        bounds,
        &model.rough_parts,
        &certificate.declarations,
        noise.origin,
        certificate.bound_choice(),
    )?;
    let mut again = certificate.clone();
    again.format = FORMAT.to_owned();
    again.bounds = terms.published();
    again.guarantee = terms.guarantee;
    again.noise.sigma = terms.sigma;
    again.noise.times = noisings(&again.bounds);
    again.noise.largest = largest_before_noise(&again.bounds, &model.ball, terms.sigma)?;
    again.noise.grid = Grid::new(terms.sigma, again.noise.largest, noise.format)?;
    again.key.algorithm = "ed25519".to_owned();
    again.key.fingerprint = fingerprint(&certificate.key.public_key);
    again.assumptions = assumptions(&again);
    Ok(again)
}

/// The same number, with or without a point: others write 1.0 as 1.
fn is_same(left: &Number, right: &Number) -> bool {
    match (left.as_u64(), right.as_u64()) {
        (Some(left), Some(right)) => left == right,
        _ => left.as_f64().map(f64::to_bits) == right.as_f64().map(f64::to_bits),
    }
}

/// Pointer, expected and found of every leaf in which two documents differ.
pub fn compare(
    pointer: String,
    expected: &Value,
    found: &Value,
    differences: &mut Vec<(String, String, String)>,
) {
    match (expected, found) {
        (Value::Object(left), Value::Object(right)) => {
            let nothing = || "nothing".to_owned();
            for (name, value) in left {
                let pointer = format!("{pointer}/{name}");
                match right.get(name) {
                    Some(other) => compare(pointer, value, other, differences),
                    None => differences.push((pointer, value.to_string(), nothing())),
                }
            }
            for (name, value) in right.iter().filter(|(name, _)| !left.contains_key(*name)) {
                differences.push((format!("{pointer}/{name}"), nothing(), value.to_string()));
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (value, other)) in left.iter().zip(right).enumerate() {
                compare(format!("{pointer}/{index}"), value, other, differences);
            }
        }
        (Value::Number(left), Value::Number(right)) if is_same(left, right) => {}
        _ if expected == found => {}
        _ => differences.push((pointer, expected.to_string(), found.to_string())),
    }
}
