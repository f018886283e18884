//! What a requester is told where somebody else has asked for the same before: what everybody is told.

mod common;

use common::{Caller, Running, asked, model, of_subject, people, policy, released, settings};
use rescind_service::Role;
use rescind_service::policy::Policy;
use serde_json::{Value, json};
use std::path::Path;

fn desk_with(place: &Path, policy: Policy) -> Running {
    let run = people(place, "ann", 20);
    Running::start(settings(
        &place.join("desk"),
        vec![model("one", &run, policy)],
    ))
}

fn until_forgotten(asks: &Caller, id: &str) -> Value {
    let path = format!("/v1/requests/{id}");
    asks.until_that(&path, |story| story["models"][0]["state"] == "forgotten")
}

fn release(operator: &Caller, number: i64) {
    operator.post("/v1/models/one/releases", &json!({})).good();
    operator.until_that("/v1/models/one", |model| model["released"] == number);
}

/// A release that has somebody's records still is not left out because they were forgotten before.
#[test]
fn whoever_asks_second_is_covered_by_a_release_too() {
    let place = tempfile::tempdir().unwrap();
    let desk = desk_with(place.path(), asked());
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    let other = desk.caller(&desk.another("blog", Role::Requester));
    until_forgotten(&asks, &asks.ask("ann-9"));
    release(&operator, 1);
    until_forgotten(&asks, &asks.ask("ann-1"));
    let again = other.ask("ann-1");
    let story = until_forgotten(&other, &again);
    assert_eq!(story["request_status"], "in_progress");
    assert_eq!(story["models"][0]["records"], 3);
    let told = operator.get(&format!("/v1/requests/{again}")).good();
    assert_eq!(told["models"][0]["answer"], 2);
    release(&operator, 2);
    let receipt = format!("/v1/requests/{again}/receipt");
    let done = other.until_that(&receipt, |told| told["request_status"] == "completed");
    let part = &done["models"][0];
    assert_eq!(
        (&part["state"], &part["release"], &part["records"]),
        (&json!("done"), &json!(2), &json!(3))
    );
    let promise = &part["promise"];
    assert_eq!(
        (&promise["earlier_releases"], &promise["records"]),
        (&json!(1), &json!(3))
    );
    assert!(promise["epsilon"].as_f64().is_some(), "{promise}");
    // What the newest release covers already is done by that one; so it is where some were held out.
    let third = asks.ask("ann-1");
    let story = asks.until(&third, "completed");
    assert_eq!(
        (&story["models"][0]["state"], &story["models"][0]["release"]),
        (&json!("done"), &json!(2))
    );
}

/// In one batch, those who are forgotten now and those who were before.
/// Records that left long ago were noised by every release since.
#[test]
fn whoever_asks_second_is_promised_what_the_first_is() {
    let place = tempfile::tempdir().unwrap();
    let desk = desk_with(place.path(), asked());
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    let other = desk.caller(&desk.another("blog", Role::Requester));
    let first = asks.ask("ann-1");
    until_forgotten(&asks, &first);
    release(&operator, 1);
    until_forgotten(&asks, &asks.ask("ann-9"));
    let alone = other.ask("ann-1");
    until_forgotten(&other, &alone);
    release(&operator, 2);
    // One in a batch of others, and one for somebody else besides.
    let both = json!({"subject_identities": [
        {"identity_value": "ann-1"}, {"identity_value": "ann-5"},
    ]});
    let both = other.post("/v1/requests", &both).good();
    let both = both["request_id"].as_str().unwrap();
    until_forgotten(&other, both);
    release(&operator, 3);
    let promise = |caller: &Caller, id: &str| {
        let receipt = caller.get(&format!("/v1/requests/{id}/receipt")).good();
        receipt["models"][0]["promise"].clone()
    };
    let known = promise(&asks, &first);
    assert_eq!(
        (&known["releases"], &known["earlier_releases"]),
        (&json!(3), &json!(0))
    );
    // Two releases have the records of the one who left last.
    for (id, earlier) in [(&*alone, 0), (both, 2)] {
        let told = promise(&other, id);
        for what in ["epsilon", "releases"] {
            assert_eq!(told[what], known[what], "{what}: {told}");
        }
        assert_eq!(told["earlier_releases"], earlier, "{told}");
    }
}

#[test]
fn a_batch_is_answered_alike_to_all_who_are_in_it() {
    let place = tempfile::tempdir().unwrap();
    let mut together = released();
    together.batch.at_least = 2;
    together.batch.wait_seconds = 86_400;
    let desk = desk_with(place.path(), together);
    let asks = desk.as_requester();
    let other = desk.caller(&desk.another("blog", Role::Requester));
    for id in [asks.ask("ann-1"), asks.ask("ann-2")] {
        asks.until(&id, "completed");
    }
    // The first of these has nothing left that could be taken out.
    let mine = [other.ask("ann-1"), other.ask("ann-3"), other.ask("ann-4")];
    let mut promises = Vec::new();
    let seen = mine.map(|id| {
        let mut told = other.until(&id, "completed");
        let mut receipt = other.get(&format!("/v1/requests/{id}/receipt")).good();
        told["models"][0]["since"].take();
        for told in [&mut told, &mut receipt] {
            for own in [
                "request_id",
                "received_time",
                "submitted_time",
                "finished_time",
                "expected_completion_time",
            ] {
                told[own].take();
            }
        }
        promises.push(receipt["models"][0]["promise"].take());
        (told, receipt)
    });
    // But for what each is promised, which is as it is: the one left with an earlier answer.
    assert_eq!(promises[1], promises[2]);
    assert_eq!(
        (&promises[0]["releases"], &promises[1]["releases"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[1], seen[2]);
    let part = &seen[0].0["models"][0];
    assert_eq!(
        (&part["state"], &part["records"]),
        (&json!("done"), &json!(3))
    );
    let promise = &promises[0];
    // Numbers of answers count what others asked.
    assert_eq!(
        (&part["answer"], &promise["answer"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(promise["answered_at"], Value::Null);
}

#[test]
fn a_dry_run_counts_what_was_trained_on_at_first() {
    let place = tempfile::tempdir().unwrap();
    let desk = desk_with(place.path(), released());
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    let other = desk.caller(&desk.another("blog", Role::Requester));
    let all = json!({"records": [{"model": "one", "records": "0-58"}]});
    let dry = |who: &Caller, of: &Value| {
        let held = who.post("/v1/requests/dry-run", of).good();
        held["models"][0]["held"].clone()
    };
    let before = [dry(&other, &of_subject("ann-1")), dry(&other, &all)];
    assert_eq!(
        (&before[0]["trained"], &before[1]["trained"]),
        (&json!(3), &json!(59))
    );
    asks.until(&asks.ask("ann-1"), "completed");
    assert_eq!(
        [dry(&other, &of_subject("ann-1")), dry(&other, &all)],
        before
    );
    let told = dry(&operator, &of_subject("ann-1"));
    assert_eq!(
        (&told["trained"], &told["forgotten"]),
        (&json!(0), &json!(3))
    );
    // And of those who asked for more than is left of them.
    let story = other.post(
        "/v1/requests",
        &json!({"records": [{"model": "one", "records": "0-5"}]}),
    );
    let id = story.good()["request_id"].as_str().unwrap().to_owned();
    let story = other.until(&id, "completed");
    assert_eq!(story["models"][0]["records"], 6);
}

/// Whatever an operator has to look at: what weights decided is not told apart from the rest.
#[test]
fn what_is_held_is_told_in_the_same_words() {
    let place = tempfile::tempdir().unwrap();
    let desk = desk_with(
        place.path(),
        policy(json!({
            "method": {"kind": "newton", "settings": {
                "loss_growth": 1e-12, "damping": {"kind": "given", "value": 1e-9},
            }},
            "release": {"when": "never"},
        })),
    );
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    let everything = json!({"records": [{"model": "one", "records": "0-59"}]});
    let some = json!({"records": [{"model": "one", "records": "0-29"}]});
    let mut codes = Vec::new();
    let told = [everything, some].map(|asked| {
        let story = asks.post("/v1/requests", &asked).good();
        let path = format!("/v1/requests/{}", story["request_id"].as_str().unwrap());
        asks.until_that(&path, |story| story["needs_operator"] == true);
        codes.push(operator.get(&path).good()["models"][0]["code"].clone());
        let mut part = asks.get(&path).good()["models"][0].clone();
        part["since"].take();
        part
    });
    assert_ne!(codes[0], codes[1]);
    assert_eq!(told[0], told[1]);
    assert_eq!(
        (&told[0]["state"], &told[0]["code"], &told[0]["detail"]),
        (
            &json!("held"),
            &Value::Null,
            &json!("an operator has to look at it")
        )
    );
}
