//! A desk whose database is lost says so, and takes itself for no new one.

mod common;

use common::{Running, model, of_subject, people, policy, settings};
use rescind::Code;
use rescind_service::{Settings, Tokens};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// A desk that would end at once.
fn ending(folder: &Path) -> Settings {
    let mut settings = settings(folder, Vec::new());
    settings.ends = Arc::new(|| true);
    settings
}

fn take_away(folder: &Path) {
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::rename(
            folder.join(format!("desk.sqlite{end}")),
            folder.join(format!("away{end}")),
        );
    }
}

#[test]
fn a_desk_that_had_a_database_does_not_start_without() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("desk");
    Running::start(settings(&folder, Vec::new())).end();
    take_away(&folder);
    let refused = || {
        for refused in [
            rescind_service::serve(ending(&folder)).err(),
            Tokens::open(&folder, None).err(),
        ] {
            let refused = refused.unwrap();
            assert_eq!(refused.code(), Code::Queue, "{refused}");
            assert!(refused.to_string().contains("desk.database"), "{refused}");
        }
    };
    refused();
    assert!(!folder.join("desk.sqlite").exists());
    // Neither with an empty one, nor with another desk's.
    std::fs::write(folder.join("desk.sqlite"), "").unwrap();
    refused();
    std::fs::remove_file(folder.join("desk.sqlite")).unwrap();
    let marker = std::fs::read(folder.join("desk.database")).unwrap();
    std::fs::remove_file(folder.join("desk.database")).unwrap();
    Running::start(settings(&folder, Vec::new())).end();
    std::fs::write(folder.join("desk.database"), marker).unwrap();
    refused();
    // Restored, it goes on.
    take_back(&folder);
    Running::start(settings(&folder, Vec::new())).end();
}

fn take_back(folder: &Path) {
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.join(format!("desk.sqlite{end}")));
        let _ = std::fs::rename(
            folder.join(format!("away{end}")),
            folder.join(format!("desk.sqlite{end}")),
        );
    }
}

#[test]
fn a_running_desk_acknowledges_nothing_once_its_database_is_gone() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let folder = place.path().join("desk");
    let models = vec![model("one", &run, policy(json!({})))];
    let desk = Running::start(settings(&folder, models));
    let asks = desk.as_requester();
    asks.ask("ann-1");
    assert_eq!(asks.get("/readyz").status, 200);
    take_away(&folder);
    for _ in 0..2 {
        assert_eq!(asks.get("/readyz").problem(503), "queue");
        let refused = asks.post("/v1/requests", &of_subject("ann-2"));
        assert_eq!(refused.problem(503), "queue");
        assert_eq!(asks.get("/healthz").status, 200);
    }
    assert!(!folder.join("desk.sqlite").exists());
    // Another in its place is none of its own.
    std::fs::write(folder.join("desk.sqlite"), "").unwrap();
    assert_eq!(asks.get("/readyz").problem(503), "queue");
    desk.end();
}

/// As where the disk is full: what is read goes on.
#[test]
fn a_desk_that_cannot_write_is_not_ready() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let folder = place.path().join("desk");
    let waits = policy(json!({"batch": {"at_least": 9, "wait_seconds": 86400}}));
    let desk = Running::start(settings(&folder, vec![model("one", &run, waits)]));
    let asks = desk.as_requester();
    let database = rusqlite::Connection::open(folder.join("desk.sqlite")).unwrap();
    database
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON requests BEGIN SELECT RAISE(ABORT, 'full'); END;
             CREATE TRIGGER also BEFORE UPDATE ON desk BEGIN SELECT RAISE(ABORT, 'full'); END;",
        )
        .unwrap();
    let refused = asks.post("/v1/requests", &of_subject("ann-1"));
    assert_eq!(refused.problem(503), "queue");
    for _ in 0..2 {
        assert_eq!(asks.get("/readyz").problem(503), "queue");
    }
    database
        .execute_batch("DROP TRIGGER full; DROP TRIGGER also")
        .unwrap();
    assert_eq!(asks.get("/readyz").status, 200);
    asks.ask("ann-1");
}
