//! The same desk with its database on a PostgreSQL server, which the test starts: two processes' worth
//! of workers share a queue, and the server is restarted under load.
//!
//! Where no PostgreSQL is installed these tests say that they were skipped.

mod common;

use common::{Running, model, of_subject, people, policy, released, settings};
use rescind::Run;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// A server of its own, which listens on a socket in its folder alone.
struct Server {
    folder: tempfile::TempDir,
    programs: PathBuf,
    runs_as: Runs,
}

/// Where its programs are: those of `PG_BIN`, or of the newest version that Debian has put in place.
fn programs() -> Option<PathBuf> {
    if let Ok(given) = std::env::var("PG_BIN") {
        return Some(given.into());
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let found = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    found.filter(|bin| bin.join("initdb").exists()).max()
}

impl Server {
    fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            eprintln!("skipped: no PostgreSQL is installed (PG_BIN says where one is)");
            return None;
        };
        let folder = tempfile::Builder::new()
            .prefix("pg")
            .tempdir_in("/tmp")
            .unwrap();
        let server = Self {
            folder,
            programs,
            runs_as: Runs::here(),
        };
        if server.runs_as == Runs::Postgres {
            let path = server.path().to_str().unwrap();
            succeed(Command::new("chown").args(["postgres", path]));
        }
        let data = server.data();
        server.run("initdb", &["-D", &data, "-U", "desk", "-A", "trust", "-N"]);
        server.control("start");
        Some(server)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn data(&self) -> String {
        self.path().join("data").display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let path = self.programs.join(program);
        let mut command = match self.runs_as.through().split_first() {
            Some((through, words)) => {
                let mut command = Command::new(through);
                command.args(words).arg(path);
                command
            }
            None => Command::new(path),
        };
        succeed(command.args(arguments));
    }

    fn control(&self, what: &str) {
        let folder = self.path().display();
        let options = format!("-c listen_addresses='' -c unix_socket_directories={folder}");
        let data = self.data();
        self.run(
            "pg_ctl",
            &["-D", &data, "-o", &options, "-m", "immediate", "-w", what],
        );
    }

    fn address(&self) -> String {
        let folder = self.path().to_str().unwrap().replace('/', "%2F");
        format!("postgresql://desk@{folder}/postgres")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.data();
        self.run("pg_ctl", &["-D", &data, "-m", "immediate", "stop"]);
    }
}

/// Whom it runs as: the server refuses to run as root.
#[derive(Clone, Copy, PartialEq)]
enum Runs {
    AsWeAre,
    /// In a namespace where root is somebody else.
    Renamed,
    /// As the user whom Debian's package makes.
    Postgres,
}

impl Runs {
    fn here() -> Self {
        let id = Command::new("id").arg("-u").output().unwrap();
        if !id.stdout.starts_with(b"0\n") {
            return Self::AsWeAre;
        }
        let (through, words) = Self::Renamed.through().split_first().unwrap();
        let mut tried = Command::new(through);
        let tried = tried.args(words).arg("true").stderr(Stdio::null()).status();
        match tried.is_ok_and(|status| status.success()) {
            true => Self::Renamed,
            false => Self::Postgres,
        }
    }

    fn through(self) -> &'static [&'static str] {
        match self {
            Self::AsWeAre => &[],
            Self::Renamed => &["unshare", "--user", "--map-user=1000", "--map-group=1000"],
            Self::Postgres => &[
                "setpriv",
                "--reuid=postgres",
                "--regid=postgres",
                "--clear-groups",
            ],
        }
    }
}

fn succeed(command: &mut Command) {
    let command = command.current_dir("/tmp");
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.unwrap().success(), "{command:?}");
}

#[test]
fn two_desks_share_a_queue_and_outlive_the_server() {
    let Some(server) = Server::start() else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let runs = ["ann", "bob"].map(|name| people(place.path(), name, 60));
    let policy = {
        let mut policy = released();
        policy.batch.at_most = 4;
        policy
    };
    let models = vec![
        model("one", &runs[0], policy.clone()),
        model("two", &runs[1], policy),
    ];
    // Two desks with one key and one database, as on two machines.
    let folder = place.path().join("desk");
    let on_server = |models| {
        let mut settings = settings(&folder, models);
        settings.database = Some(server.address());
        settings
    };
    let first = Running::start(on_server(models));
    let second = Running::start(on_server(Vec::new()));
    let (ask, also) = (first.as_requester(), second.as_requester());
    let mut ids = Vec::new();
    for person in 0..40 {
        let asks = if person % 2 == 0 { &ask } else { &also };
        let both = json!({"subject_identities": [
            {"identity_value": format!("ann-{person}")}, {"identity_value": format!("bob-{person}")},
        ]});
        let key = format!("key-{person}");
        let headers = [("Idempotency-Key", &*key)];
        loop {
            let answer = asks.call_with("POST", "/v1/requests", Some(&both), &headers);
            if answer.status < 300 {
                ids.push(answer.json()["request_id"].as_str().unwrap().to_owned());
                break;
            }
            assert_eq!(answer.problem(503), "queue");
            thread::sleep(Duration::from_millis(50));
        }
        if person % 13 == 12 {
            server.control("restart");
        }
    }
    for id in &ids {
        let began = std::time::Instant::now();
        let story = loop {
            let answer = also.get(&format!("/v1/requests/{id}"));
            if answer.status == 200 && answer.json()["request_status"] == "completed" {
                break answer.json();
            }
            assert!(
                began.elapsed() < Duration::from_secs(90),
                "{}",
                answer.json()
            );
            thread::sleep(Duration::from_millis(50));
        };
        for part in story["models"].as_array().unwrap() {
            assert_eq!(
                (&part["state"], &part["records"]),
                (&json!("done"), &json!(3)),
                "{part}"
            );
        }
    }
    let check = first.as_auditor().get("/v1/audit/check").good();
    assert_eq!(check["altered_at"], json!(null), "{check}");
    first.end();
    second.end();
    for run in runs {
        let run = Run::open(&run).unwrap();
        let forgotten: usize = run
            .answers()
            .unwrap()
            .iter()
            .map(|a| a.forgotten.len())
            .sum();
        assert_eq!((forgotten, run.retained().len()), (120, 60));
    }
}

#[test]
#[ignore = "slow tier: waits until somebody else's lock is given up, half a minute"]
fn a_lock_that_another_program_holds_is_told_and_not_waited_for_without_end() {
    let Some(server) = Server::start() else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let mut settings = settings(
        &place.path().join("desk"),
        vec![model("one", &run, released())],
    );
    settings.database = Some(server.address());
    let desk = Running::start(settings);
    let asks = desk.as_requester();
    let mut other = postgres::Client::connect(&server.address(), postgres::NoTls).unwrap();
    other
        .batch_execute("BEGIN; SELECT pg_advisory_xact_lock(72657364)")
        .unwrap();
    let refused = asks.post("/v1/requests", &common::of_subject("ann-1"));
    assert_eq!(refused.problem(503), "queue");
    other.batch_execute("ROLLBACK").unwrap();
    asks.until(&asks.ask("ann-2"), "completed");
}

#[test]
fn every_part_of_the_desk_speaks_to_a_server() {
    let Some(server) = Server::start() else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let waits = policy(json!({"batch": {"at_least": 2, "wait_seconds": 86400}}));
    let mut settings = settings(&place.path().join("desk"), vec![model("one", &run, waits)]);
    settings.database = Some(server.address());
    let again = settings.clone();
    let desk = Running::start(settings);
    let (asks, operator) = (desk.as_requester(), desk.as_operator());
    let first = asks.ask("ann-1");
    let cancelled = asks
        .call("DELETE", &format!("/v1/requests/{first}"), None)
        .good();
    assert_eq!(cancelled["request_status"], "cancelled");
    let (second, third) = (asks.ask("ann-2"), asks.ask("ann-3"));
    for id in [&second, &third] {
        let path = format!("/v1/requests/{id}");
        asks.until_that(&path, |story| story["models"][0]["state"] == "forgotten");
    }
    let noise = json!({"noise": {"by": "sigma", "sigma": 0.05, "delta": 1e-5}});
    operator.post("/v1/models/one/releases", &noise).good();
    for id in [&second, &third] {
        asks.until(id, "completed");
    }
    let listed = operator.get("/v1/requests?state=completed&limit=1").good();
    let after = listed["after"].as_str().unwrap();
    let rest = operator
        .get(&format!("/v1/requests?state=completed&after={after}"))
        .good();
    assert_eq!(rest["requests"].as_array().unwrap().len(), 1);
    let found = operator
        .post("/v1/requests/find", &json!({"identity_value": "ann-2"}))
        .good();
    assert_eq!(found["requests"][0]["request_id"], *second);
    let figures = operator.get("/metrics");
    let figures = String::from_utf8(figures.bytes).unwrap();
    assert!(
        figures.contains("rescind_requests{state=\"completed\"} 2\n"),
        "{figures}"
    );
    assert!(
        figures.contains("rescind_model_release{model=\"one\"} 1\n"),
        "{figures}"
    );
    let held = operator
        .post("/v1/requests/dry-run", &of_subject("ann-2"))
        .good();
    assert_eq!(held["models"][0]["held"]["forgotten"], 3);
    // Forgotten before, and known to nobody: both by themselves, as they are due.
    let tomorrow = std::time::SystemTime::now() + Duration::from_secs(86_500);
    let tomorrow = json!(humantime::format_rfc3339_seconds(tomorrow).to_string());
    for (name, state) in [("ann-2", "done"), ("nobody", "nothing_held")] {
        let mut soon = of_subject(name);
        soon["due_time"] = tomorrow.clone();
        let story = asks.post("/v1/requests", &soon).good();
        let done = asks.until(story["request_id"].as_str().unwrap(), "completed");
        assert_eq!(done["models"][0]["state"], state, "{done}");
    }
    let set = json!({"release": {"when": "never"}});
    operator
        .call("PUT", "/v1/models/one/policy", Some(&set))
        .good();
    assert_eq!(
        operator.post("/v1/models/one/retry", &json!({})).good()["requests"],
        0
    );
    // Another run in its place, then none; the start line changes nothing of it.
    people(place.path(), "bob", 20);
    let other = operator.call("PUT", "/v1/models/one", Some(&json!({"run": "bob"})));
    assert_eq!(other.good()["released"], 0);
    operator.call("DELETE", "/v1/models/one", None).good();
    desk.end();
    let desk = Running::start(again);
    assert_eq!(desk.as_auditor().get("/v1/models").good(), json!([]));
}

/// Two processes write down that they hold nothing of the same request, at the same moment: it is done.
#[test]
fn two_desks_that_finish_a_request_together_do_finish_it() {
    let Some(server) = Server::start() else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let models = ["ann", "bob"].map(|name| {
        let run = people(place.path(), name, 20);
        model(name, &run, policy(json!({"batch": {"at_most": 3}})))
    });
    let folder = place.path().join("desk");
    let on_server = |models| {
        let mut settings = settings(&folder, models);
        settings.database = Some(server.address());
        settings
    };
    let first = Running::start(on_server(models.to_vec()));
    let second = Running::start(on_server(Vec::new()));
    // The first has records to forget, those after it have none left.
    let both = json!({"records": [
        {"model": "ann", "records": "3"}, {"model": "bob", "records": "3"},
    ]});
    let asks = [first.as_requester(), second.as_requester()];
    let ids: Vec<String> = (0..400)
        .map(|at| {
            let story = asks[at % 2].post("/v1/requests", &both).good();
            story["request_id"].as_str().unwrap().to_owned()
        })
        .collect();
    for id in &ids[1..] {
        let path = format!("/v1/requests/{id}");
        let ended = |story: &serde_json::Value| {
            let mut parts = story["models"].as_array().unwrap().iter();
            parts.all(|part| {
                ["nothing_held", "forgotten"].contains(&part["state"].as_str().unwrap())
            })
        };
        let story = asks[0].until_that(&path, ended);
        let parts = story["models"].as_array().unwrap().iter();
        let done = parts.filter(|part| part["state"] == "nothing_held").count();
        let status = match done {
            2 => "completed",
            _ => "in_progress",
        };
        assert_eq!(story["request_status"], status, "{story}");
    }
}

/// A table of the same name in a schema of another program's is none of the desk's, nor is an empty database.
#[test]
fn a_desk_shares_a_server_with_other_programs() {
    let Some(server) = Server::start() else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("desk");
    let psql = |sql: &str| {
        let path = server.path().display().to_string();
        server.run("psql", &["-h", &path, "-U", "desk", "-c", sql, "postgres"]);
    };
    psql(
        "CREATE SCHEMA other; CREATE TABLE other.migrations (name TEXT); CREATE TABLE migrations (version TEXT)",
    );
    let on_server = || {
        let mut settings = settings(&folder, Vec::new());
        settings.database = Some(server.address());
        settings
    };
    Running::start(on_server()).end();
    let desk = Running::start(on_server());
    // What the database takes as no text names nothing.
    let operates = desk.as_operator();
    for (method, path) in [
        ("GET", "/v1/models/a%00b"),
        ("DELETE", "/v1/models/a%00b"),
        ("POST", "/v1/models/a%00b/retry"),
        ("GET", "/v1/models/a%00b/releases"),
        ("GET", "/v1/models/a/orders/b%00"),
        ("GET", "/v1/models/a%00/promises"),
        ("GET", "/v1/requests/a%00"),
    ] {
        operates.call(method, path, None).problem(404);
    }
    desk.end();
    // Without the address it is no new desk in a file, and an empty database is not its own.
    let mut beside = settings(&folder, Vec::new());
    beside.ends = Arc::new(|| true);
    let beside = rescind_service::serve(beside).err();
    assert_eq!(beside.unwrap().code(), rescind::Code::Queue);
    assert!(!folder.join("desk.sqlite").exists());
    psql("CREATE DATABASE empty");
    let mut elsewhere = on_server();
    elsewhere.ends = Arc::new(|| true);
    elsewhere.database = Some(server.address().replace("/postgres", "/empty"));
    let empty = rescind_service::serve(elsewhere).err();
    assert_eq!(empty.unwrap().code(), rescind::Code::Queue);
}
