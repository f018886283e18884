//! What requesters are told, and what not: the same wherever they look.

mod common;

use common::{Running, model, of_subject, people, policy, released, settings};
use serde_json::{Value, json};

/// What decided about noise is a fact about the records.
#[test]
fn a_receipt_tells_no_more_than_the_status() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let destroys = policy(json!({"release": {
        "when": "each", "noise": {"by": "promise", "epsilon": 1e-4, "delta": 1e-9},
    }}));
    let models = vec![model("one", &run, destroys)];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    let path = format!("/v1/requests/{}", asks.ask("ann-1"));
    asks.until_that(&path, |story| story["needs_operator"] == true);
    let receipt = format!("{path}/receipt");
    for at in [&path, &receipt] {
        assert_eq!(
            asks.get(at).good()["models"][0]["code"],
            Value::Null,
            "{at}"
        );
        let told = &operator.get(at).good()["models"][0]["code"];
        assert_eq!(told, "noise_destroys", "{at}");
    }
}

#[test]
fn a_receipt_counts_its_own_records_and_names_no_folder() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let mut together = released();
    together.batch.at_least = 2;
    together.batch.wait_seconds = 86_400;
    let models = vec![model("one", &run, together)];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    let (first, second) = (asks.ask("ann-1"), asks.ask("ann-2"));
    for id in [&first, &second] {
        asks.until(id, "completed");
    }
    let path = format!("/v1/requests/{first}/receipt");
    let promise = |answer: &Value| answer["models"][0]["promise"].clone();
    assert_eq!(promise(&asks.get(&path).good())["records"], 3);
    assert_eq!(promise(&operator.get(&path).good())["records"], 6);
    // As of a model that was taken away since.
    operator.call("DELETE", "/v1/models/one", None).good();
    assert_eq!(promise(&asks.get(&path).good())["records"], 3);
    // The run is gone: what was done is still told.
    std::fs::rename(&run, place.path().join("elsewhere")).unwrap();
    let receipt = asks.get(&path);
    let text = String::from_utf8(receipt.bytes.clone()).unwrap();
    assert!(!text.contains(place.path().to_str().unwrap()), "{text}");
    let receipt = receipt.good();
    assert_eq!(
        (&receipt["request_status"], promise(&receipt)),
        (&json!("completed"), Value::Null)
    );
    assert_eq!(receipt["models"][0]["promise_code"], "ledger_missing");
}

/// Whether somebody else has asked is not told.
#[test]
fn requesters_do_not_learn_that_others_asked() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let models = vec![model("one", &run, released())];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    asks.until(&asks.ask("ann-1"), "completed");
    let other = desk.caller(&desk.another("blog", rescind_service::Role::Requester));
    let dry = |who: &common::Caller| {
        let held = who.post("/v1/requests/dry-run", &of_subject("ann-1"));
        held.good()["models"][0]["held"].clone()
    };
    assert_eq!(dry(&other)["forgotten"], Value::Null);
    assert_eq!(dry(&operator)["forgotten"], 3);
    // As if their own request had taken the records out.
    let id = other.ask("ann-1");
    let part = other.until(&id, "completed")["models"][0].clone();
    assert_eq!(
        (&part["state"], &part["records"], &part["code"]),
        (&json!("done"), &json!(3), &Value::Null)
    );
}

#[test]
fn what_an_operator_dismisses_is_not_said_to_have_held_nothing() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let models = vec![model("one", &run, released())];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    let all = json!({"records": [{"model": "one", "records": "0-59"}]});
    let story = asks.post("/v1/requests", &all).good();
    let id = story["request_id"].as_str().unwrap();
    let path = format!("/v1/requests/{id}");
    asks.until_that(&path, |story| story["models"][0]["state"] == "held");
    let dismiss = format!("{path}/models/one/dismiss");
    operator.post(&dismiss, &json!({})).good();
    let receipt = asks.get(&format!("{path}/receipt")).good();
    assert_eq!(
        (&receipt["request_status"], &receipt["models"][0]["state"]),
        (&json!("completed"), &json!("dismissed"))
    );
}

/// The audit log names the token, and nobody passes for the desk.
#[test]
fn the_log_names_the_token_that_something_was_done_with() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let models = vec![model("one", &run, released())];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let tokens = rescind_service::Tokens::open(&desk.folder, None).unwrap();
    for owner in ["desk", "Desk"] {
        let refused = tokens.make(owner, rescind_service::Role::Operator, None);
        assert_eq!(refused.err().unwrap().code(), rescind::Code::Setting);
    }
    let operator = desk.as_operator();
    operator.post("/v1/models/one/retry", &json!({})).good();
    let log = operator.get("/v1/audit").good();
    let tried = log.as_array().unwrap().iter();
    let tried: Vec<&Value> = tried
        .filter(|entry| entry["action"] == "tried_again")
        .collect();
    let token = desk.token(rescind_service::Role::Operator);
    let name = token.split('_').nth(1).unwrap();
    assert_eq!(tried[0]["actor"], format!("shop/{}", &name[..8]));
}
