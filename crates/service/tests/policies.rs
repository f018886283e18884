//! What policies have done: promises kept, schedules, fallbacks, deadlines; and who is told.

mod common;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use common::browser::Browser;
use common::hook::{heard, hears_it, hook};
use common::{Running, model, of_subject, people, policy, settings};
use rescind::{ReleaseChoice, Run};
use rescind_privacy::NoiseChoice;
use rescind_service::{Notice, Role, Tokens};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// Noise of this promise, which is more than the small weights of the tests can bear.
fn noise(epsilon: f64) -> Value {
    json!({"by": "promise", "epsilon": epsilon, "delta": 1e-5})
}

fn each(promise: Value) -> Value {
    json!({
        "release": {"when": "each", "noise": noise(0.5), "accept_noise": true},
        "promise": promise,
    })
}

#[test]
fn a_release_that_would_break_the_promise_is_held_and_the_records_are_gone() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let promise = json!({"epsilon": 0.6, "delta": 1e-5, "if_broken": "hold"});
    let models = vec![model("one", &run, policy(each(promise)))];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    asks.until(&asks.ask("ann-1"), "completed");
    // Twice 0.5 is more than 0.6.
    let id = asks.ask("ann-2");
    let path = format!("/v1/requests/{id}");
    let held = asks.until_that(&path, |story| story["needs_operator"] == true);
    assert_eq!(held["models"][0]["state"], "forgotten");
    assert_eq!(operator.get(&path).good()["models"][0]["code"], "budget");
    assert_eq!(held["request_status"], "in_progress");
    // It waits for a release still, and operators see that.
    let shown = operator.get("/v1/models/one").good();
    assert_eq!(
        (&shown["forgotten"], &shown["refused"]),
        (&json!(1), &json!(1))
    );
    let figures = operator.get("/metrics");
    let figures = String::from_utf8(figures.bytes).unwrap();
    for figure in ["rescind_model_forgotten", "rescind_model_release_refused"] {
        let line = format!("{figure}{{model=\"one\"}} 1\n");
        assert!(figures.contains(&line), "{figures}");
    }
    let mut pages = Browser::new(&desk);
    pages.sign_in(desk.token(Role::Operator));
    let page = pages.get("/desk/models/one").text;
    assert!(
        page.contains("1 (1 refused: see to it)") && page.contains("Release now"),
        "{page}"
    );
    // Tried again it is refused again, whatever the policy says since.
    let warns = each(json!({"epsilon": 9, "delta": 1e-5, "if_broken": "warn"}));
    operator
        .call("PUT", "/v1/models/one/policy", Some(&warns))
        .good();
    assert_eq!(
        operator.post("/v1/models/one/retry", &json!({})).good()["requests"],
        1
    );
    operator.until_that(&path, |story| story["models"][0]["code"] == "budget");
    // A release with more noise keeps the promise.
    let ordered = json!({"noise": noise(0.05), "accept_noise": true});
    operator.post("/v1/models/one/releases", &ordered).good();
    let done = asks.until(&id, "completed");
    assert_eq!(
        (&done["models"][0]["release"], &done["needs_operator"]),
        (&json!(2), &json!(false))
    );
    assert!(desk.actions().contains(&"not_released".to_owned()));
    let promises = operator.get("/v1/models/one/promises").good();
    for promise in promises.as_array().unwrap() {
        assert!(promise["epsilon"].as_f64().unwrap() <= 0.6, "{promise}");
    }
    desk.end();
    let run = Run::open(&run).unwrap();
    assert_eq!(
        (run.retained().len(), run.ledger().history().release_count()),
        (54, 2)
    );
}

#[test]
fn a_release_that_breaks_the_promise_is_made_and_told_where_the_policy_says_warn() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let promise = json!({"epsilon": 0.6, "delta": 1e-5, "if_broken": "warn"});
    let models = vec![model("one", &run, policy(each(promise)))];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let asks = desk.as_requester();
    asks.until(&asks.ask("ann-1"), "completed");
    assert!(!desk.actions().contains(&"promise_broken".to_owned()));
    asks.until(&asks.ask("ann-2"), "completed");
    let broken = |entries: &Value| {
        let mut entries = entries.as_array().unwrap().iter();
        entries.any(|entry| entry["action"] == "promise_broken")
    };
    desk.as_auditor().until_that("/v1/audit?limit=1000", broken);
    let told = desk.notices.lock().unwrap();
    let told = told
        .iter()
        .any(|notice| matches!(notice, Notice::Trouble { code, .. } if code == "budget"));
    assert!(told);
}

/// Whoever made the release: `rescind release` beside the desk as well.
#[test]
fn a_promise_that_a_release_beside_the_desk_breaks_is_told() {
    let place = tempfile::tempdir().unwrap();
    let root = people(place.path(), "ann", 20);
    let promise = json!({"epsilon": 0.6, "delta": 1e-5, "if_broken": "warn"});
    let folder = place.path().join("desk");
    let models = vec![model("one", &root, policy(each(promise)))];
    let desk = Running::start(settings(&folder, models.clone()));
    desk.as_requester()
        .until(&desk.as_requester().ask("ann-1"), "completed");
    desk.end();
    let mut run = Run::open(&root).unwrap();
    run.forget(&rescind::Request::of("5".parse().unwrap()), &mut ())
        .unwrap();
    let noise = NoiseChoice::Promise {
        epsilon: 0.5,
        delta: 1e-5,
    };
    let choice = ReleaseChoice {
        accept_noise: true,
        ..ReleaseChoice::new(noise)
    };
    run.release(&choice, &mut ()).unwrap();
    drop(run);
    // By the order, that is refused as nothing is pending, the desk comes to look.
    let desk = Running::start(settings(&folder, models));
    desk.as_operator()
        .post("/v1/models/one/releases", &json!({}))
        .good();
    let model = |model: &Value| model["released"] == 2;
    desk.as_auditor().until_that("/v1/models/one", model);
    let broken = |entries: &Value| {
        let mut entries = entries.as_array().unwrap().iter();
        entries.any(|entry| entry["action"] == "promise_broken")
    };
    desk.as_auditor().until_that("/v1/audit?limit=1000", broken);
}

#[test]
fn a_schedule_releases_what_was_forgotten_since() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let scheduled = json!({"release": {
        "when": "scheduled", "every_seconds": 1, "noise": noise(0.5), "accept_noise": true,
    }});
    let models = vec![model("one", &run, policy(scheduled))];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let asks = desk.as_requester();
    let ids = [asks.ask("ann-1"), asks.ask("ann-2")];
    for id in &ids {
        let done = asks.until(id, "completed");
        let part = &done["models"][0];
        assert!(
            part["release"].as_u64() >= part["answer"].as_u64(),
            "{part}"
        );
    }
    desk.end();
    let run = Run::open(&run).unwrap();
    assert!(run.ledger().history().pending().is_empty());
}

#[test]
fn a_method_that_fails_is_followed_by_retraining_where_the_policy_says_so() {
    for (fallback, state) in [("hold", "held"), ("retrain", "done")] {
        let place = tempfile::tempdir().unwrap();
        let run = people(place.path(), "ann", 20);
        // The run keeps no early checkpoint to go back to.
        let rewinds = json!({
            "method": {"kind": "rewind"}, "fallback": fallback, "release": {"when": "never"},
        });
        let models = vec![model("one", &run, policy(rewinds))];
        let desk = Running::start(settings(&place.path().join("desk"), models));
        let asks = desk.as_requester();
        let path = format!("/v1/requests/{}", asks.ask("ann-1"));
        let story = asks.until_that(&path, |story| {
            story["needs_operator"] == true || story["request_status"] == "completed"
        });
        assert_eq!(story["models"][0]["state"], state, "{story}");
        desk.end();
        let run = Run::open(&run).unwrap();
        let methods = run
            .answers()
            .unwrap()
            .into_iter()
            .map(|answer| answer.method.method);
        let methods: Vec<String> = methods.collect();
        match fallback {
            "hold" => assert_eq!((methods.len(), run.retained().len()), (0, 60)),
            _ => assert_eq!(methods, ["retrain"]),
        }
    }
}

#[test]
fn what_is_due_soon_waits_for_no_batch() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let waits = json!({
        "batch": {"at_least": 100, "wait_seconds": 31_000_000}, "release": {"when": "never"},
    });
    let models = vec![model("one", &run, policy(waits))];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let asks = desk.as_requester();
    let patient = asks.ask("ann-1");
    let mut urgent = of_subject("ann-2");
    // Received late: a month after the person asked.
    urgent["submitted_time"] = json!("2026-01-01T00:00:00Z");
    let urgent = asks.post("/v1/requests", &urgent).good();
    assert_eq!(urgent["late"], true);
    // Whatever waits goes along.
    asks.until(urgent["request_id"].as_str().unwrap(), "completed");
    asks.until(&patient, "completed");
    desk.end();
    assert_eq!(Run::open(&run).unwrap().answers().unwrap().len(), 1);
}

/// Somebody who hears callbacks: heads and bodies, as they come.
fn hears() -> (String, Receiver<(Vec<String>, String)>) {
    let (listener, at) = hook();
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (head, body) = heard(&stream);
            hears_it(&mut stream);
            let told = (head, String::from_utf8(body).unwrap());
            if sender.send(told).is_err() {
                return;
            }
        }
    });
    (at, receiver)
}

fn next(receiver: &Receiver<(Vec<String>, String)>) -> (Vec<String>, String) {
    receiver.recv_timeout(Duration::from_secs(60)).unwrap()
}

/// Whether a callback is signed as the documents say.
fn is_signed(folder: &Path, (head, body): &(Vec<String>, String)) -> bool {
    let key = Tokens::open(folder, None).unwrap().callback_key();
    let key = STANDARD_NO_PAD.decode(key).unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    let signature = head.iter().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("rescind-signature")
            .then(|| value.to_owned())
    });
    let signature = signature.unwrap();
    let (time, tag) = signature.split_once(",v1=").unwrap();
    let time = time.strip_prefix("t=").unwrap();
    let signed = ring::hmac::sign(&key, format!("{time}.{body}").as_bytes());
    let signed: String = signed
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    signed == tag
}

#[test]
fn whoever_wants_to_hear_is_told_and_can_check_by_whom() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let folder = place.path().join("desk");
    let never = policy(json!({"release": {"when": "never"}}));
    let (alerts, alerted) = hears();
    let mut settings = settings(&folder, vec![model("one", &run, never)]);
    settings.alerts = Some(alerts);
    let desk = Running::start(settings);
    let asks = desk.as_requester();
    let (hook, told) = hears();
    let mut asked = of_subject("ann-1");
    asked["status_callback_urls"] = json!([hook]);
    let id = asks.post("/v1/requests", &asked).good()["request_id"].clone();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let callback = next(&told);
        assert!(is_signed(&folder, &callback), "{callback:?}");
        let forged = (callback.0.clone(), callback.1.replace("ann", "bob") + " ");
        assert!(!is_signed(&folder, &forged));
        assert!(!callback.1.contains("ann-1"), "{}", callback.1);
        let body: Value = serde_json::from_str(&callback.1).unwrap();
        assert_eq!(
            (&body["event"], &body["request_id"]),
            (&json!("request_status"), &id)
        );
        seen.push(body["request_status"].as_str().unwrap().to_owned());
    }
    seen.sort_unstable();
    assert_eq!(seen, ["completed", "in_progress"]);
    // What is held is told to operators.
    let held = asks.post(
        "/v1/requests",
        &json!({"records": [{"model": "one", "records": "0-59"}]}),
    );
    held.good();
    let callback = next(&alerted);
    assert!(is_signed(&folder, &callback), "{callback:?}");
    let body: Value = serde_json::from_str(&callback.1).unwrap();
    assert_eq!(
        (&body["event"], &body["object"]),
        (&json!("held"), &json!("one"))
    );
}

#[test]
fn operators_are_told_once_of_what_is_due_soon() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let folder = place.path().join("desk");
    let waits = json!({
        "batch": {"at_least": 100, "wait_seconds": 31_000_000}, "deadline": {"hurry_seconds": 0},
    });
    let models = vec![model("one", &run, policy(waits))];
    let desk = Running::start(settings(&folder, models.clone()));
    let asks = desk.as_requester();
    let mut soon = of_subject("ann-1");
    soon["submitted_time"] = json!("2026-01-01T00:00:00Z");
    let tomorrow = std::time::SystemTime::now() + Duration::from_secs(86_400);
    soon["due_time"] = json!(humantime::format_rfc3339_seconds(tomorrow).to_string());
    let id = asks.post("/v1/requests", &soon).good()["request_id"].clone();
    asks.ask("ann-2");
    desk.end();
    // Looked at when it starts, and now and then.
    let (alerts, alerted) = hears();
    let mut again = settings(&folder, models);
    again.alerts = Some(alerts);
    let desk = Running::start(again);
    let body: Value = serde_json::from_str(&next(&alerted).1).unwrap();
    assert_eq!((&body["event"], &body["object"]), (&json!("due_soon"), &id));
    let count = desk
        .actions()
        .iter()
        .filter(|action| *action == "due_soon")
        .count();
    assert_eq!(count, 1);
}

/// Whoever orders a release: what the policy promises is kept.
#[test]
fn an_ordered_release_keeps_the_promise_too() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let asked = json!({
        "release": {"when": "asked", "noise": noise(0.5), "accept_noise": true},
        "promise": {"epsilon": 0.6, "delta": 1e-5, "if_broken": "hold"},
    });
    let models = vec![model("one", &run, policy(asked))];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    let releases = "/v1/models/one/releases";
    for (person, state) in [("ann-1", "made"), ("ann-2", "failed")] {
        let path = format!("/v1/requests/{}", asks.ask(person));
        asks.until_that(&path, |story| story["models"][0]["state"] == "forgotten");
        let ordered = operator.post(releases, &json!({})).good();
        let order = ordered["order"].as_str().unwrap();
        let path = format!("/v1/models/one/orders/{order}");
        let ended = operator.until_that(&path, |order| {
            order["release"] != Value::Null || order["code"] != Value::Null
        });
        assert_eq!(ended["state"], state, "{ended}");
        if state == "failed" {
            assert_eq!(ended["code"], "budget");
        }
    }
    assert_eq!(operator.get(releases).good().as_array().unwrap().len(), 1);
    desk.end();
}
