//! The promise of the policy in force is kept by releases that were asked for before it was; and one that is
//! broken beside the desk is told, however little waits.

mod common;

use common::{Running, model, people, policy, settings};
use rescind::{ReleaseChoice, Request, Run};
use rescind_data::RecordRequest;
use rescind_privacy::NoiseChoice;
use serde_json::{Value, json};
use std::path::Path;

const ORDERS: &str = "/v1/models/one/releases";

fn noise(epsilon: f64) -> Value {
    json!({"by": "promise", "epsilon": epsilon, "delta": 1e-5})
}

/// Releases when asked, with this noise, keeping this promise.
fn keeping(promise: &Value) -> Value {
    json!({
        "release": {"when": "asked", "noise": noise(2.0), "accept_noise": true},
        "promise": promise,
    })
}

fn holds() -> Value {
    json!({"epsilon": 0.6, "delta": 1e-5, "if_broken": "hold"})
}

fn choice(epsilon: f64) -> ReleaseChoice {
    let delta = 1e-5;
    ReleaseChoice {
        accept_noise: true,
        ..ReleaseChoice::new(NoiseChoice::Promise { epsilon, delta })
    }
}

#[test]
fn an_order_that_waited_keeps_the_promise_in_force_when_it_is_made() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let folder = place.path().join("desk");
    let models = vec![model("one", &run, policy(keeping(&Value::Null)))];
    let desk = Running::start(settings(&folder, models));
    let asks = desk.as_requester();
    let path = format!("/v1/requests/{}", asks.ask("ann-1"));
    asks.until_that(&path, |story| story["models"][0]["state"] == "forgotten");
    desk.end();

    let mut idle = settings(&folder, Vec::new());
    idle.workers = 0;
    let desk = Running::start(idle);
    let operator = desk.as_operator();
    let order = operator.post(ORDERS, &json!({})).good()["order"].clone();
    let kept = keeping(&holds());
    operator
        .call("PUT", "/v1/models/one/policy", Some(&kept))
        .good();
    desk.end();

    let desk = Running::start(settings(&folder, Vec::new()));
    let path = format!("/v1/models/one/orders/{}", order.as_str().unwrap());
    let ended = desk.as_operator().until_that(&path, |order| {
        order["state"] == "made" || order["state"] == "failed"
    });
    assert_eq!(
        (&ended["state"], &ended["code"]),
        (&json!("failed"), &json!("budget"))
    );
    assert_eq!(desk.as_operator().get(ORDERS).good(), json!([]));
}

/// A policy that releases with each answer, and promises more than the batch below does.
fn each() -> Value {
    let mut each = keeping(&holds());
    each["release"]["when"] = json!("each");
    each
}

/// A desk with a request of ann-1 in a batch that was written down with this release and never answered, of
/// a policy that is another by now; and the request's name.
fn with_batch(place: &Path, run: &Path, release: &ReleaseChoice, now: Value) -> (Running, String) {
    let folder = place.join("desk");
    let models = vec![model("one", run, policy(now))];
    let mut idle = settings(&folder, models);
    idle.workers = 0;
    let desk = Running::start(idle);
    let id = desk.as_requester().ask("ann-1");
    desk.end();
    let database = rusqlite::Connection::open(folder.join("desk.sqlite")).unwrap();
    let asked = json!({"method": null, "release": release}).to_string();
    let put = "INSERT INTO batches VALUES ('a-batch', 'one', ?1, 0, NULL)";
    database.execute(put, [asked]).unwrap();
    let join = "UPDATE parts SET state = 'answering', batch = 'a-batch', records = 3";
    assert_eq!(database.execute(join, []).unwrap(), 1);
    drop(database);
    (Running::start(settings(&folder, Vec::new())), id)
}

#[test]
fn a_batch_that_waited_keeps_the_promise_in_force_when_it_is_answered() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let (desk, id) = with_batch(place.path(), &run, &choice(2.0), each());
    let path = format!("/v1/requests/{id}");
    let story = desk.as_operator().until_that(&path, |story| {
        story["needs_operator"] == true || story["request_status"] == "completed"
    });
    let part = &story["models"][0];
    assert_eq!(
        (&part["state"], &part["code"]),
        (&json!("forgotten"), &json!("budget"))
    );
    assert_eq!(desk.as_operator().get(ORDERS).good(), json!([]));
}

#[test]
fn a_batch_that_waited_releases_nothing_where_the_policy_has_come_to_say_never() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let never = json!({"release": {"when": "never"}});
    let (desk, id) = with_batch(place.path(), &run, &choice(2.0), never);
    let story = desk.as_operator().until(&id, "completed");
    let part = &story["models"][0];
    assert_eq!(
        (&part["answer"], &part["release"]),
        (&json!(1), &Value::Null)
    );
    assert_eq!(desk.as_operator().get(ORDERS).good(), json!([]));
}

#[test]
fn a_batch_that_the_run_has_answered_stays_as_it_was() {
    let place = tempfile::tempdir().unwrap();
    let root = people(place.path(), "ann", 20);
    let mut run = Run::open(&root).unwrap();
    let asked = Request::of(RecordRequest::Subject("ann-1".to_owned()));
    run.forget(&asked.released(choice(2.0)).keyed("a-batch"), &mut ())
        .unwrap();
    drop(run);
    let (desk, id) = with_batch(place.path(), &root, &choice(2.0), each());
    let story = desk.as_operator().until(&id, "completed");
    let part = &story["models"][0];
    assert_eq!((&part["answer"], &part["release"]), (&json!(1), &json!(1)));
}

#[test]
fn a_promise_broken_beside_the_desk_is_told_once_where_nothing_waits() {
    let place = tempfile::tempdir().unwrap();
    let root = people(place.path(), "ann", 20);
    let folder = place.path().join("desk");
    let warns = keeping(&json!({"epsilon": 0.6, "delta": 1e-5, "if_broken": "warn"}));
    let models = vec![model("one", &root, policy(warns))];
    Running::start(settings(&folder, models)).end();
    let mut run = Run::open(&root).unwrap();
    let asked = Request::of(RecordRequest::Subject("ann-1".to_owned()));
    run.forget(&asked.released(choice(2.0)), &mut ()).unwrap();
    drop(run);
    let broken = |desk: &Running| {
        let actions = desk.actions().into_iter();
        actions.filter(|action| action == "promise_broken").count()
    };
    // It looks when it starts, and now and then.
    let desk = Running::start(settings(&folder, Vec::new()));
    let noticed = |log: &Value| {
        let mut log = log.as_array().unwrap().iter();
        log.any(|entry| entry["action"] == "promise_broken")
    };
    let auditor = desk.as_auditor();
    auditor.until_that("/v1/audit?limit=1000", noticed);
    assert_eq!(auditor.get("/v1/models/one").good()["released"], 1);
    desk.end();
    // Of two models it looks at this one first: what it says of the other comes after.
    let other = people(place.path(), "bob", 20);
    let models = vec![model("two", &other, policy(json!({})))];
    Running::start(settings(&folder, models)).end();
    std::fs::rename(&other, place.path().join("away")).unwrap();
    let desk = Running::start(settings(&folder, Vec::new()));
    let gone = |model: &Value| model["trouble"]["code"] == "no_run";
    desk.as_auditor().until_that("/v1/models/two", gone);
    assert_eq!(broken(&desk), 1);
    // A promise that is broken when it is given is another one.
    let promise = json!({"epsilon": 0.5, "delta": 1e-5, "if_broken": "warn"});
    let path = "/v1/models/one/policy";
    let policy = keeping(&promise);
    desk.as_operator().call("PUT", path, Some(&policy)).good();
    desk.end();
    let desk = Running::start(settings(&folder, Vec::new()));
    let again = |log: &Value| {
        let log = log.as_array().unwrap().iter();
        let told = log.filter(|entry| entry["action"] == "promise_broken");
        told.count() == 2
    };
    let log = "/v1/audit?limit=1000";
    desk.as_auditor().until_that(log, again);
}
