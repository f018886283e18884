//! How fast a desk answers: so many pending requests in batches, then so many one by one, each with
//! what the disk takes for a wait, as every answer waits for it several times.
//!
//! ```text
//! cargo run --release -p rescind-service --example answers -- --pending 10000 --single 500
//! ```
//!
//! Before that the run alone is asked one by one, without a desk: what it takes is not the desk's.
//!
//! The model is a head of 32 columns and 2 outputs with a squared error, prepared (`rescind refresh`),
//! of people with three records each. Requests come over HTTP and wait; then the policy has them
//! answered, and the time runs until the last is completed.

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Running, policy, settings};
use rescind::training::TrainingSettings;
use rescind::{ModelChoice, Parameterisation, ReleaseChoice, Request, Run, RunConfig};
use rescind_data::RecordRequest;
use rescind_network::Loss;
use rescind_service::ModelGiven;
use serde_json::{Value, json};
use std::env;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

const COLUMNS: usize = 32;
const SYNCS: usize = 200;
const CALLERS: usize = 16;

fn options() -> Option<(usize, usize, PathBuf)> {
    let (mut pending, mut single, mut place) = (10_000, 500, env::temp_dir());
    let words: Vec<String> = env::args().skip(1).collect();
    for pair in words.chunks(2) {
        let [name, value] = pair else { return None };
        match name.as_str() {
            "--pending" => pending = value.parse().ok()?,
            "--single" => single = value.parse().ok()?,
            "--place" => place = value.into(),
            _ => return None,
        }
    }
    let bounded = pending <= 100_000 && single <= 100_000 && pending + single > 0;
    bounded.then_some((pending, single, place))
}

fn main() -> ExitCode {
    let Some((pending, single, place)) = options() else {
        eprintln!("answers [--pending 10000] [--single 500] [--place FOLDER]");
        return ExitCode::FAILURE;
    };
    let place = tempfile::tempdir_in(place).expect("a folder to work in");
    let run = head(place.path(), "run", pending + single);
    println!("a wait for the disk: {}", syncs(place.path()));
    alone(place.path(), pending..pending + single);
    let waits = policy(
        json!({"batch": {"at_least": 100_000, "at_most": 100_000, "wait_seconds": 31_000_000}}),
    );
    let models = vec![ModelGiven {
        name: "one".to_owned(),
        run,
        policy: Some(waits.clone()),
    }];
    let mut settings = settings(&place.path().join("desk"), models);
    settings.limits.calls_per_second = 1_000_000;
    settings.limits.burst = 1_000_000;
    let desk = Running::start(settings);
    for (what, at_most, people) in [
        ("in batches of 250", 250, 0..pending),
        ("one by one", 1, pending..pending + single),
    ] {
        for release in ["never", "each"] {
            // Each way has a half of the people.
            let half = people.start + people.len() / 2;
            let asked = match release {
                "never" => people.start..half,
                _ => half..people.end,
            };
            if asked.is_empty() {
                continue;
            }
            let ids = ask(&desk, asked);
            let to = json!({"batch": {"at_most": at_most}, "release": {
                "when": release, "noise": {"by": "sigma", "sigma": 0.05, "delta": 1e-5},
            }});
            let seconds = answered(&desk, &to, &ids);
            println!(
                "{} requests {what}, release {release}: {seconds:.2} s, {:.1} a second; a wait for the disk then: {}",
                ids.len(),
                ids.len() as f64 / seconds,
                syncs(place.path()),
            );
            desk.as_operator()
                .call("PUT", "/v1/models/one/policy", Some(&json!(waits)))
                .good();
        }
    }
    desk.end();
    ExitCode::SUCCESS
}

/// A run that nothing else has, asked directly: as many requests, half of them with a release.
fn alone(folder: &Path, people: std::ops::Range<usize>) {
    let root = head(folder, "alone", people.end + 1);
    let half = people.start + people.len() / 2;
    let mut run = Run::open(&root).expect("a run");
    let each: ReleaseChoice = serde_json::from_value(json!({
        "noise": {"by": "sigma", "sigma": 0.05, "delta": 1e-5}, "accept_noise": false, "budget": null,
    }))
    .expect("a release");
    for (what, release, asked) in [
        ("never", None, people.start..half),
        ("each", Some(each), half..people.end),
    ] {
        let (count, began) = (asked.len(), Instant::now());
        for person in asked {
            let request = Request {
                records: vec![RecordRequest::Subject(format!("p-{person}"))],
                release,
                method: None,
                key: Some(format!("alone-{person}")),
            };
            run.forget(&request, &mut ()).expect("an answer");
        }
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "the run alone, {count} requests one by one, release {what}: {seconds:.2} s, {:.1} a second; a wait for the disk then: {}",
            count as f64 / seconds,
            syncs(folder),
        );
    }
}

/// A head of so many people with three records each.
fn head(folder: &Path, name: &str, people: usize) -> PathBuf {
    let table = folder.join(format!("{name}.csv"));
    let mut text =
        (0..COLUMNS).map(|at| format!("x{at},")).collect::<String>() + "person,outcome\n";
    for row in 0..3 * people {
        for at in 0..COLUMNS {
            let mixed =
                (row as u64 * COLUMNS as u64 + at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let _ = write!(text, "0.{:03},", (mixed >> 32) % 1000);
        }
        let class = if row % 5 < 2 { "sick" } else { "well" };
        let _ = writeln!(text, "p-{},{class}", row % people);
    }
    std::fs::write(&table, text).expect("the table");
    let source = format!(
        "csv:{}?label=outcome&subject=person&test=0",
        table.display()
    );
    let config = RunConfig {
        data: source.parse().expect("a source"),
        classes: Some(["sick", "well"].map(str::to_owned).to_vec()),
        model: ModelChoice::Logistic,
        training: TrainingSettings {
            penalty: 1e-2,
            until_gradient: Some(1e-6),
            ..TrainingSettings::default()
        },
        parameterisation: Parameterisation::Tangent,
        loss: Loss::SquaredError,
        keep_iterates: false,
        ..RunConfig::default()
    };
    let root = folder.join(name);
    let mut run = Run::create(&root, config, None, &mut ()).expect("a run");
    run.train(&mut ()).expect("training");
    run.refresh(&mut ()).expect("preparing");
    root
}

/// What 4096 bytes written and synced take on the same disk.
fn syncs(folder: &Path) -> String {
    let mut file = File::create(folder.join("synced")).expect("a file");
    let mut times: Vec<f64> = (0..SYNCS)
        .map(|_| {
            let began = Instant::now();
            file.write_all(&[7; 4096]).expect("a write");
            file.sync_data().expect("a sync");
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    format!(
        "median {:.2} ms, p90 {:.2} ms",
        times[SYNCS / 2],
        times[SYNCS * 9 / 10]
    )
}

/// Asks for these people to be forgotten; the requests' names.
fn ask(desk: &Running, people: std::ops::Range<usize>) -> Vec<String> {
    let people: Vec<usize> = people.collect();
    let asks = desk.as_requester();
    let asked = thread::scope(|scope| {
        let callers: Vec<_> = people
            .chunks(people.len().div_ceil(CALLERS))
            .map(|some| {
                scope.spawn(|| {
                    some.iter()
                        .map(|i| asks.ask(&format!("p-{i}")))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let asked = callers
            .into_iter()
            .map(|caller| caller.join().expect("a caller"));
        asked.collect::<Vec<_>>()
    });
    asked.concat()
}

/// Has what waits answered by a policy; how long until the last is completed.
fn answered(desk: &Running, policy: &Value, ids: &[String]) -> f64 {
    let (operator, asks) = (desk.as_operator(), desk.as_requester());
    let began = Instant::now();
    operator
        .call("PUT", "/v1/models/one/policy", Some(policy))
        .good();
    loop {
        let model = operator.get("/v1/models/one").good();
        if model["waiting"] == 0 && model["forgotten"] == 0 {
            break;
        }
        thread::sleep(Duration::from_millis(20));
        assert!(began.elapsed() < Duration::from_secs(1800), "{model:#}");
    }
    let open = |id: &&String| {
        asks.get(&format!("/v1/requests/{id}")).good()["request_status"] != "completed"
    };
    while ids.iter().rev().take(3).any(|id| open(&id)) {
        thread::sleep(Duration::from_millis(5));
    }
    began.elapsed().as_secs_f64()
}
