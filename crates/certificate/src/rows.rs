//! A certificate as titled lists of labelled values, the common content of its renderings.

use super::arithmetic::{epsilon_by, noise_norm, why_excluded};
use super::facts::FollowedBy;
use super::figures::{nearest, upward};
use super::printable::quoted;
use super::record::{BoundRecord, Certificate};
use rescind_privacy::noise::Origin;
use rescind_privacy::sensitivity::Provenance;

/// A titled list.
pub(super) struct Section {
    pub(super) title: String,
    pub(super) rows: Vec<(String, String)>,
}

/// Everything a reader wants, in order of interest; the statement and assumptions aside.
pub(super) fn sections(certificate: &Certificate) -> Vec<Section> {
    let mut all = vec![promise(certificate)];
    all.extend(
        certificate
            .bounds
            .iter()
            .map(|bound| of_bound(bound, certificate)),
    );
    all.extend([
        noise(certificate),
        forgotten(certificate),
        method(certificate),
    ]);
    all.push(identities(certificate));
    all
}

fn section(title: impl Into<String>, rows: Vec<(&str, String)>) -> Section {
    let rows = rows
        .into_iter()
        .map(|(label, value)| (label.to_owned(), value))
        .collect();
    Section {
        title: title.into(),
        rows,
    }
}

fn promise(certificate: &Certificate) -> Section {
    let guarantee = &certificate.guarantee;
    section(
        "Promise",
        vec![
            ("epsilon", upward(guarantee.epsilon.value())),
            ("delta", upward(guarantee.delta.value())),
            ("Gaussian privacy parameter", upward(guarantee.gdp.mu())),
            ("kind", guarantee.kind.to_string()),
            ("binding bound", guarantee.binding.to_string()),
        ],
    )
}

fn of_bound(bound: &BoundRecord, certificate: &Certificate) -> Section {
    let binds = bound.theorem == certificate.guarantee.binding;
    let title = format!(
        "Bound {}{}",
        bound.theorem,
        if binds { " (binds)" } else { "" }
    );
    let mut section = section(
        title,
        vec![
            ("formula", bound.theorem.formula().to_owned()),
            ("value", nearest(bound.value)),
        ],
    );
    for constant in &bound.constants {
        let provenance = match constant.provenance() {
            Provenance::Probabilistic {
                failure_probability,
            } => {
                format!(
                    "probabilistic, wrong with probability {}",
                    nearest(failure_probability)
                )
            }
            other => other.kind().to_string(),
        };
        let value = format!(
            "{} ({}: {}; in the signer's words, {})",
            constant.value(),
            constant.symbol().meaning(),
            provenance,
            quoted(constant.how())
        );
        section.rows.push((constant.symbol().to_string(), value));
    }
    section
        .rows
        .push(("kind".to_owned(), bound.kind.to_string()));
    let delta = certificate.guarantee.delta;
    if let Some(excluded) = bound.excluded {
        let rough = &certificate.model.rough_parts;
        let why = why_excluded(excluded, rough, bound.failure_probability, delta);
        section.rows.push(("not relied on".to_owned(), why));
    }
    if bound.failure_probability > 0.0 {
        section.rows.push((
            "delta spent on constants".to_owned(),
            upward(bound.failure_probability),
        ));
    }
    if let Some(epsilon) = epsilon_by(bound, delta, certificate.noise.sigma) {
        section
            .rows
            .push(("epsilon by this bound".to_owned(), upward(epsilon.value())));
    }
    section
}

fn noise(certificate: &Certificate) -> Section {
    let noise = &certificate.noise;
    let origin = match noise.origin {
        Origin::OperatingSystem => "the operating system's generator",
        Origin::InsecureSeed => "A FIXED SEED: insecure",
    };
    let followed = match noise.followed_by {
        FollowedBy::Nothing => "nothing",
        FollowedBy::Recovery => "training on the retained records, without noise",
    };
    section(
        "Noise",
        vec![
            ("sigma", nearest(noise.sigma.value())),
            ("origin", origin.to_owned()),
            ("times added", noise.times.to_string()),
            (
                "length of the noise, about",
                nearest(noise_norm(noise.sigma, certificate.model.noised())),
            ),
            ("grid spacing", noise.grid.spacing().to_string()),
            ("followed by", followed.to_owned()),
        ],
    )
}

fn forgotten(certificate: &Certificate) -> Section {
    let mut rows = Vec::new();
    for request in &certificate.requests {
        let value = format!(
            "{} record(s), requested {}, commitment {}",
            request.records, request.requested_on, request.commitment
        );
        rows.push((format!("request {}", request.number), value));
    }
    let data = &certificate.data;
    for (label, value) in [
        ("dataset", quoted(&data.dataset)),
        ("records in the manifest", data.records.to_string()),
        ("records retained", data.retained.to_string()),
        ("records for validation", data.validation.to_string()),
        ("earlier releases", certificate.earlier.releases.to_string()),
    ] {
        rows.push((label.to_owned(), value));
    }
    Section {
        title: "Forgotten and retained".to_owned(),
        rows,
    }
}

fn method(certificate: &Certificate) -> Section {
    let method = &certificate.method;
    let mut section = section("Method", vec![("name", method.name.clone())]);
    for (name, value) in &method.settings {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        section.rows.push((name.clone(), value));
    }
    section
}

fn or_unknown(figure: Option<impl ToString>) -> String {
    figure.map_or_else(|| "unknown".to_owned(), |figure| figure.to_string())
}

fn identities(certificate: &Certificate) -> Section {
    let (model, code) = (&certificate.model, &certificate.code);
    section(
        "Identities",
        vec![
            ("released", certificate.released_on.to_string()),
            ("weights", model.weights.to_string()),
            (
                "model",
                format!("{}, {}", quoted(&model.kind), model.description),
            ),
            ("configuration", or_unknown(model.configuration)),
            (
                "outputs",
                match (model.linearised, model.has_centre_file()) {
                    (true, true) => "of the model linearised at centre.safetensors",
                    (true, false) => "of the model linearised at the origin",
                    (false, _) => "of the model",
                }
                .to_owned(),
            ),
            (
                "parameters",
                match model.frozen {
                    0 => model.parameters.to_string(),
                    frozen => format!(
                        "{}, of which {frozen} are the centre's and carry no noise",
                        model.parameters
                    ),
                },
            ),
            ("manifest", certificate.data.manifest.to_string()),
            (
                "code",
                format!(
                    "{} {} ({}, {})",
                    code.package, code.version, code.build, code.platform
                ),
            ),
            ("program", or_unknown(code.program)),
            (
                "ledger",
                format!(
                    "after {} entries, head {}",
                    certificate.ledger.entries, certificate.ledger.head
                ),
            ),
            ("signed by", certificate.key.fingerprint.clone()),
        ],
    )
}
