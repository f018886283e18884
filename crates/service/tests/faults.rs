//! A desk of which a thread ends by a fault of the program ends, and says so: it takes no calls that nobody
//! works on.

mod common;

use common::{Running, model, people, released, settings};
use rescind::Code;
use rescind_service::{Notice, serve};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn a_desk_whose_worker_ends_by_a_fault_ends_and_goes_on_once_it_is_started_again() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let folder = place.path().join("desk");
    let models = vec![model("one", &run, released())];
    let desk = Running::start(settings(&folder, models.clone()));
    let token = desk.as_requester();
    let id = token.ask("ann-1");
    token.until(&id, "completed");
    let asks = desk.another("shop", rescind_service::Role::Requester);
    desk.end();

    let mut faulty = settings(&folder, models.clone());
    let (says, heard) = channel();
    let says = Mutex::new(says);
    faulty.hears = Arc::new(move |notice: &Notice| {
        let _ = says.lock().unwrap().send(notice.clone());
        // On the worker's thread.
        assert!(!matches!(notice, Notice::Answered { .. }), "a fault");
    });
    // Ended in any case, so that the test does not hang where the desk stays.
    let gives_up = Arc::new(AtomicBool::new(false));
    let ends = Arc::clone(&gives_up);
    faulty.ends = Arc::new(move || ends.load(Ordering::Relaxed));
    let running = std::thread::spawn(move || serve(faulty));
    let mut said = Vec::new();
    let mut id = None;
    while let Ok(notice) = heard.recv_timeout(Duration::from_secs(20)) {
        if let Notice::Listening { at } = &notice {
            id = Some(common::Caller::new(at, Some(&asks)).ask("ann-2"));
        }
        said.push(notice);
    }
    gives_up.store(true, Ordering::Relaxed);
    let ended = running.join().unwrap().unwrap_err();
    assert_eq!(ended.code(), Code::ThreadLost, "{ended}");
    assert!(ended.to_string().contains("desk-worker"), "{ended}");
    let told =
        |notice: &Notice| matches!(notice, Notice::Trouble { code, .. } if code == "thread_lost");
    assert!(said.iter().any(told), "{said:?}");

    let desk = Running::start(settings(&folder, models));
    desk.as_requester().until(&id.unwrap(), "completed");
}
