//! Other programs look into the database of a running desk, and it loses nothing.

mod common;

use common::{Caller, model, people, policy, settings};
use rescind_service::{Notice, Role, Tokens, serve};
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// Where the desk of the other process is.
const PLACE: &str = "DESK_PLACE";
/// What stands before the address that it listens on.
const LISTENS: &str = "listens at ";

/// A desk in a process of its own: locks are a process's, so whoever looks in has to be another.
#[test]
#[ignore = "run by the test below, in a process of its own"]
fn a_desk() {
    // Run by anybody else, with all that are ignored, it is no desk.
    let Ok(place) = std::env::var(PLACE) else {
        return;
    };
    let place = Path::new(&place);
    let waits = policy(json!({"batch": {"at_least": 100, "wait_seconds": 86400}}));
    let models = vec![model("one", &place.join("ann"), waits)];
    let mut settings = settings(&place.join("desk"), models);
    settings.hears = Arc::new(|notice: &Notice| {
        if let Notice::Listening { at } = notice {
            println!("\n{LISTENS}{at}");
        }
    });
    serve(settings).unwrap();
}

/// Killed when it is let go of, as by a power cut.
struct Desk(Child);

impl Desk {
    fn start(place: &Path) -> (Self, String) {
        let mut started = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "a_desk", "--nocapture"])
            .env(PLACE, place)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(started.stdout.take().unwrap()).lines();
        let desk = Self(started);
        let at = lines
            .map_while(Result::ok)
            .find_map(|line| Some(line.strip_prefix(LISTENS)?.to_owned()));
        (desk, at.unwrap())
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Opens the database, counts requests, closes it cleanly.
fn look(folder: &Path) -> i64 {
    let database = rusqlite::Connection::open(folder.join("desk.sqlite")).unwrap();
    let count = "SELECT count(*) FROM requests";
    database.query_row(count, [], |row| row.get(0)).unwrap()
}

/// Whether the desk holds SQLite's lock on the database. Versions of SQLite before 3.51 go by it alone:
/// without it they take themselves for the last to have it open, and remove its log.
#[cfg(target_os = "linux")]
fn is_locked(folder: &Path, desk: &Desk) -> bool {
    use std::os::unix::fs::MetadataExt;
    let file = std::fs::metadata(folder.join("desk.sqlite")).unwrap().ino();
    let (file, process) = (format!(":{file}"), desk.0.id().to_string());
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    locks.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.contains(&"POSIX") && words[4] == process && words[5].ends_with(&file)
    })
}

#[cfg(not(target_os = "linux"))]
fn is_locked(_: &Path, _: &Desk) -> bool {
    true
}

#[test]
fn a_program_that_looks_into_the_database_takes_nothing_with_it() {
    let place = tempfile::tempdir().unwrap();
    people(place.path(), "ann", 20);
    let folder = place.path().join("desk");
    let tokens = |role| {
        let tokens = Tokens::open_or_make(&folder, None).unwrap();
        tokens.make("shop", role, None).unwrap()
    };
    let token = tokens(Role::Requester);
    let (desk, at) = Desk::start(place.path());
    let asks = Caller::new(&at, Some(&token));
    for round in 0..3_i64 {
        assert!(is_locked(&folder, &desk), "round {round}");
        assert_eq!(look(&folder), 2 * round);
        assert!(folder.join("desk.sqlite-wal").exists(), "round {round}");
        for person in 0..2 {
            asks.ask(&format!("ann-{}", 2 * round + person));
        }
    }
    // Tokens are made and ended beside it too, and it heeds them.
    let other = tokens(Role::Requester);
    assert_eq!(
        Caller::new(&at, Some(&other)).get("/v1/requests").status,
        200
    );
    let beside = Tokens::open(&folder, None).unwrap();
    beside.revoke(other.split('_').nth(1).unwrap()).unwrap();
    drop(beside);
    assert_eq!(
        Caller::new(&at, Some(&other)).get("/v1/requests").status,
        401
    );
    asks.ask("ann-6");
    drop(desk);
    // What was acknowledged is on the disk.
    assert_eq!(look(&folder), 7);
    let (_desk, at) = Desk::start(place.path());
    let listed = Caller::new(&at, Some(&token)).get("/v1/requests").good();
    assert_eq!(listed["requests"].as_array().unwrap().len(), 7);
    assert_eq!(
        Caller::new(&at, Some(&other)).get("/v1/requests").status,
        401
    );
}
