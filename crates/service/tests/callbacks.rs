//! Callbacks go where the internet routes, unless the operator says otherwise, follow nobody further, and
//! come in order, however slow others are to hear.

mod common;

use common::hook::{heard, hears_it, hook};
use common::{Running, model, of_subject, people, policy, settings};
use rescind_service::Role;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Somebody who answers every call so, and counts them.
fn answers(head: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("http://{}/hook", listener.local_addr().unwrap());
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            let mut line = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let answer =
                format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (at, heard)
}

/// How telling went, once it was tried, as the database has it.
fn outcome(folder: &Path) -> String {
    let database = rusqlite::Connection::open(folder.join("desk.sqlite")).unwrap();
    let began = Instant::now();
    loop {
        let query = "SELECT outcome FROM callbacks WHERE outcome IS NOT NULL LIMIT 1";
        if let Ok(found) = database.query_row(query, [], |row| row.get(0)) {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "never tried");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn addresses_inside_are_refused_when_they_come_and_when_they_are_called() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let folder = place.path().join("desk");
    let waits = policy(json!({"batch": {"at_least": 9, "wait_seconds": 86400}}));
    let models = vec![model("one", &run, waits)];
    let guarded = || {
        let mut settings = settings(&folder, models.clone());
        settings.private_callbacks = false;
        settings
    };
    let desk = Running::start(guarded());
    let asks = desk.as_requester();
    let with = |url: &str| {
        let mut asked = of_subject("ann-1");
        asked["status_callback_urls"] = json!([url]);
        asked
    };
    for url in [
        "http://127.0.0.1:9/hook",
        "http://localhost:9/hook",
        "http://[::1]:9/hook",
        "https://10.0.0.1/hook",
        "https://192.168.1.1/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://[fd00::1]/hook",
        "https://[::ffff:127.0.0.1]/hook",
        "https://2130706433/hook",
        "https://a@127.0.0.1/hook",
    ] {
        let refused = asks.post("/v1/requests", &with(url));
        assert_eq!(refused.problem(422), "setting", "{url}");
    }
    let listed = asks.get("/v1/requests").good();
    assert_eq!(listed["requests"], json!([]));
    // A name that nobody has now is looked at when it is called.
    asks.post("/v1/requests", &with("https://nobody.invalid/hook"))
        .good();
    desk.end();

    // Taken while it was allowed, called when it is not any more: as where a name leads elsewhere since.
    let (hook, heard) = answers("204 No Content".to_owned());
    let desk = Running::start(settings(&folder, models.clone()));
    let asks = desk.as_requester();
    let id = asks.post("/v1/requests", &with(&hook)).good();
    desk.end();
    let desk = Running::start(guarded());
    let id = id["request_id"].as_str().unwrap().to_owned();
    desk.as_operator()
        .call("DELETE", &format!("/v1/requests/{id}"), None)
        .good();
    assert_eq!(outcome(&folder), "a private address");
    desk.end();
    assert_eq!(heard.load(Ordering::Relaxed), 0);
}

#[test]
fn redirections_are_not_followed() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let folder = place.path().join("desk");
    let (inside, reached) = answers("204 No Content".to_owned());
    let (hook, heard) = answers(format!("307 Temporary Redirect\r\nLocation: {inside}"));
    let models = vec![model("one", &run, policy(json!({})))];
    let desk = Running::start(settings(&folder, models));
    let mut asked = of_subject("ann-1");
    asked["status_callback_urls"] = json!([hook]);
    desk.as_requester().post("/v1/requests", &asked).good();
    assert_eq!(outcome(&folder), "another status than 2xx");
    desk.end();
    assert!(heard.load(Ordering::Relaxed) > 0);
    assert_eq!(reached.load(Ordering::Relaxed), 0);
}

/// Somebody who hears what is said, and answers each only when told to.
fn hears_and_waits() -> (String, Receiver<Value>, Sender<()>) {
    let (listener, at) = hook();
    let (says, told) = channel();
    let (goes, go) = channel();
    thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (_, body) = heard(&stream);
            let _ = says.send(serde_json::from_slice(&body).unwrap());
            if go.recv().is_err() {
                // Never answered.
                open.push(stream);
                continue;
            }
            hears_it(&mut stream);
        }
    });
    (at, told, goes)
}

fn next(told: &Receiver<Value>) -> Value {
    told.recv_timeout(Duration::from_secs(60)).unwrap()
}

#[test]
fn what_is_told_of_a_request_comes_in_order_and_once() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let folder = place.path().join("desk");
    let never = policy(json!({"release": {"when": "never"}}));
    let desk = Running::start(settings(&folder, vec![model("one", &run, never)]));
    let asks = desk.as_requester();
    let (hook, told, goes) = hears_and_waits();
    let asked = |person: &str, urls: &[&str]| {
        let mut asked = of_subject(person);
        asked["status_callback_urls"] = json!(urls);
        let story = asks.post("/v1/requests", &asked).good();
        story["request_id"].as_str().unwrap().to_owned()
    };
    let id = asked("ann-1", &[&hook, &hook, &hook]);
    asks.until(&id, "completed");
    let first = next(&told);
    assert_eq!(
        (&first["request_status"], &first["number"]),
        (&json!("in_progress"), &json!(1))
    );
    // Whatever else there is to tell is told meanwhile, and not the rest of this.
    let (other, others, go) = hears_and_waits();
    for _ in 0..2 {
        go.send(()).unwrap();
    }
    asked("ann-2", &[&other]);
    for status in ["in_progress", "completed"] {
        assert_eq!(next(&others)["request_status"], status);
    }
    assert!(told.try_recv().is_err());
    for _ in 0..2 {
        goes.send(()).unwrap();
    }
    let second = next(&told);
    assert_eq!(
        (&second["request_status"], &second["number"]),
        (&json!("completed"), &json!(2))
    );
    let database = rusqlite::Connection::open(folder.join("desk.sqlite")).unwrap();
    let query = "SELECT count(*) FROM callbacks WHERE request = ?1";
    let sent: i64 = database.query_row(query, [&id], |row| row.get(0)).unwrap();
    assert_eq!(sent, 2);
}

#[test]
fn addresses_that_do_not_answer_delay_their_owner_alone() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let folder = place.path().join("desk");
    let never = policy(json!({"release": {"when": "never"}}));
    let desk = Running::start(settings(&folder, vec![model("one", &run, never)]));
    let hole = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = hole.local_addr().unwrap();
    let urls: Vec<String> = (0..10)
        .map(|way| format!("http://{at}/hook/{way}"))
        .collect();
    let called = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&called);
    let (first, reached) = channel();
    thread::spawn(move || {
        let mut open = Vec::new();
        for stream in hole.incoming() {
            open.push(stream.unwrap());
            count.fetch_add(1, Ordering::Relaxed);
            let _ = first.send(());
        }
    });
    let asks = desk.as_requester();
    for person in 0..8 {
        let mut asked = of_subject(&format!("ann-{person}"));
        asked["status_callback_urls"] = json!(urls);
        let story = asks.post("/v1/requests", &asked).good();
        asks.until(story["request_id"].as_str().unwrap(), "completed");
    }
    reached.recv_timeout(Duration::from_secs(60)).unwrap();
    let (hook, told, goes) = hears_and_waits();
    for _ in 0..2 {
        goes.send(()).unwrap();
    }
    let other = desk.caller(&desk.another("bank", Role::Requester));
    let mut asked = of_subject("ann-9");
    asked["status_callback_urls"] = json!([hook]);
    other.post("/v1/requests", &asked).good();
    for status in ["in_progress", "completed"] {
        assert_eq!(next(&told)["request_status"], status);
    }
    // Long before the others were all tried.
    assert!(called.load(Ordering::Relaxed) < 80);
}
