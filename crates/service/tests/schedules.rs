//! What requesters cannot have done, and what one request cannot do to others.

mod common;

use common::{Caller, Running, model, of_subject, people, policy, settings};
use rescind::Run;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

fn in_seconds(seconds: u64) -> String {
    let at = SystemTime::now() + Duration::from_secs(seconds);
    humantime::format_rfc3339_seconds(at).to_string()
}

/// Asks for somebody, and looks until they are gone from the private weights.
fn forgotten(asks: &Caller, asked: &Value) -> Value {
    let story = asks.post("/v1/requests", asked).good();
    let path = format!("/v1/requests/{}", story["request_id"].as_str().unwrap());
    let gone = |story: &Value| {
        ["forgotten", "done"]
            .map(Value::from)
            .contains(&story["models"][0]["state"])
    };
    asks.until_that(&path, gone)
}

/// A release weakens what everybody was promised: whoever asks to be forgotten cannot have one made.
#[test]
fn a_requester_makes_no_release_by_when_a_request_is_due() {
    let noise = json!({"by": "sigma", "sigma": 0.05, "delta": 1e-5});
    for release in [
        json!({"when": "scheduled", "every_seconds": 2_592_000, "noise": noise}),
        json!({"when": "each", "noise": noise}),
    ] {
        let place = tempfile::tempdir().unwrap();
        let run = people(place.path(), "ann", 20);
        let each = release["when"] == "each";
        let batch = match each {
            true => json!({"at_least": 5, "wait_seconds": 31_000_000}),
            false => json!({}),
        };
        let policy = policy(json!({"batch": batch, "release": release}));
        let desk = Running::start(settings(
            &place.path().join("desk"),
            vec![model("one", &run, policy)],
        ));
        let asks = desk.as_requester();
        let mut late = of_subject("ann-1");
        late["submitted_time"] = json!("2026-01-01T00:00:00Z");
        let mut now = of_subject("ann-2");
        now["due_time"] = json!(in_seconds(1));
        for asked in [&late, &now, &of_subject("ann-3"), &of_subject("ann-4")] {
            match each {
                true => drop(asks.post("/v1/requests", asked).good()),
                false => drop(forgotten(&asks, asked)),
            }
        }
        // By the operator's count a batch is full now.
        let last = forgotten(&asks, &of_subject("ann-5"));
        desk.end();
        let run = Run::open(&run).unwrap();
        let made = run.ledger().history().release_count();
        match each {
            true => assert_eq!((made, run.answers().unwrap().len()), (1, 1)),
            false => assert_eq!(
                (made, &last["models"][0]["state"]),
                (0, &json!("forgotten"))
            ),
        }
    }
}

#[test]
fn a_request_is_due_in_a_day_at_the_soonest() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let waits = policy(json!({"batch": {"at_least": 9, "wait_seconds": 86400},
        "deadline": {"hurry_seconds": 0}}));
    let models = vec![model("one", &run, waits)];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let asks = desk.as_requester();
    let tomorrow = in_seconds(86_000);
    let mut soon = of_subject("ann-1");
    soon["due_time"] = json!(in_seconds(3600));
    let story = asks.post("/v1/requests", &soon).good();
    let due = story["expected_completion_time"].as_str().unwrap();
    assert!(due > &*tomorrow, "{due}");
    // Asked again when it is nearer, it is the same request.
    let mut later = of_subject("ann-2");
    later["due_time"] = json!(in_seconds(10 * 86_400));
    let story = asks.post("/v1/requests", &later).good();
    assert_eq!(story["expected_completion_time"], later["due_time"]);
}

/// Records that a run refuses together with others: the others are answered.
#[test]
fn what_cannot_be_answered_is_held_alone() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let never = policy(json!({
        "batch": {"at_least": 9, "wait_seconds": 86400}, "release": {"when": "never"},
    }));
    let models = vec![model("one", &run, never)];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let asks = desk.as_requester();
    let ask_by = |records: &str, due: Value| {
        let asked = json!({"records": [{"model": "one", "records": records}], "due_time": due});
        let story = asks.post("/v1/requests", &asked).good();
        story["request_id"].as_str().unwrap().to_owned()
    };
    let ask = |records| ask_by(records, Value::Null);
    // Each can be answered, and all together are everything. The last is due soon, and takes them along.
    let (one, other) = (ask("5"), ask("7,8"));
    let (low, high) = (ask("0-39"), ask_by("30-59", json!(in_seconds(2 * 86_400))));
    for innocent in [&one, &other] {
        asks.until(innocent, "completed");
    }
    let state = |id: &str| {
        let path = format!("/v1/requests/{id}");
        let ended = |story: &Value| {
            ["done", "held", "nothing_held"]
                .contains(&story["models"][0]["state"].as_str().unwrap())
        };
        desk.as_operator().until_that(&path, ended)["models"][0].clone()
    };
    let (low, high) = (state(&low), state(&high));
    let held = [&low, &high].map(|part| part["state"] == "held");
    assert_eq!(held.iter().filter(|held| **held).count(), 1, "{low} {high}");
    let code = if held[0] { &low["code"] } else { &high["code"] };
    assert_eq!(code, "forgets_everything");
}

/// What waits for a release that will never be made is done.
#[test]
fn what_is_forgotten_is_done_once_nothing_is_released_any_more() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let models = vec![model("one", &run, policy(json!({})))];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    let story = forgotten(&asks, &of_subject("ann-1"));
    assert_eq!(story["models"][0]["state"], "forgotten");
    let never = json!({"release": {"when": "never"}});
    operator
        .call("PUT", "/v1/models/one/policy", Some(&never))
        .good();
    let story = asks.until(story["request_id"].as_str().unwrap(), "completed");
    assert_eq!(
        (&story["models"][0]["state"], &story["models"][0]["release"]),
        (&json!("done"), &Value::Null)
    );
}
