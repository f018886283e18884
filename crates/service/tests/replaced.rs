//! Another run under a model's folder, or an earlier state of it, is not taken for the one that the desk
//! knows.

mod common;

use common::{Running, asked, model, people, released, settings};
use rescind::{Amendment, ReleaseChoice, Request, Run};
use rescind_data::RecordRequest;
use rescind_privacy::NoiseChoice;
use rescind_service::OutsideWorker;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A run of the same people, put where another was.
fn swapped(place: &Path, run: &Path) {
    let second = place.join("second");
    fs::create_dir(&second).unwrap();
    let other = people(&second, "ann", 20);
    fs::rename(run, place.join("before")).unwrap();
    fs::rename(other, run).unwrap();
}

#[test]
fn another_run_under_the_same_folder_answers_for_nobody() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let folder = place.path().join("desk");
    let models = vec![model("one", &run, asked())];
    let desk = Running::start(settings(&folder, models));
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    let first = asks.ask("ann-1");
    let path = format!("/v1/requests/{first}");
    asks.until_that(&path, |story| story["models"][0]["state"] == "forgotten");
    swapped(place.path(), &run);
    // Both would go well in the other run.
    let second = asks.ask("ann-2");
    operator.post("/v1/models/one/releases", &json!({})).good();
    let replaced = |model: &Value| model["trouble"]["code"] == "run_replaced";
    operator.until_that("/v1/models/one", replaced);
    assert!(desk.actions().contains(&"model_in_trouble".to_owned()));
    let receipt = asks.get(&format!("{path}/receipt")).good();
    let part = &receipt["models"][0];
    assert_eq!(
        (&part["state"], &part["promise"], &part["promise_code"]),
        (&json!("forgotten"), &Value::Null, &json!("run_replaced"))
    );
    for list in ["promises", "releases", "releases/1/certificate.json"] {
        let refused = operator.get(&format!("/v1/models/one/{list}"));
        assert_eq!(refused.problem(422), "run_replaced", "{list}");
    }
    let dry = asks.post("/v1/requests/dry-run", &common::of_subject("ann-1"));
    assert_eq!(dry.good()["models"][0]["code"], "run_replaced");
    // Put in its place it is another run like any other.
    let put = operator.call("PUT", "/v1/models/one", Some(&json!({"run": "ann"})));
    assert_eq!(put.good()["trouble"], Value::Null);
    let part = |id: &str, name: &str| {
        let story = asks.get(&format!("/v1/requests/{id}")).good();
        let mut parts = story["models"].as_array().unwrap().iter();
        parts.find(|part| part["model"] == name).cloned()
    };
    let path = format!("/v1/requests/{second}");
    asks.until_that(&path, |story| story["models"][0]["state"] == "forgotten");
    for id in [&first, &second] {
        assert_eq!(part(id, "one@1").unwrap()["state"], "withdrawn");
    }
    let receipt = asks.get(&format!("/v1/requests/{first}/receipt")).good();
    let of_old = &receipt["models"][1];
    assert_eq!(
        (&of_old["model"], &of_old["promise"]),
        (&json!("one@1"), &Value::Null)
    );
    assert_eq!(receipt["models"][0]["promise"]["records"], 3, "{receipt}");
    desk.end();
    // Whoever waited for a release of the old run is asked of the new one too.
    assert_eq!(Run::open(&run).unwrap().retained().len(), 54);
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copied(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// A run put back from a copy has forgotten nobody since.
#[test]
fn an_earlier_state_of_the_run_gives_no_receipt() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let folder = place.path().join("desk");
    let models = vec![model("one", &run, released())];
    let kept = place.path().join("kept");
    copied(&run, &kept);
    let desk = Running::start(settings(&folder, models.clone()));
    let id = desk.as_requester().ask("ann-1");
    desk.as_requester().until(&id, "completed");
    desk.end();
    fs::rename(&run, place.path().join("before")).unwrap();
    fs::rename(&kept, &run).unwrap();
    let desk = Running::start(settings(&folder, models));
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    asks.ask("ann-2");
    let replaced = |model: &Value| model["trouble"]["code"] == "run_replaced";
    operator.until_that("/v1/models/one", replaced);
    // As its ledger says, in which the answer of that number is somebody else's soon.
    let receipt = asks.get(&format!("/v1/requests/{id}/receipt")).good();
    assert_eq!(receipt["models"][0]["promise_code"], "run_replaced");
    desk.end();
    assert_eq!(Run::open(&run).unwrap().retained().len(), 60);
}

/// A run put back from a copy, and asked beside the desk until it had answered as often: the numbers are
/// there, and are other people's.
#[test]
fn a_run_that_went_on_from_a_copy_gives_no_receipt_and_can_be_put_in_its_own_place() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let folder = place.path().join("desk");
    let models = vec![model("one", &run, released())];
    let serve = || Running::start(settings(&folder, models.clone()));
    let desk = serve();
    let first = desk.as_requester().ask("ann-1");
    desk.as_requester().until(&first, "completed");
    desk.end();
    let kept = place.path().join("kept");
    copied(&run, &kept);
    let desk = serve();
    let second = desk.as_requester().ask("ann-2");
    desk.as_requester().until(&second, "completed");
    desk.end();
    fs::rename(&run, place.path().join("before")).unwrap();
    fs::rename(&kept, &run).unwrap();
    Run::amend(&run, Amendment::Adopt).unwrap();
    let mut alone = Run::open(&run).unwrap();
    for name in ["ann-3", "ann-4"] {
        let request = Request::of(RecordRequest::Subject(name.to_owned()));
        alone.forget(&request, &mut ()).unwrap();
        let noise = NoiseChoice::Sigma {
            sigma: 0.05,
            delta: 1e-5,
        };
        alone.release(&ReleaseChoice::new(noise), &mut ()).unwrap();
    }
    drop(alone);
    let desk = serve();
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    let third = asks.ask("ann-5");
    let replaced = |model: &Value| model["trouble"]["code"] == "run_replaced";
    operator.until_that("/v1/models/one", replaced);
    let receipt = |id: &str| {
        let receipt = asks.get(&format!("/v1/requests/{id}/receipt")).good();
        receipt["models"][0].clone()
    };
    for id in [&first, &second] {
        assert_eq!(receipt(id)["promise_code"], "run_replaced");
    }
    // As the trouble says.
    let put = operator.call("PUT", "/v1/models/one", Some(&json!({"run": "ann"})));
    assert_eq!(put.good()["trouble"], Value::Null);
    asks.until(&third, "completed");
    for id in [&first, &second] {
        let receipt = receipt(id);
        assert_eq!(
            (&receipt["model"], &receipt["promise_code"]),
            (&json!("one@1"), &json!("run_replaced"))
        );
    }
    desk.end();
    assert_eq!(Run::open(&run).unwrap().retained().len(), 48);
}

/// Whoever notices first, a worker or whoever looks now and then.
#[test]
fn operators_are_told_once_of_a_run_that_a_worker_finds_gone() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let models = vec![model("one", &run, released())];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    asks.until(&asks.ask("ann-1"), "completed");
    // Once the worker has let go of it.
    while Run::open(&run).is_err() {
        std::thread::yield_now();
    }
    let elsewhere = place.path().join("elsewhere");
    fs::rename(&run, &elsewhere).unwrap();
    let id = asks.ask("ann-2");
    let tried = |model: &Value| model["trouble"]["attempts"].as_i64() > Some(1);
    operator.until_that("/v1/models/one", tried);
    let told = |desk: &Running, what: &str| {
        let all = desk.actions().into_iter();
        all.filter(|action| action == what).count()
    };
    assert_eq!(told(&desk, "model_in_trouble"), 1);
    fs::rename(&elsewhere, &run).unwrap();
    asks.until(&id, "completed");
    operator.until_that("/v1/models/one", |model| model["trouble"] == Value::Null);
    assert_eq!(
        (
            told(&desk, "model_in_trouble"),
            told(&desk, "model_is_well")
        ),
        (1, 1)
    );
}

/// A program that works for several models goes on with the next.
#[test]
fn a_worker_of_several_models_goes_on_where_the_run_of_one_is_gone() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("desk");
    let (one, two) = (
        people(place.path(), "ann", 20),
        people(place.path(), "bob", 20),
    );
    let models = vec![
        model("one", &one, released()),
        model("two", &two, released()),
    ];
    let mut idle = settings(&folder, models);
    idle.workers = 0;
    let desk = Running::start(idle);
    let asks = desk.as_requester();
    asks.ask("ann-1");
    asks.ask("bob-1");
    desk.end();
    fs::remove_dir_all(&one).unwrap();
    let names = vec!["one".to_owned(), "two".to_owned()];
    let mut worker = OutsideWorker::open(settings(&folder, Vec::new()), names, false).unwrap();
    let claimed = worker.claim().unwrap().unwrap();
    assert_eq!(claimed.model, "two");
    worker.give_back(Ok(())).unwrap();
}
