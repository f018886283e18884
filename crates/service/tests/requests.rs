//! Requests from their receipt to their release, over loopback.

mod common;

use common::{Running, model, of_subject, people, policy, released, settings};
use rescind::Run;
use rescind::verify::{Evidence, verify_run};
use serde_json::{Value, json};
use std::path::Path;

/// Whether a text stands in any file below a folder.
fn stands_in(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => stands_in(&path, text),
            false => match std::fs::read(&path) {
                Ok(bytes) => bytes
                    .windows(text.len())
                    .any(|part| part == text.as_bytes()),
                // A journal that was listed may be gone since.
                Err(error) => {
                    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
                    false
                }
            },
        }
    })
}

#[test]
fn a_person_is_forgotten_by_every_model_that_learned_from_them() {
    let place = tempfile::tempdir().unwrap();
    let (one, two) = (
        people(place.path(), "ann", 20),
        people(place.path(), "bob", 20),
    );
    let models = vec![
        model("one", &one, released()),
        model("two", &two, released()),
    ];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let asks = desk.as_requester();

    let held = asks
        .post("/v1/requests/dry-run", &of_subject("ann-7"))
        .good();
    let none = json!({"trained": 0, "validation": 0, "test": 0, "forgotten": null});
    let three = json!({"trained": 3, "validation": 0, "test": 0, "forgotten": null});
    assert_eq!(held["models"][0]["held"], three);
    assert_eq!(held["models"][1]["held"], none);

    // Under two names, each known to one of the models.
    let both = json!({
        "subject_identities": [{"identity_value": "ann-7"}, {"identity_value": "bob-3"}],
        "regulation": "ccpa",
    });
    let received = asks.post("/v1/requests", &both);
    assert_eq!(received.status, 202);
    let received = received.json();
    assert_eq!(received["request_status"], "pending");
    let id = received["request_id"].as_str().unwrap();
    let done = asks.until(id, "completed");
    for part in done["models"].as_array().unwrap() {
        assert_eq!(
            (&part["state"], &part["records"]),
            (&json!("done"), &json!(3)),
            "{part}"
        );
        assert_eq!(
            (&part["answer"], &part["release"]),
            (&Value::Null, &json!(1))
        );
    }
    // A model that knows nobody of the name has nothing to do.
    let id = asks.ask("ann-8");
    let done = asks.until(&id, "completed");
    assert_eq!(done["models"][0]["state"], "done");
    assert_eq!(done["models"][1]["state"], "nothing_held");
    assert_eq!(done["models"][1]["code"], "unknown_subject");
    // Asked again, it is done by the release that is there: that of the run's newest answer.
    let id = asks.ask("ann-8");
    let done = desk.as_operator().until(&id, "completed");
    let part = &done["models"][0];
    assert_eq!((&part["answer"], &part["release"]), (&json!(2), &json!(2)));

    let held = desk.as_operator();
    let held = held
        .post("/v1/requests/dry-run", &of_subject("ann-7"))
        .good();
    assert_eq!(held["models"][0]["held"]["forgotten"], 3);
    assert_eq!(held["models"][0]["held"]["trained"], 0);
    // Whom requests name is in no file of the desk, at no time: it is sealed.
    assert!(!stands_in(&desk.folder, "ann-7"));
    desk.end();
    assert!(!stands_in(&place.path().join("desk"), "bob-3"));
    let run = Run::open(&one).unwrap();
    assert_eq!(run.answers().unwrap().len(), 2);
    assert_eq!(run.retained().len(), 60 - 6);
}

#[test]
fn what_is_released_is_served_and_holds() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let models = vec![model("one", &run, released())];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let (asks, sees) = (desk.as_requester(), desk.as_auditor());
    let (first, second) = (asks.ask("ann-1"), asks.ask("ann-2"));
    asks.until(&first, "completed");
    asks.until(&second, "completed");

    let releases = sees.get("/v1/models/one/releases").good();
    let newest = releases.as_array().unwrap().last().unwrap();
    let number = newest["number"].as_u64().unwrap();
    let at = format!("/v1/models/one/releases/{number}");
    let folder = run.join(format!("releases/{number:06}"));
    for file in [
        "weights.safetensors",
        "model.json",
        "certificate.json",
        "certificate.txt",
    ] {
        let served = sees.get(&format!("{at}/{file}"));
        assert_eq!(served.status, 200, "{file}");
        assert_eq!(
            served.bytes,
            std::fs::read(folder.join(file)).unwrap(),
            "{file}"
        );
    }
    // What carries no noise is nowhere to be had.
    for path in [
        format!("{at}/..%2F..%2Fprivate%2Fsigning.key"),
        format!("{at}/evidence.json"),
        format!("{at}/private"),
        "/v1/models/one/releases/..%2Fprivate/model.json".to_owned(),
        "/v1/models/one/releases/77/weights.safetensors".to_owned(),
    ] {
        assert_eq!(sees.get(&path).problem(404), "unknown_release", "{path}");
    }

    let receipt = sees.get(&format!("/v1/requests/{first}/receipt"));
    let receipt = receipt.good();
    let promise = &receipt["models"][0]["promise"];
    assert_eq!(promise["answer"], 1);
    assert_eq!(promise["releases"], releases.as_array().unwrap().len());
    let today = sees.get("/v1/models/one/promises?delta=0.00001").good();
    assert_eq!(today[0]["epsilon"], promise["epsilon"]);
    assert!(promise["epsilon"].as_f64().unwrap() > 0.0);
    assert_eq!(
        sees.get("/v1/models/one/promises?delta=7").problem(422),
        "setting"
    );
    desk.end();
    let certificate = std::fs::read(folder.join("certificate.json")).unwrap();
    let report = verify_run(&certificate, &run, Evidence::default()).unwrap();
    assert!(report.holds(), "{report}");
}

#[test]
fn a_request_of_the_same_key_is_received_once() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let waits = policy(json!({"batch": {"at_least": 100, "wait_seconds": 86400}}));
    let models = vec![model("one", &run, waits)];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let asks = desk.as_requester();
    let send = |body: &Value, key: &str| {
        asks.call_with(
            "POST",
            "/v1/requests",
            Some(body),
            &[("Idempotency-Key", key)],
        )
    };
    let (first, again) = (
        send(&of_subject("ann-1"), "k-1"),
        send(&of_subject("ann-1"), "k-1"),
    );
    assert_eq!((first.status, again.status), (202, 200));
    assert_eq!(first.json()["request_id"], again.json()["request_id"]);
    assert_eq!(send(&of_subject("ann-2"), "k-1").problem(409), "key_reused");
    assert_eq!(send(&of_subject("ann-1"), "k-2").status, 202);
    assert_eq!(send(&of_subject("ann-1"), "").problem(422), "setting");
    // Another owner's keys are others.
    let other = desk.caller(&desk.another("blog", rescind_service::Role::Requester));
    let body = of_subject("ann-3");
    let key = [("Idempotency-Key", "k-1")];
    assert_eq!(
        other
            .call_with("POST", "/v1/requests", Some(&body), &key)
            .status,
        202
    );
    // A name of OpenDSR's kind is a key as well.
    let mut named = of_subject("ann-4");
    named["subject_request_id"] = json!("a7551968-d5d6-44b2-9831-815ac9017798");
    let (first, again) = (
        asks.post("/v1/requests", &named),
        asks.post("/v1/requests", &named),
    );
    assert_eq!((first.status, again.status), (202, 200));

    let mine = asks.get("/v1/requests?limit=2").good();
    assert_eq!(mine["requests"].as_array().unwrap().len(), 2);
    let after = mine["after"].as_str().unwrap();
    let rest = asks
        .get(&format!("/v1/requests?limit=2&after={after}"))
        .good();
    assert_eq!(rest["requests"].as_array().unwrap().len(), 1);
    assert_eq!(rest["after"], Value::Null);
    assert_eq!(asks.get("/v1/requests?after=x").problem(422), "setting");
    let all = desk.as_auditor().get("/v1/requests?state=pending").good();
    assert_eq!(all["requests"].as_array().unwrap().len(), 4);
    let found = desk
        .as_auditor()
        .post("/v1/requests/find", &json!({"identity_value": "ann-1"}));
    assert_eq!(found.good()["requests"].as_array().unwrap().len(), 2);

    // So it is whatever has become of the model, and of the time that was wished for.
    let mut soon = of_subject("ann-5");
    soon["due_time"] = json!("2020-01-01T00:00:00Z");
    let statuses = [(); 2].map(|()| send(&soon, "k-5").status);
    assert_eq!(statuses, [202, 200]);
    let records = json!({"records": [{"model": "two", "records": "5"}]});
    let two = json!({"name": "two", "run": "ann"});
    let operator = desk.as_operator();
    operator.call("DELETE", "/v1/models/one", None).good();
    operator.post("/v1/models", &two).good();
    assert_eq!(send(&records, "k-6").status, 202);
    operator.call("DELETE", "/v1/models/two", None).good();
    assert_eq!(send(&records, "k-6").status, 200);
    assert_eq!(send(&records, "k-7").problem(404), "unknown_model");
}

#[test]
fn a_request_is_cancelled_until_a_model_begins() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let waits = policy(json!({"batch": {"at_least": 2, "wait_seconds": 86400}}));
    let models = vec![model("one", &run, waits)];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let asks = desk.as_requester();
    let first = asks.ask("ann-1");
    let at = format!("/v1/requests/{first}");
    for _ in 0..2 {
        let cancelled = asks.call("DELETE", &at, None).good();
        assert_eq!(cancelled["request_status"], "cancelled");
        assert_eq!(cancelled["models"][0]["state"], "cancelled");
    }
    // It is not of the two that are waited for.
    let second = asks.ask("ann-2");
    assert_eq!(
        asks.until(&second, "pending")["models"][0]["state"],
        "waiting"
    );
    let third = asks.ask("ann-3");
    // Nothing is released unless an operator says so.
    for id in [&second, &third] {
        let path = format!("/v1/requests/{id}");
        asks.until_that(&path, |story| story["models"][0]["state"] == "forgotten");
        assert_eq!(asks.call("DELETE", &path, None).problem(409), "too_late");
    }
    let operator = desk.as_operator();
    let order = "/v1/models/one/releases";
    assert_eq!(operator.post(order, &json!({})).problem(422), "no_noise");
    let noise = json!({"noise": {"by": "sigma", "sigma": 0.05, "delta": 1e-5}});
    let ordered = operator.post(order, &noise).good();
    let path = format!(
        "/v1/models/one/orders/{}",
        ordered["order"].as_str().unwrap()
    );
    let made = operator.until_that(&path, |order| order["state"] == "made");
    assert_eq!(made["release"], 1, "one answer to both");
    for id in [&second, &third] {
        assert_eq!(asks.until(id, "completed")["models"][0]["release"], 1);
    }
    // There is nothing more to release.
    let ordered = operator.post(order, &noise).good();
    let path = format!(
        "/v1/models/one/orders/{}",
        ordered["order"].as_str().unwrap()
    );
    let failed = operator.until_that(&path, |order| order["state"] == "failed");
    assert_eq!(failed["code"], "nothing_pending");
    desk.end();
    assert_eq!(Run::open(&run).unwrap().retained().len(), 60 - 6);
}

#[test]
fn what_a_run_refuses_waits_for_an_operator() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let models = vec![model("one", &run, released())];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    let of_records = |records: &str| json!({"records": [{"model": "one", "records": records}]});
    let far = asks.post("/v1/requests", &of_records("3,7000")).good();
    let all = asks.post("/v1/requests", &of_records("0-59")).good();
    let good = asks.post("/v1/requests", &of_records("4")).good();
    let id = |story: &Value| story["request_id"].as_str().unwrap().to_owned();
    asks.until(&id(&good), "completed");
    let held = |story: &Value| story["models"][0]["state"] == "held";
    for (story, code) in [(&far, "request_out_of_range"), (&all, "forgets_everything")] {
        let path = format!("/v1/requests/{}", id(story));
        let found = asks.until_that(&path, held);
        assert_eq!(found["models"][0]["code"], Value::Null);
        assert_eq!(found["needs_operator"], true);
        let told = operator.get(&path).good()["models"][0].clone();
        assert_eq!(told["code"], code);
        assert_ne!(told["detail"], found["models"][0]["detail"]);
    }
    let listed = operator.get("/v1/requests?needs_operator=true").good();
    assert_eq!(listed["requests"].as_array().unwrap().len(), 2);
    let tried = operator.post("/v1/models/one/retry", &json!({})).good();
    assert_eq!(tried["requests"], 2);
    let far = id(&far);
    operator.until_that(&format!("/v1/requests/{far}"), held);
    let dismiss = format!("/v1/requests/{far}/models/one/dismiss");
    let dismissed = operator.post(&dismiss, &json!({})).good();
    assert_eq!(dismissed["request_status"], "completed");
    assert_eq!(operator.post(&dismiss, &json!({})).problem(409), "too_late");
    let unknown = json!({"records": [{"model": "none", "records": "1"}]});
    assert_eq!(
        asks.post("/v1/requests", &unknown).problem(404),
        "unknown_model"
    );
}

#[test]
fn runs_are_registered_over_http_below_allowed_folders() {
    let place = tempfile::tempdir().unwrap();
    people(place.path(), "ann", 20);
    let desk = Running::start(settings(&place.path().join("desk"), Vec::new()));
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    assert_eq!(
        asks.post("/v1/requests", &of_subject("ann-1")).problem(404),
        "unknown_model"
    );
    let register =
        |name: &str, run: &str| operator.post("/v1/models", &json!({"name": name, "run": run}));
    assert_eq!(register("x", "../../etc").problem(422), "no_run");
    assert_eq!(register("x", "desk").problem(422), "no_run");
    assert_eq!(register("no/name", "ann").problem(422), "setting");
    assert_eq!(register("one", "ann").status, 201);
    assert_eq!(register("one", "ann").problem(409), "model_exists");
    assert_eq!(register("two", "ann").problem(409), "model_exists");
    let never = json!({"release": {"when": "never"}});
    let set = operator
        .call("PUT", "/v1/models/one/policy", Some(&never))
        .good();
    assert_eq!(set["policy"]["release"]["when"], "never");
    let wrong = json!({"batch": {"at_most": 0}});
    let path = "/v1/models/one/policy";
    assert_eq!(
        operator.call("PUT", path, Some(&wrong)).problem(422),
        "setting"
    );
    // Where nothing is released, a request is done once the weights have changed.
    let id = asks.ask("ann-1");
    let done = asks.until(&id, "completed");
    assert_eq!(done["models"][0]["state"], "done");
    assert_eq!(done["models"][0]["release"], Value::Null);
}

#[test]
fn a_desk_is_run_by_one_process_at_a_time() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("desk");
    let desk = Running::start(settings(&folder, Vec::new()));
    let refused = rescind_service::serve(settings(&folder, Vec::new()))
        .err()
        .unwrap();
    assert_eq!(refused.code(), rescind::Code::Busy, "{refused}");
    desk.end();
    Running::start(settings(&folder, Vec::new())).end();
}

#[test]
fn another_desks_key_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let (one, two) = (place.path().join("one"), place.path().join("two"));
    for folder in [&one, &two] {
        Running::start(settings(folder, Vec::new())).end();
    }
    std::fs::copy(two.join("desk.key"), one.join("desk.key")).unwrap();
    let refused = rescind_service::serve(settings(&one, Vec::new()))
        .err()
        .unwrap();
    assert_eq!(refused.code(), rescind::Code::DeskKey, "{refused}");
}

#[test]
fn the_audit_log_shows_what_was_done_and_that_nobody_changed_it() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let models = vec![model("one", &run, released())];
    let folder = place.path().join("desk");
    let desk = Running::start(settings(&folder, models.clone()));
    let asks = desk.as_requester();
    asks.until(&asks.ask("ann-1"), "completed");
    let sees = desk.as_auditor();
    let entries = sees.get("/v1/audit").good();
    let actions = entries.as_array().unwrap().iter();
    let actions: Vec<&str> = actions
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        [
            "token_made",
            "token_made",
            "token_made",
            "model_registered",
            "request_received",
            "answered",
            "released",
            "request_completed",
        ]
    );
    let check = sees.get("/v1/audit/check").good();
    assert_eq!(
        (&check["entries"], &check["altered_at"]),
        (&json!(8), &Value::Null)
    );
    desk.end();
    let database = rusqlite::Connection::open(folder.join("desk.sqlite")).unwrap();
    let actor = entries[4]["actor"].as_str().unwrap();
    let back = &*format!("UPDATE audit SET actor = '{actor}' WHERE number = 5");
    for (edit, found) in [
        ("UPDATE audit SET actor = 'mallory' WHERE number = 5", 5),
        ("DELETE FROM audit WHERE number = 8", 5),
        (back, 8),
    ] {
        database.execute(edit, []).unwrap();
        let desk = Running::start(settings(&folder, Vec::new()));
        // Starting made tokens, which are entries of their own.
        let check = desk.as_auditor().get("/v1/audit/check").good();
        assert_eq!(check["altered_at"], found, "{edit}: {check}");
    }
}
