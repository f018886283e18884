//! What a request names of records is nowhere in the clear: not where it is held, not once it is dismissed,
//! not in what is told.

mod common;

use common::{Running, model, people, policy, settings};
use serde_json::json;
use std::path::Path;

/// Everything that the database has, as texts.
fn everything(folder: &Path) -> String {
    let database = rusqlite::Connection::open(folder.join("desk.sqlite")).unwrap();
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table'";
    let mut tables = database.prepare(tables).unwrap();
    let names = tables.query_map([], |row| row.get(0)).unwrap();
    let mut all = String::new();
    for name in names.map(Result::<String, _>::unwrap) {
        let mut rows = database.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let columns = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for at in 0..columns {
                all += &format!("{:?}\n", row.get_ref(at).unwrap().as_str());
            }
        }
    }
    all
}

#[test]
fn records_that_a_request_names_are_sealed_with_it() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let folder = place.path().join("desk");
    let models = vec![model("one", &run, policy(json!({})))];
    let mut settings = settings(&folder, models);
    settings.alerts = Some("http://127.0.0.1:9/nobody".to_owned());
    let desk = Running::start(settings);
    let (asks, operates) = (desk.as_requester(), desk.as_operator());
    let hash = "0123456789abcdef".repeat(4);
    let named = [
        (format!("hash:{hash}"), hash.clone(), "unknown_record"),
        ("line:77077".to_owned(), "77077".to_owned(), "unknown_line"),
        (
            "88088".to_owned(),
            "88088".to_owned(),
            "request_out_of_range",
        ),
    ];
    let mut ids = Vec::new();
    for (records, _, code) in &named {
        let asked = json!({"records": [{"model": "one", "records": records}]});
        let id = asks.post("/v1/requests", &asked).good()["request_id"].clone();
        let id = id.as_str().unwrap().to_owned();
        let path = format!("/v1/requests/{id}");
        let held = operates.until_that(&path, |story| story["models"][0]["state"] == "held");
        assert_eq!(held["models"][0]["code"], *code, "{held}");
        assert!(held["models"][0]["detail"].is_string(), "{held}");
        ids.push(id);
    }
    for again in [false, true] {
        let all = everything(&folder);
        assert!(all.contains("unknown_record"), "{all}");
        let notices = format!("{:?}", desk.notices.lock().unwrap());
        for (_, word, _) in &named {
            assert!(!all.contains(word), "{word}: {all}");
            assert!(!notices.contains(word), "{word}: {notices}");
        }
        if !again {
            for id in &ids {
                let path = format!("/v1/requests/{id}/models/one/dismiss");
                operates.post(&path, &json!({})).good();
            }
        }
    }
}
