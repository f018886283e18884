//! Facts that contradict each other.

mod claims;
mod collector;
mod measured;

pub use collector::Contradiction;
pub use measured::measured_contradictions;

use super::declaration::Declared;
use super::facts::{FollowedBy, InputScaling};
use super::identity::BatchNorm;
use super::noising::schedule;
use super::record::Certificate;
use collector::Collector;
use rescind_data::Digest;

/// Every contradiction among the facts of a certificate; derived figures are not its business.
#[must_use]
pub fn contradictions(certificate: &Certificate) -> Vec<Contradiction> {
    let mut all = Collector(Vec::new());
    requests(certificate, &mut all);
    data_and_model(certificate, &mut all);
    declarations(certificate, &mut all);
    fine_tuning(certificate, &mut all);
    claims::fit(certificate, &mut all);
    all.0
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
        let released = &certificate.released_on;
        all.require(
            request.requested_on <= *released,
            field("requested_on"),
            &request.requested_on,
            format!("a day up to {released}"),
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
    let ledger = &certificate.ledger;
    let first = ledger.head == Digest::from([0; 32]);
    all.require(
        first == (ledger.entries == 0),
        "/ledger/head",
        ledger.head,
        if ledger.entries == 0 {
            "zeros"
        } else {
            "the digest of an entry"
        },
        "the head is zeros where there is no entry, and nowhere else",
    );
}

fn data_and_model(certificate: &Certificate, all: &mut Collector) {
    let (data, model) = (&certificate.data, &certificate.model);
    let forgotten = certificate.forgotten();
    let parts = data
        .retained
        .saturating_add(data.validation)
        .saturating_add(forgotten);
    all.require(
        // Earlier releases' requests removed records that this certificate does not count.
        match certificate.earlier.requests {
            0 => parts == data.records,
            _ => parts < data.records,
        },
        "/data/records",
        data.records,
        match certificate.earlier.requests {
            0 => parts.to_string(),
            _ => format!("above {parts}"),
        },
        "retained, validation and forgotten records make up the manifest",
    );
    let build = certificate.code.build.as_str();
    all.require(
        matches!(build, "optimised" | "debug"),
        "/code/build",
        build,
        "optimised or debug",
        "there are two ways to build",
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

/// Bounds of noisy fine-tuning stand alone, and alone let training follow the noise.
fn fine_tuning(certificate: &Certificate, all: &mut Collector) {
    let settings = &certificate.method.settings;
    let setting = |name: &str| settings.get(name).and_then(serde_json::Value::as_f64);
    let epochs = setting("recovery_epochs").filter(|e| *e >= 0.0 && e.fract() <= 0.0);
    let recovers = epochs.is_some_and(|epochs| epochs > 0.0);
    let followed = certificate.noise.followed_by;
    if schedule(&certificate.bounds).is_none() {
        all.require(
            followed == FollowedBy::Nothing,
            "/noise/followed_by",
            format!("{followed:?}"),
            "nothing",
            "only fine-tuning goes on after the noise",
        );
        return;
    }
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
}
