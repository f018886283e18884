//! What makes up a batch: those who bring something to forget, each once.

mod common;

use common::{Caller, Running, model, of_subject, people, policy, settings};
use rescind::Run;
use rescind_service::Role;
use serde_json::json;
use std::path::Path;

fn in_a_day() -> String {
    let at = std::time::SystemTime::now() + std::time::Duration::from_secs(86_500);
    humantime::format_rfc3339_seconds(at).to_string()
}

fn desk_with(place: &Path, when: &str) -> Running {
    let run = people(place, "ann", 20);
    let gathers = policy(json!({
        "batch": {"at_least": 3, "wait_seconds": 86_400},
        "release": {"when": when, "noise": {"by": "sigma", "sigma": 0.05, "delta": 1e-5}},
    }));
    Running::start(settings(
        &place.join("desk"),
        vec![model("one", &run, gathers)],
    ))
}

/// Whoever fills a batch with names that bring nothing would have a release made for one person alone.
#[test]
fn names_that_bring_nothing_make_up_no_batch() {
    let place = tempfile::tempdir().unwrap();
    let desk = desk_with(place.path(), "each");
    let asks = desk.as_requester();
    let other = desk.caller(&desk.another("blog", Role::Requester));
    let together = |people: [&str; 3], fill: &dyn Fn(&Caller)| {
        let first = asks.ask(people[0]);
        fill(&other);
        let rest = [asks.ask(people[1]), asks.ask(people[2])];
        for id in [&first, &rest[0], &rest[1]] {
            asks.until(id, "completed");
        }
    };
    together(["ann-1", "ann-2", "ann-3"], &|other| {
        for name in 0..9 {
            other.ask(&format!("nobody-{name}"));
            other.ask("ann-1");
        }
    });
    // Forgotten before, by name and by position.
    together(["ann-4", "ann-5", "ann-6"], &|other| {
        for _ in 0..4 {
            other.ask("ann-2");
            let records = json!({"records": [{"model": "one", "records": "1,900"}]});
            other.post("/v1/requests", &records).good();
        }
    });
    desk.end();
    let run = Run::open(&place.path().join("ann")).unwrap();
    let sizes = run.answers().unwrap().into_iter();
    let sizes: Vec<usize> = sizes.map(|answer| answer.forgotten.len()).collect();
    assert_eq!(sizes, [9, 9]);
}

/// What brings nothing is seen to in its time, and takes nobody along.
#[test]
fn what_brings_nothing_hurries_nobody() {
    let place = tempfile::tempdir().unwrap();
    let desk = desk_with(place.path(), "never");
    let asks = desk.as_requester();
    let patient = asks.ask("ann-1");
    let mut urgent = of_subject("nobody");
    urgent["due_time"] = json!(in_a_day());
    let story = asks.post("/v1/requests", &urgent).good();
    let done = asks.until(story["request_id"].as_str().unwrap(), "completed");
    assert_eq!(done["models"][0]["code"], "unknown_subject");
    // Somebody who brings something takes whoever waits along.
    let mut urgent = of_subject("ann-2");
    urgent["due_time"] = json!(in_a_day());
    let story = asks.post("/v1/requests", &urgent).good();
    for id in [story["request_id"].as_str().unwrap(), &patient] {
        asks.until(id, "completed");
    }
    desk.end();
    let run = Run::open(&place.path().join("ann")).unwrap();
    assert_eq!(run.answers().unwrap().len(), 1);
}
