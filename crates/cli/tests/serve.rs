//! The deletion desk as a program: started, tried as the demo says, killed at any moment.

use rescind::Run;
use rescind_service::{Role, Tokens};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

struct Desk {
    child: Child,
    at: String,
}

impl Desk {
    fn start(folder: &Path, options: &[&str]) -> Self {
        let program = Command::new(env!("CARGO_BIN_EXE_rescind"));
        Self::start_by(program, folder, options).unwrap_or_else(|said| panic!("it ended: {said}"))
    }

    /// By a command that comes to the program; what it said where it ended before it listened.
    fn start_by(mut command: Command, folder: &Path, options: &[&str]) -> Result<Self, String> {
        command
            .args(["--quiet", "serve", "--listen", "127.0.0.1:0"])
            .args(options);
        let child = command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let (sender, receiver) = channel();
        thread::spawn(move || {
            let mut said = String::new();
            for line in errors.lines().map_while(Result::ok) {
                let _ = writeln!(said, "{line}");
                if let Some((_, at)) = line.split_once("listening on ") {
                    let _ = sender.send(Ok(at.to_owned()));
                }
            }
            let _ = sender.send(Err(said));
        });
        match receiver.recv_timeout(Duration::from_secs(120)).unwrap() {
            Ok(at) => Ok(Self { child, at }),
            Err(said) => {
                let _ = child.wait();
                Err(said)
            }
        }
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A call; none where the desk is not there to answer.
fn call(at: &str, token: &str, path: &str, key: &str, body: Option<&Value>) -> Option<Value> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into();
    let request = ureq::http::Request::builder()
        .uri(format!("{at}{path}"))
        .header("Authorization", format!("Bearer {token}"));
    let answer = match body {
        Some(body) => {
            let request = request
                .method("POST")
                .header("Content-Type", "application/json");
            let request = request.header("Idempotency-Key", key);
            agent.run(request.body(body.to_string()).unwrap())
        }
        None => agent.run(request.body(()).unwrap()),
    };
    match answer {
        Ok(mut answer) => {
            let text = answer.body_mut().read_to_string().ok()?;
            serde_json::from_str(&text).ok()
        }
        Err(ureq::Error::StatusCode(status)) => panic!("{path}: {status}"),
        Err(_) => None,
    }
}

/// A run on three records of each of so many people.
fn people(folder: &Path, people: usize) {
    let mut table = "age,dose,person,outcome\n".to_owned();
    for i in 0..3 * people {
        let class = if i % 5 < 2 { "sick" } else { "well" };
        let _ = writeln!(
            table,
            "0.{},0.{},person-{},{class}",
            i % 7,
            i % 11,
            i % people
        );
    }
    std::fs::write(folder.join("people.csv"), table).unwrap();
    for words in [
        "train --data csv:people.csv?label=outcome&subject=person&test=0 --tangent --model logistic \
         --loss squared-error --mu 1e-2 --scaling none --out run",
        "refresh run",
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rescind"));
        let output = command
            .args(words.split_whitespace())
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let policy = json!({"batch": {"at_most": 3}, "release": {
        "when": "each", "noise": {"by": "sigma", "sigma": 0.05, "delta": 1e-5}
    }});
    std::fs::write(folder.join("policy.json"), policy.to_string()).unwrap();
}

const OPTIONS: [&str; 6] = [
    "--desk",
    "desk",
    "--model",
    "one=run",
    "--policy",
    "one=policy.json",
];

fn subject(name: &str) -> Value {
    json!({"subject_identities": [{"identity_value": name}]})
}

/// A number that changes from call to call, for pauses.
fn pause(of: u64) -> Duration {
    Duration::from_micros(500 + of.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 120_000)
}

#[test]
fn what_is_acknowledged_is_done_once_whenever_the_desk_is_killed() {
    killed(25);
}

#[test]
#[ignore = "slow tier: the desk is killed five hundred times"]
fn what_is_acknowledged_is_done_once_however_often_the_desk_is_killed() {
    killed(500);
}

/// Killed at any moment, so many times: whatever was acknowledged is done once, in the end.
fn killed(kills: u64) {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let asked = 40 + kills as usize;
    people(folder, 2 * asked);
    let tokens = Tokens::open_or_make(&folder.join("desk"), None).unwrap();
    let token = tokens.make("shop", Role::Operator, None).unwrap();
    drop(tokens);
    let mut acknowledged: Vec<String> = Vec::new();
    let mut killed = 0;
    while acknowledged.len() < asked || killed < kills {
        let mut desk = Desk::start(folder, &OPTIONS);
        let at = desk.at.clone();
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let (asks, token, over) = (&mut acknowledged, &token, &over);
            let asking = scope.spawn(move || {
                // Not acknowledged: asked again under the same key once the desk is back.
                while asks.len() < asked
                    && !over.load(Ordering::Relaxed)
                    && ask_next(&at, token, asks)
                {
                    thread::sleep(Duration::from_millis(3));
                }
            });
            thread::sleep(pause(killed));
            desk.kill();
            killed += 1;
            over.store(true, Ordering::Relaxed);
            asking.join().unwrap();
        });
    }
    assert_eq!(acknowledged.len(), asked);
    done_once(folder, 2 * asked, &token, &acknowledged);
}

/// Killed at every commit in turn: at the first, second, … time that a process waits for the disk to
/// have the database.
#[test]
#[ignore = "slow tier: the desk is killed at every commit"]
fn what_is_acknowledged_is_done_once_whichever_commit_the_desk_is_killed_at() {
    let mut traced = Command::new("strace");
    traced.args(["-qq", "-o", "/dev/null", "true"]);
    if !traced.status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: strace is not there, or may not trace");
        return;
    }
    const COMMITS: usize = 40;
    const PEOPLE: usize = 30 * COMMITS;
    let place = tempfile::tempdir().unwrap();
    let folder = &std::fs::canonicalize(place.path()).unwrap();
    people(folder, PEOPLE);
    let tokens = Tokens::open_or_make(&folder.join("desk"), None).unwrap();
    let token = tokens.make("shop", Role::Operator, None).unwrap();
    drop(tokens);
    let log = folder.join("desk/desk.sqlite-wal");
    let mut acknowledged: Vec<String> = Vec::new();
    for commit in 1..=COMMITS {
        let mut command = Command::new("strace");
        // The program is this process's child, and strace its grandchild.
        command
            .args(["-D", "-f", "-qq", "-o", "/dev/null", "-P"])
            .arg(&log);
        command.arg("--trace=fsync,fdatasync");
        command.arg(format!(
            "--inject=fsync,fdatasync:signal=KILL:when={commit}"
        ));
        command.arg("--").arg(env!("CARGO_BIN_EXE_rescind"));
        let Ok(mut desk) = Desk::start_by(command, folder, &OPTIONS) else {
            continue;
        };
        // Requests come until it is dead: every one is a commit at least.
        while ask_next(&desk.at, &token, &mut acknowledged) {}
        let status = desk.child.wait().unwrap();
        assert_eq!(status.signal(), Some(9), "at commit {commit}: {status}");
    }
    assert!(acknowledged.len() > COMMITS, "{}", acknowledged.len());
    // The last may have been received unacknowledged.
    let desk = Desk::start(folder, &OPTIONS);
    assert!(ask_next(&desk.at, &token, &mut acknowledged));
    drop(desk);
    done_once(folder, PEOPLE, &token, &acknowledged);
}

/// Asks for the next person, under a key of their own; whether it was acknowledged.
fn ask_next(at: &str, token: &str, acknowledged: &mut Vec<String>) -> bool {
    let next = acknowledged.len();
    let (name, key) = (format!("person-{next}"), format!("key-{next}"));
    let told = call(at, token, "/v1/requests", &key, Some(&subject(&name)));
    acknowledged.extend(
        told.as_ref()
            .map(|told| told["request_id"].as_str().unwrap().to_owned()),
    );
    told.is_some()
}

/// Every request that was acknowledged is done once, in the end, and the run on the records of so many
/// people has answered nothing else.
fn done_once(folder: &Path, people: usize, token: &str, acknowledged: &[String]) {
    let desk = Desk::start(folder, &OPTIONS);
    let began = Instant::now();
    let mut answers = BTreeSet::new();
    for id in acknowledged {
        loop {
            let story = call(&desk.at, token, &format!("/v1/requests/{id}"), "", None).unwrap();
            let part = &story["models"][0];
            if story["request_status"] == "completed" {
                assert_eq!(
                    (&part["state"], &part["records"]),
                    (&json!("done"), &json!(3)),
                    "{story}"
                );
                assert!(part["release"].as_u64() >= part["answer"].as_u64());
                answers.insert(part["answer"].as_u64().unwrap());
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(120), "{story:#}");
            thread::sleep(Duration::from_millis(20));
        }
    }
    let asked = acknowledged.len();
    assert_eq!(BTreeSet::from_iter(acknowledged).len(), asked);
    drop(desk);
    // The run has answered each of them once, and nothing else; opening it checks that releases are
    // those of its ledger.
    let run = Run::open(&folder.join("run")).unwrap();
    let recorded = run.answers().unwrap();
    let numbers = BTreeSet::from_iter(recorded.iter().map(|answer| answer.number));
    assert_eq!(numbers, answers);
    let records: usize = recorded.iter().map(|answer| answer.forgotten.len()).sum();
    let stay = 3 * (people - asked);
    assert_eq!((records, run.retained().len()), (3 * asked, stay));
    let folders = std::fs::read_dir(folder.join("run/releases"))
        .unwrap()
        .count();
    assert_eq!(folders as u64, run.ledger().history().release_count());
}

#[test]
fn the_demo_answers_as_it_says() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let desk = Desk::start(folder, &["--demo"]);
    let tokens = Tokens::open(&folder.join("rescind-desk"), None).unwrap();
    let listed = tokens.list().unwrap();
    for role in Role::ALL {
        assert!(listed.iter().any(|token| token.role == role), "{role}");
    }
    let token = tokens.make("demo", Role::Operator, None).unwrap();
    let asked = call(
        &desk.at,
        &token,
        "/v1/requests",
        "k",
        Some(&subject("person-17")),
    )
    .unwrap();
    let path = format!(
        "/v1/requests/{}/receipt",
        asked["request_id"].as_str().unwrap()
    );
    let began = Instant::now();
    loop {
        let receipt = call(&desk.at, &token, &path, "", None).unwrap();
        if receipt["request_status"] == "completed" {
            let done = &receipt["models"][0];
            assert_eq!(
                (&done["records"], &done["release"]),
                (&json!(10), &json!(1))
            );
            assert_eq!(done["promise"]["epsilon"], 1.0);
            assert_eq!(done["promise"]["kind"], "proved");
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{receipt:#}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn tokens_are_made_shown_and_ended_beside_the_desk() {
    let place = tempfile::tempdir().unwrap();
    let run = |words: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rescind"));
        let output = command
            .args(words.split(' '))
            .current_dir(place.path())
            .output()
            .unwrap();
        let status = output.status.code().unwrap();
        (status, String::from_utf8(output.stdout).unwrap())
    };
    for of_no_desk in ["list", "callback-key", "revoke 1a2b3c4d"] {
        let (status, refused) = run(&format!("--json serve token {of_no_desk}"));
        let refused: Value = serde_json::from_str(&refused).unwrap();
        assert_eq!((status, &refused["code"]), (1, &json!("desk_key")));
        assert!(!place.path().join("rescind-desk").exists());
    }
    let (status, token) = run("serve token create --owner shop --role requester --days 3");
    assert!(status == 0 && token.starts_with("rescind_"), "{token}");
    let (status, listed) = run("--json serve token list");
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((status, listed["tokens"].as_array().unwrap().len()), (0, 1));
    let id = listed["tokens"][0]["id"].as_str().unwrap();
    assert_eq!(run(&format!("serve token revoke {id}")).0, 0);
    let (status, refused) = run(&format!("--json serve token revoke {id}"));
    let refused: Value = serde_json::from_str(&refused).unwrap();
    assert_eq!((status, &refused["code"]), (2, &json!("unknown_token")));
    assert_eq!(run("serve token create --owner shop --role king").0, 2);
    assert_eq!(run("serve --policy one=policy.json").0, 2);
}
