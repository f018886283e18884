//! The desk's figures in Prometheus' text format. They name models, and nobody.

use crate::error::ServiceError;
use crate::queue;
use crate::store::Connection;
use std::fmt::Write;

/// All of them, as the database has them: every process of a desk gives the same.
pub(crate) fn text(db: &mut Connection) -> Result<String, ServiceError> {
    let queue::RequestCounts {
        states,
        attention,
        late,
    } = queue::counts(db)?;
    let mut text = String::new();
    let mut family = |name: &str, about: &str, kind: &str, samples: &[(String, i64)]| {
        let _ = writeln!(text, "# HELP {name} {about}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let plain = |value: i64| [(String::new(), value)];
    let states = states
        .iter()
        .map(|(state, count)| (format!("{{state=\"{}\"}}", state.as_str()), *count));
    let states: Vec<_> = states.collect();
    family(
        "rescind_requests",
        "Requests by where they stand.",
        "gauge",
        &states,
    );
    let name = "rescind_requests_needing_operator";
    family(
        name,
        "Open requests that an operator has to see to.",
        "gauge",
        &plain(attention),
    );
    family(
        "rescind_requests_late",
        "Open requests past their due date.",
        "gauge",
        &plain(late),
    );
    let (mut waiting, mut forgotten, mut refused) = <(Vec<_>, Vec<_>, Vec<_>)>::default();
    let (mut released, mut attempts, mut troubles) = <(Vec<_>, Vec<_>, Vec<_>)>::default();
    for model in queue::list_models(db)? {
        let counted = queue::counted(db, &model.name)?;
        // A model's name needs no escaping.
        let label = format!("{{model=\"{}\"}}", model.name);
        waiting.push((label.clone(), counted.waiting));
        forgotten.push((label.clone(), counted.forgotten));
        refused.push((label.clone(), counted.refused));
        released.push((label.clone(), model.released));
        troubles.push((label.clone(), i64::from(model.trouble.is_some())));
        attempts.push((label, model.attempts));
    }
    let name = "rescind_model_waiting";
    family(
        name,
        "Requests that wait for an answer of a model.",
        "gauge",
        &waiting,
    );
    let name = "rescind_model_forgotten";
    family(
        name,
        "Requests forgotten that no release of a model covers yet.",
        "gauge",
        &forgotten,
    );
    let name = "rescind_model_release_refused";
    family(
        name,
        "Of these, those of which a release was refused.",
        "gauge",
        &refused,
    );
    let name = "rescind_model_release";
    family(
        name,
        "Number of the newest release of a model.",
        "gauge",
        &released,
    );
    let name = "rescind_model_in_trouble";
    family(
        name,
        "Whether something is wrong with a model's run, also where nothing is asked of it.",
        "gauge",
        &troubles,
    );
    let name = "rescind_model_failed_attempts";
    family(
        name,
        "How often a model failed since it last went well.",
        "gauge",
        &attempts,
    );
    Ok(text)
}
