//! Facts that contradict each other.

use super::declaration::Declared;
use super::facts::{FollowedBy, InputScaling, MethodFacts};
use super::identity::BatchNorm;
use super::noising::schedule;
use super::record::{BoundRecord, Certificate};
use rescind_privacy::sensitivity::{Provenance, Symbol, Theorem};
use std::fmt::Display;

/// One field that contradicts others.
#[derive(Debug, Clone, PartialEq)]
pub struct Contradiction {
    /// JSON pointer of the field.
    pub field: String,
    /// What it says.
    pub found: String,
    /// What would fit.
    pub expected: String,
    /// Why.
    pub why: String,
}

/// Every contradiction among the facts of a certificate; derived figures are not its business.
#[must_use]
pub fn contradictions(certificate: &Certificate) -> Vec<Contradiction> {
    let mut all = Collector(Vec::new());
    requests(certificate, &mut all);
    data_and_model(certificate, &mut all);
    declarations(certificate, &mut all);
    method(&certificate.method, &mut all);
    fine_tuning(certificate, &mut all);
    for (index, bound) in certificate.bounds.iter().enumerate() {
        constants(certificate, index, bound, &mut all);
    }
    all.0
}

struct Collector(Vec<Contradiction>);

impl Collector {
    fn require(
        &mut self,
        holds: bool,
        field: impl Into<String>,
        found: impl Display,
        expected: impl Display,
        why: &str,
    ) {
        if !holds {
            self.0.push(Contradiction {
                field: field.into(),
                found: found.to_string(),
                expected: expected.to_string(),
                why: why.to_owned(),
            });
        }
    }
}

fn requests(certificate: &Certificate, all: &mut Collector) {
    let last = certificate
        .requests
        .last()
        .map_or(0, |request| request.number);
    all.require(
        certificate.release == last && last > 0,
        "/release",
        certificate.release,
        last,
        "a release has the number of the last request it covers",
    );
    let released = humantime::parse_rfc3339(&certificate.released_at).ok();
    let at = &certificate.released_at;
    all.require(
        released.is_some(),
        "/released_at",
        at,
        "an RFC 3339 time in UTC",
        "it is a time",
    );
    let mut previous = certificate.earlier.requests;
    for (index, request) in certificate.requests.iter().enumerate() {
        let field = |name: &str| format!("/requests/{index}/{name}");
        let number = request.number;
        all.require(
            number > previous,
            field("number"),
            number,
            format!("above {previous}"),
            "requests are numbered in order",
        );
        previous = number;
        all.require(
            request.records > 0,
            field("records"),
            0,
            "at least 1",
            "it removes records",
        );
        let made = humantime::parse_rfc3339(&request.requested_at).ok();
        all.require(
            made.is_some() && made <= released,
            field("requested_at"),
            &request.requested_at,
            format!("a time up to {at}"),
            "a request is made before it is answered",
        );
    }
    let earlier = certificate.earlier;
    all.require(
        earlier.releases <= earlier.requests,
        "/earlier/releases",
        earlier.releases,
        format!("at most {}", earlier.requests),
        "every release covers a request",
    );
    all.require(
        certificate.ledger.entries >= earlier.requests + 2 * earlier.releases,
        "/ledger/entries",
        certificate.ledger.entries,
        format!(
            "at least {}",
            earlier.requests.saturating_add(2 * earlier.releases)
        ),
        "the ledger has an entry for every request and two for every release",
    );
}

fn data_and_model(certificate: &Certificate, all: &mut Collector) {
    let (data, model, noise) = (&certificate.data, &certificate.model, &certificate.noise);
    let forgotten: u64 = certificate
        .requests
        .iter()
        .map(|request| request.records)
        .sum();
    let parts = data
        .retained
        .saturating_add(data.validation)
        .saturating_add(forgotten);
    all.require(
        parts <= data.records,
        "/data/records",
        data.records,
        format!("at least {parts}"),
        "retained, validation and forgotten records are all in the manifest",
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
    let batch_norm = if model.statistics > 0 {
        BatchNorm::RecomputedAfterNoise
    } else {
        BatchNorm::None
    };
    all.require(
        model.batch_norm == batch_norm,
        "/model/batch_norm",
        format!("{:?}", model.batch_norm),
        format!("{batch_norm:?}"),
        "statistics carry no noise and must be recomputed after it",
    );
    all.require(
        noise.clamped <= noise.count,
        "/noise/clamped",
        noise.clamped,
        format!("at most {}", noise.count),
        "only noised numbers are brought back to the limit",
    );
    let ball = &model.ball;
    let valid = ball.radius.is_finite() && ball.radius > 0.0;
    all.require(
        valid,
        "/model/ball/radius",
        ball.radius,
        "above 0",
        "it is a radius",
    );
    all.require(
        ball.centre.is_some() || !model.linearised,
        "/model/linearised",
        true,
        "false without a centre",
        "a model is linearised at the centre of its ball",
    );
    let suits = match certificate.method.name.as_str() {
        "descent" => model.linearised || model.kind == "head",
        // Any model can be trained afresh.
        "retrain" => true,
        _ => !model.linearised,
    };
    all.require(
        suits,
        "/model/linearised",
        model.linearised,
        !model.linearised,
        "tangent models, and they alone, are forgotten from by their own method",
    );
    all.require(
        ball.centre.is_some() || ball.seed.is_none(),
        "/model/ball/seed",
        ball.seed.unwrap_or_default(),
        "null without a centre",
        "it is the seed of the centre",
    );
    let valid = ball.largest_centre.is_finite()
        && ball.largest_centre >= 0.0
        && (ball.centre.is_some() || ball.largest_centre <= 0.0);
    all.require(
        valid,
        "/model/ball/largest_centre",
        ball.largest_centre,
        "at least 0, and 0 at the origin",
        "it is the greatest coordinate of the centre",
    );
}

/// What is declared is declared once, by somebody or nobody, and where there is something to
/// declare.
fn declarations(certificate: &Certificate, all: &mut Collector) {
    let (ball, declared) = (&certificate.model.ball, &certificate.declarations);
    for (index, declaration) in declared.iter().enumerate() {
        let field = format!("/declarations/{index}");
        let (what, earlier) = (declaration.what, &declared[..index]);
        all.require(
            earlier.iter().all(|earlier| earlier.what != what),
            format!("{field}/what"),
            format!("{what:?}"),
            "each thing once",
            "a thing is declared once",
        );
        let named = declaration.by.as_ref();
        all.require(
            named.is_none_or(|name| !name.trim().is_empty()),
            format!("{field}/by"),
            "a blank name",
            "a name, or null",
            "a blank name is nobody's",
        );
    }
    let has = |what| declared.iter().any(|declaration| declaration.what == what);
    let given = ball.centre.is_some() && ball.seed.is_none();
    all.require(
        has(Declared::PublicCentre) == given,
        "/declarations",
        has(Declared::PublicCentre),
        given,
        "a centre that is neither the origin nor drawn from a seed is declared public, and no other",
    );
    let constants = certificate.data.input_scaling == InputScaling::Constants;
    all.require(
        constants || !has(Declared::InputScaling),
        "/data/input_scaling",
        format!("{:?}", certificate.data.input_scaling),
        "constants",
        "constants that scale the inputs are declared",
    );
}

fn method(method: &MethodFacts, all: &mut Collector) {
    let mut figures = vec![
        ("/method/seconds", Some(method.seconds)),
        ("/method/gradient_norm_before", method.gradient_norm_before),
        ("/method/gradient_norm_after", method.gradient_norm_after),
    ];
    if let Some(solve) = &method.solve {
        figures.extend([
            ("/method/solve/residual", solve.residual),
            ("/method/solve/right_hand_side", Some(solve.right_hand_side)),
            ("/method/solve/theorem_residual", solve.theorem_residual),
        ]);
    }
    for (field, figure) in figures {
        let Some(figure) = figure else { continue };
        let valid = figure.is_finite() && figure >= 0.0;
        all.require(
            valid,
            field,
            figure,
            "a finite number, at least 0",
            "it is a norm or a time",
        );
    }
}

/// Bounds of noisy fine-tuning speak of settings that the method must have used, stand alone, and
/// alone let training follow the noise.
fn fine_tuning(certificate: &Certificate, all: &mut Collector) {
    let settings = &certificate.method.settings;
    let setting = |name: &str| settings.get(name).and_then(serde_json::Value::as_f64);
    let epochs = setting("recovery_epochs").filter(|e| *e >= 0.0 && e.fract() <= 0.0);
    let recovers = epochs.is_some_and(|epochs| epochs > 0.0);
    let followed = certificate.noise.followed_by;
    let Some(schedule) = schedule(&certificate.bounds) else {
        all.require(
            followed == FollowedBy::Nothing,
            "/noise/followed_by",
            format!("{followed:?}"),
            "nothing",
            "only fine-tuning goes on after the noise",
        );
        return;
    };
    all.require(
        epochs.is_some(),
        "/method/settings/recovery_epochs",
        epochs.map_or_else(|| "no whole number".to_owned(), |epochs| epochs.to_string()),
        "a whole number",
        "it says how long training followed the noise, 0 if it did not",
    );
    all.require(
        recovers == (followed == FollowedBy::Recovery),
        "/noise/followed_by",
        format!("{followed:?}"),
        if recovers { "recovery" } else { "nothing" },
        "the method's recovery_epochs say whether training followed the noise",
    );
    all.require(
        certificate.bounds.len() == 1,
        "/bounds",
        certificate.bounds.len(),
        1,
        "a bound for noise within fine-tuning stands alone",
    );
    let mut used = vec![("start_radius", schedule.radius)];
    if schedule.noisy_steps > 0 {
        used.extend([
            ("step_size", schedule.step_size),
            ("clip_norm", schedule.clip_norm),
            ("weight_decay", schedule.weight_decay),
            ("noisy_steps", schedule.noisy_steps as f64),
        ]);
    }
    for (name, value) in used {
        let stated = setting(name);
        all.require(
            stated.is_some_and(|stated| stated.to_bits() == value.to_bits()),
            format!("/method/settings/{name}"),
            stated.map_or_else(|| "nothing".to_owned(), |stated| stated.to_string()),
            value,
            "the bound must use the settings that the method used",
        );
    }
}

/// Constants that the rest of the certificate knows too.
fn constants(certificate: &Certificate, index: usize, bound: &BoundRecord, all: &mut Collector) {
    let radius = certificate.model.ball.radius;
    for (position, constant) in bound.constants.iter().enumerate() {
        let field = format!("/bounds/{index}/constants/{position}/value");
        let value = constant.value();
        let method = &certificate.method;
        let reported = match constant.symbol() {
            Symbol::BallRadius => {
                let why = "it is the radius of the ball";
                all.require(
                    value.to_bits() == radius.to_bits(),
                    field,
                    value,
                    radius,
                    why,
                );
                continue;
            }
            // Weights of both parties lie in the ball, which alone proves a distance.
            Symbol::Distance if constant.provenance() == Provenance::Proved => {
                let why = "only the ball proves a distance, its diameter";
                all.require(value >= 2.0 * radius, field, value, 2.0 * radius, why);
                continue;
            }
            Symbol::Residual => {
                let solve = method.solve.as_ref();
                (
                    "/method/solve/theorem_residual",
                    solve.and_then(|solve| solve.theorem_residual),
                )
            }
            Symbol::GradientNorm => ("/method/gradient_norm_after", method.gradient_norm_after),
            _ => continue,
        };
        let (_, Some(reported)) = reported else {
            all.require(
                false,
                reported.0,
                "nothing",
                "a number",
                "the bound rests on it",
            );
            continue;
        };
        let holds = match constant.provenance() {
            Provenance::Measured => value.to_bits() == reported.to_bits(),
            // A ceiling declared beforehand.
            _ => value >= reported,
        };
        let why = "the bound must use what the method reports, or a ceiling above it";
        all.require(holds, field, value, reported, why);
    }
    if bound.theorem == Theorem::NewtonStep {
        let method = &certificate.method;
        let damping = method
            .settings
            .get("damping")
            .and_then(serde_json::Value::as_f64);
        let stated = bound
            .constants
            .iter()
            .position(|c| c.symbol() == Symbol::Damping);
        if let (Some(damping), Some(position)) = (damping, stated) {
            let value = bound.constants[position].value();
            all.require(
                value.to_bits() == damping.to_bits(),
                format!("/bounds/{index}/constants/{position}/value"),
                value,
                damping,
                "the bound must use the damping that the method used",
            );
        }
    }
}
