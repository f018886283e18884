//! Models taken away, and runs put in place of others.

mod common;

use common::browser::Browser;
use common::{Running, asked, model, of_subject, people, policy, released, settings};
use rescind::Run;
use rescind_service::{Notice, Role};
use serde_json::{Value, json};

#[test]
fn a_model_is_taken_away_and_what_was_open_in_it_ends() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let models = vec![model("one", &run, released())];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    let done = asks.ask("ann-1");
    asks.until(&done, "completed");
    let waits = json!({"batch": {"at_least": 9, "wait_seconds": 86400}});
    operator
        .call("PUT", "/v1/models/one/policy", Some(&waits))
        .good();
    let open = asks.ask("ann-2");
    assert_eq!(
        asks.call("DELETE", "/v1/models/one", None).problem(403),
        "forbidden"
    );
    let gone = operator.call("DELETE", "/v1/models/one", None).good();
    assert_eq!(gone["name"], "one@1");
    assert_ne!(gone["withdrawn_time"], Value::Null);
    let story = asks.until(&open, "completed");
    assert_eq!(story["models"][0]["state"], "withdrawn");
    // What was done in it is still told, of its own ledger.
    let receipt = operator.get(&format!("/v1/requests/{done}/receipt"));
    let receipt = receipt.good();
    let part = &receipt["models"][0];
    assert_eq!(
        (&part["model"], &part["state"]),
        (&json!("one@1"), &json!("done"))
    );
    assert_eq!(part["promise"]["answer"], 1);
    assert_eq!(operator.get("/v1/models").good(), json!([]));
    for (method, path) in [
        ("DELETE", "/v1/models/one"),
        ("DELETE", "/v1/models/one@1"),
        ("PUT", "/v1/models/one@1/policy"),
    ] {
        let refused = operator.call(method, path, Some(&waits));
        assert_eq!(refused.problem(404), "unknown_model", "{method} {path}");
    }
    assert_eq!(
        asks.post("/v1/requests", &of_subject("ann-3")).problem(404),
        "unknown_model"
    );
    // The name and the run are free again.
    let again = json!({"name": "one", "run": "ann"});
    assert_eq!(operator.post("/v1/models", &again).status, 201);
    let id = asks.ask("ann-3");
    let path = format!("/v1/requests/{id}");
    asks.until_that(&path, |story| story["models"][0]["state"] == "forgotten");
    let log = operator.get("/v1/audit?limit=1000").good();
    let mut log = log.as_array().unwrap().iter();
    assert!(log.any(|entry| entry["action"] == "model_withdrawn"));
}

#[test]
fn another_run_in_its_place_is_asked_what_is_open() {
    let place = tempfile::tempdir().unwrap();
    let (old, new) = (
        people(place.path(), "ann", 20),
        people(place.path(), "bob", 20),
    );
    let waits = policy(json!({"batch": {"at_least": 9, "wait_seconds": 86400}}));
    let models = vec![model("one", &old, waits)];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    // Known to the new run as well, to the old one alone, and by numbers that are the old run's.
    let both = asks.ask("bob-3");
    let gone = asks.ask("ann-2");
    let records = json!({
        "records": [{"model": "one", "records": "5"}],
        "subject_identities": [{"identity_value": "bob-4"}],
    });
    let records = asks.post("/v1/requests", &records).good();
    let records = records["request_id"].as_str().unwrap();
    let other = json!({"run": "bob", "policy": {"release": {"when": "never"}}});
    let put = operator.call("PUT", "/v1/models/one", Some(&other)).good();
    assert!(put["run"].as_str().unwrap().ends_with("bob"), "{put}");
    let part = |story: &Value, name: &str| {
        let mut parts = story["models"].as_array().unwrap().iter();
        parts.find(|part| part["model"] == name).unwrap().clone()
    };
    for (id, state, taken) in [
        (&*both, "done", json!(3)),
        (&*gone, "nothing_held", Value::Null),
        (records, "done", json!(3)),
    ] {
        let story = asks.until(id, "completed");
        let now = part(&story, "one");
        assert_eq!(
            (&now["state"], &now["records"]),
            (&json!(state), &taken),
            "{story}"
        );
        assert_eq!(part(&story, "one@1")["state"], "withdrawn", "{story}");
    }
    desk.end();
    let retained = |run| Run::open(run).unwrap().retained().len();
    assert_eq!((retained(&old), retained(&new)), (60, 54));
}

/// The person is not forgotten while a model that was registered meanwhile has them.
#[test]
fn whoever_waits_for_a_release_is_asked_of_a_model_that_comes_meanwhile() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let second = place.path().join("second");
    std::fs::create_dir(&second).unwrap();
    people(&second, "ann", 20);
    let models = vec![model("one", &run, asked())];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    let id = asks.ask("ann-1");
    let path = format!("/v1/requests/{id}");
    asks.until_that(&path, |story| story["models"][0]["state"] == "forgotten");
    let two = json!({"name": "two", "run": "second/ann", "policy": {"release": {"when": "never"}}});
    operator.post("/v1/models", &two).good();
    asks.until_that(&path, |story| story["models"][1]["state"] == "done");
    operator.post("/v1/models/one/releases", &json!({})).good();
    let story = asks.until(&id, "completed");
    assert_eq!(story["models"][1]["records"], 3);
    desk.end();
    let run = Run::open(&second.join("ann")).unwrap();
    assert_eq!(run.retained().len(), 57);
}

/// What was done in a run stands where the run is, wherever it is moved.
#[test]
fn a_run_that_was_moved_goes_on_as_the_same_model() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let models = vec![model("one", &run, asked())];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    let id = asks.ask("ann-1");
    let path = format!("/v1/requests/{id}");
    asks.until_that(&path, |story| story["models"][0]["state"] == "forgotten");
    while Run::open(&run).is_err() {
        std::thread::yield_now();
    }
    std::fs::rename(&run, place.path().join("moved")).unwrap();
    let put = operator.call("PUT", "/v1/models/one", Some(&json!({"run": "moved"})));
    assert!(put.good()["run"].as_str().unwrap().ends_with("moved"));
    operator.post("/v1/models/one/releases", &json!({})).good();
    asks.until(&id, "completed");
    let receipt = asks.get(&format!("{path}/receipt")).good();
    let parts = receipt["models"].as_array().unwrap();
    assert_eq!((parts.len(), &parts[0]["release"]), (1, &json!(1)));
    assert_eq!(parts[0]["promise"]["releases"], 1);
    assert!(desk.actions().contains(&"model_moved".to_owned()));
}

#[test]
fn a_run_given_anew_replaces_another_where_that_is_wanted() {
    let place = tempfile::tempdir().unwrap();
    let (old, new) = (
        people(place.path(), "ann", 20),
        people(place.path(), "bob", 20),
    );
    let folder = place.path().join("desk");
    let with = |run, replaces| {
        let mut settings = settings(&folder, vec![model("one", run, policy(json!({})))]);
        settings.replaces = replaces;
        settings
    };
    Running::start(with(&old, false)).end();
    let refused = rescind_service::serve(with(&new, false)).err().unwrap();
    assert_eq!(refused.code(), rescind::Code::ModelExists, "{refused}");
    for _ in 0..2 {
        let desk = Running::start(with(&new, true));
        let models = desk.as_auditor().get("/v1/models").good();
        assert!(
            models[0]["run"].as_str().unwrap().ends_with("bob"),
            "{models}"
        );
        assert_eq!(models.as_array().unwrap().len(), 1);
    }
}

/// What operators did by the interface stands, whatever the start line said before and says again.
#[test]
fn a_start_line_that_says_nothing_new_undoes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let (old, _new, gone) = (
        people(place.path(), "ann", 20),
        people(place.path(), "bob", 20),
        people(place.path(), "eve", 20),
    );
    let folder = place.path().join("desk");
    let with = |replaces, wait: u32| {
        let waits = policy(json!({"batch": {"at_least": 2, "wait_seconds": wait}}));
        let models = vec![
            model("one", &old, waits.clone()),
            model("two", &gone, waits),
        ];
        let mut settings = settings(&folder, models);
        settings.replaces = replaces;
        settings
    };
    let desk = Running::start(with(false, 60));
    let operator = desk.as_operator();
    let other = json!({"run": "bob", "policy": {"release": {"when": "never"}}});
    operator.call("PUT", "/v1/models/one", Some(&other)).good();
    operator.call("DELETE", "/v1/models/two", None).good();
    desk.end();
    for replaces in [false, true] {
        let desk = Running::start(with(replaces, 60));
        let models = desk.as_auditor().get("/v1/models").good();
        assert_eq!(models.as_array().unwrap().len(), 1, "{models}");
        assert!(
            models[0]["run"].as_str().unwrap().ends_with("bob"),
            "{models}"
        );
        assert_eq!(models[0]["policy"]["release"]["when"], "never");
        let told = desk.notices.lock().unwrap();
        let told = told
            .iter()
            .filter(|told| matches!(told, Notice::SetAside { .. }));
        assert_eq!(told.count(), 2);
    }
    // A policy that an operator set stands too, until the start line has another.
    let back = json!({"run": "ann", "policy": {"release": {"when": "never"}}});
    let desk = Running::start(with(false, 60));
    desk.as_operator()
        .call("PUT", "/v1/models/one", Some(&back))
        .good();
    desk.end();
    for (wait, when) in [(60, "never"), (70, "asked")] {
        let desk = Running::start(with(false, wait));
        let models = desk.as_auditor().get("/v1/models").good();
        assert_eq!(models[0]["policy"]["release"]["when"], when, "{models}");
    }
}

/// A run that is gone stops no other, and operators are told.
#[test]
fn a_run_that_is_gone_is_in_trouble_and_stops_nothing() {
    let place = tempfile::tempdir().unwrap();
    let (lost, well) = (
        people(place.path(), "ann", 20),
        people(place.path(), "bob", 20),
    );
    let folder = place.path().join("desk");
    let models = vec![
        model("lost", &lost, released()),
        model("well", &well, released()),
    ];
    let desk = Running::start(settings(&folder, models.clone()));
    let done = desk.as_requester().ask("ann-1");
    desk.as_requester().until(&done, "completed");
    desk.end();
    std::fs::rename(&lost, place.path().join("elsewhere")).unwrap();
    let desk = Running::start(settings(&folder, models.clone()));
    let (asks, sees) = (desk.as_requester(), desk.as_auditor());
    // Though nothing waits for it.
    let trouble = |model: &Value| model["trouble"]["code"] == "no_run";
    sees.until_that("/v1/models/lost", trouble);
    let id = asks.ask("bob-2");
    let path = format!("/v1/requests/{id}");
    asks.until_that(&path, |story| story["models"][1]["state"] == "done");
    let mut pages = Browser::new(&desk);
    pages.sign_in(desk.token(Role::Operator));
    for page in [
        "/desk/models/lost".to_owned(),
        format!("/desk/requests/{done}"),
    ] {
        let shown = pages.get(&page).text;
        assert!(
            shown.contains("no_run") || shown.contains("ledger_missing"),
            "{shown}"
        );
    }
    // It says nothing that it does not know, and what it knows once.
    let shown = pages.get("/desk/models/lost").text;
    for claim in ["Nothing was asked", "Nothing was released"] {
        assert!(!shown.contains(claim), "{shown}");
    }
    assert_eq!(shown.matches("class=\"note bad").count(), 1, "{shown}");
    assert!(pages.get("/desk").text.contains("1 model in trouble"));
    desk.end();
    // Unless it was never there: then its name may be wrong.
    let never = model("never", &place.path().join("nowhere"), released());
    let refused = rescind_service::serve(settings(&folder, vec![never]));
    assert_eq!(refused.err().unwrap().code(), rescind::Code::NoRun);
}
