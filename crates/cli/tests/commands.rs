//! The real binary, each test in a fresh folder.

mod common;

use common::{folder, json, rescind, run, status};
use serde::Deserialize;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Calibration {
    mechanism: String,
    sensitivity: f64,
    epsilon: f64,
    delta: f64,
    sigma: f64,
    gdp: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trained {
    run: String,
    finished: bool,
    ending: Option<String>,
    epochs: u64,
    records: usize,
    parameters: usize,
    loss: Option<f64>,
    accuracy: Option<f64>,
    norm: Option<f64>,
    classes_read_from_records: bool,
    seconds: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered {
    run: String,
    request: u64,
    method: String,
    repeated: bool,
    forgotten: usize,
    lines: Option<String>,
    held_out: usize,
    already_forgotten: usize,
    copies_retained: usize,
    retained: usize,
    unlisted: usize,
    emptied_classes: Vec<String>,
    effect: Option<Value>,
    solver_ending: Option<String>,
    products: Option<u64>,
    relative_residual: Option<f64>,
    check: Option<Value>,
    prepare_seconds: Option<f64>,
    solve_seconds: Option<f64>,
    explanation: Option<String>,
    seconds: f64,
    release: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Standing {
    run: String,
    data: String,
    busy: Option<String>,
    trained: bool,
    epochs: u64,
    retained: Option<usize>,
    delta: f64,
    requests: Vec<Value>,
    pending: Vec<u64>,
    idle: u64,
    unfinished: bool,
    budget: Option<Value>,
    adopted: Vec<String>,
    exposed: Option<String>,
    prepared: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Failure {
    code: String,
    error: String,
    status: u8,
}

#[test]
fn calibration_goes_every_way() {
    let here = folder();
    let c: Calibration = json(
        here.path(),
        "calibrate --sensitivity 1 --epsilon 1 --delta 1e-5",
    );
    assert_eq!(
        (c.mechanism.as_str(), c.sensitivity, c.epsilon),
        ("analytic", 1.0, 1.0)
    );
    assert!((c.sigma - 3.730_631_634).abs() < 1e-8 && (c.gdp - 1.0 / c.sigma).abs() < 1e-12);
    let back = format!("calibrate --sensitivity 1 --delta 1e-5 --sigma {}", c.sigma);
    let back: Calibration = json(here.path(), &back);
    assert!((back.epsilon - 1.0).abs() < 1e-9);
    let delta = format!("calibrate --sensitivity 1 --epsilon 1 --sigma {}", c.sigma);
    let delta: Calibration = json(here.path(), &delta);
    assert!((delta.delta / 1e-5 - 1.0).abs() < 1e-9);
    let old = "calibrate --sensitivity 1 --epsilon 1 --delta 1e-5 --classical";
    let old: Calibration = json(here.path(), old);
    assert!(old.mechanism == "classical" && (old.sigma - 4.8448).abs() < 1e-4);
}

#[test]
fn exit_statuses_say_what_went_wrong() {
    let here = folder();
    for wrong in [
        "",
        "frobnicate",
        "calibrate --sensitivity 1 --epsilon 1",
        "calibrate --sensitivity -1 --epsilon 1 --delta 1e-5",
        "calibrate --sensitivity 1 --epsilon 1 --delta 1e-5 --sigma 3",
        "train --data nothing --out run",
        "train --epochs 0 --out run",
        "train --pause-after -1 --out run",
        "forget run",
        "forget run --random 5 --class 1",
        "forget run --random 5 --method retrain --solver cg",
        "forget run --random 5 --method retrain --steps 3",
        "forget run --random 5 --steps 3",
        "forget run --random 5 --method noisy-finetune --solver cg --epsilon 1",
        "forget run --random 5 --method output-perturbation --clip 1 --epsilon 1",
        "forget run --random 5 --method frobnicate",
        "forget run --random 5 --set subsample",
        "forget run --random 5 --set colour=1",
        "forget run --random 5 --set subsample=some",
        "forget run --random 5 --method descent --set subsample=5",
        "release run",
        "release run --random 5 --sigma 1",
    ] {
        assert_eq!(status(here.path(), wrong), 2, "{wrong}");
    }
    let refused = run(
        here.path(),
        "calibrate --sensitivity 1 --epsilon 3 --delta 1e-5 --classical --json",
    );
    let report: Failure = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!((refused.status.code(), report.status), (Some(3), 3));
    assert_eq!(report.code, "refused");
    assert!(report.error.contains("at most 1"), "{}", report.error);
    for failing in [
        "evaluate nowhere",
        "status nowhere",
        "release nowhere --sigma 1",
        "train --data mnist:nowhere --out run",
    ] {
        let failed = run(here.path(), failing);
        assert_eq!(failed.status.code(), Some(1), "{failing}");
        assert!(
            String::from_utf8_lossy(&failed.stderr).contains("nowhere"),
            "{failing}"
        );
    }
}

#[test]
fn a_run_is_trained_forgotten_from_and_compared() {
    let here = folder();
    let here = here.path();
    let paused: Trained = json(here, "train --out run --epochs 8 --pause-after 2.5");
    // The digits' classes are published.
    assert!(!paused.classes_read_from_records);
    assert_eq!(
        (paused.run.as_str(), paused.finished, paused.epochs),
        ("run", false, 2)
    );
    assert!(paused.ending.is_none() && paused.loss.is_some() && paused.norm.is_some());

    let early: Answered = json(here, "forget run --records 3,17,20-29");
    assert_eq!(
        (early.request, early.forgotten, early.retained),
        (1, 12, 1428)
    );
    assert!(!early.repeated);
    let done: Trained = json(here, "train --resume run");
    assert_eq!(
        (done.finished, done.records, done.parameters),
        (true, 1428, 3466)
    );
    assert!(done.epochs >= 8 && done.accuracy.unwrap() > 0.5 && done.seconds > 0.0);

    let late: Answered = json(here, "forget run --random 50 --seed 1 --check");
    assert_eq!(
        (late.run.as_str(), late.method.as_str(), late.retained),
        ("run", "newton", 1378)
    );
    assert_eq!(
        (
            late.held_out + late.unlisted + late.emptied_classes.len(),
            late.solver_ending.as_deref()
        ),
        (0, Some("converged"))
    );
    assert!(late.explanation.unwrap().starts_with("damping"));
    assert!(late.products.unwrap() > 0 && late.relative_residual.unwrap() < 0.2);
    let checked = |name: &str| late.check.as_ref().unwrap()[name].as_f64().unwrap();
    assert!(checked("residual") > 0.0 && checked("gradient_norm_before") > 0.0);
    assert!(checked("gradient_norm_after") > 0.0);
    assert!(late.solve_seconds.unwrap() > 0.0 && late.prepare_seconds.unwrap() > 0.0);
    assert_eq!(late.already_forgotten, 0);
    // These records are of no table.
    assert_eq!(late.lines, None);
    assert!(late.copies_retained == 0 && late.seconds > 0.0 && late.release.is_none());
    let effect = late.effect.unwrap();
    let loss = |when: &str| effect[when]["loss"].as_f64().unwrap();
    assert!(loss("forgotten_after") > loss("forgotten_before"));
    assert_eq!(
        status(here, "forget run --records 3"),
        6,
        "forgotten already"
    );

    let _: Value = json(here, "retrain run");
    let evaluation: Value = json(here, "evaluate run");
    for model in ["original", "current", "retrained"] {
        assert_eq!(evaluation[model]["forgotten"]["records"], 62, "{model}");
        assert_eq!(evaluation[model]["test"]["records"], 357, "{model}");
    }
    assert_eq!(evaluation["retrained"]["to_retrained"], 0.0);
    let standing: Standing = json(here, "status run");
    assert_eq!(
        (standing.run.as_str(), standing.data.as_str()),
        ("run", "digits")
    );
    assert_eq!(
        (standing.trained, standing.busy, standing.retained),
        (true, None, Some(1378))
    );
    assert!(standing.epochs >= 8 && standing.delta < 1e-4);
    assert_eq!(standing.pending, [1, 2]);
    assert!(standing.idle == 1 && !standing.unfinished);
    // A network has no features that stay.
    assert!(!standing.prepared);
    let said = (standing.budget, standing.adopted.len(), standing.exposed);
    assert_eq!(said, (None, 0, None));
    assert!(
        standing
            .requests
            .iter()
            .all(|r| r["releases"] == 0 && r["epsilon"].is_null())
    );
    let counts: Vec<_> = standing
        .requests
        .iter()
        .map(|r| r["forgotten"].clone())
        .collect();
    assert_eq!(counts, [12, 50]);
}

#[test]
#[ignore = "slow tier: trains and retrains as the demo does"]
fn the_demo_compares_with_retraining_and_says_what_its_release_is_worth() {
    let here = folder();
    let here = here.path();
    let demo: Value = json(here, "demo --out made");
    assert_eq!(demo["forgotten"], 50);
    for (part, epsilon) in [("network", 1e6..1e8), ("tangent", 1.0..1.000_001)] {
        let part = &demo[part];
        assert!(epsilon.contains(&part["guarantee"]["epsilon"].as_f64().unwrap()));
        assert_eq!(part["guarantee"]["kind"], "proved");
        let accuracy = |model: &str| part["models"][model]["test"]["accuracy"].as_f64().unwrap();
        assert!(accuracy("retrained") > 0.9 && accuracy("released") > 0.9);
        let certificate = part["guarantee"]["certificate"].as_str().unwrap();
        let run = part["run"].as_str().unwrap();
        assert_eq!(
            status(here, &format!("verify {certificate} --run {run}")),
            0
        );
    }
    let page = std::fs::read_to_string(here.join("made/report.html")).unwrap();
    assert!(page.contains("<html") && page.contains("proved"));
    let text = String::from_utf8(run(here, "demo --out text").stdout).unwrap();
    for part in [
        "original",
        "retrained",
        "protects nobody",
        "follows from",
        "rescind verify text/tangent/releases/000001/certificate.json",
    ] {
        assert!(text.contains(part), "{part} is missing from\n{text}");
    }
    // Started again, it goes on where it was: nothing is forgotten or released twice.
    assert_eq!(status(here, "demo --out made"), 0);
    let standing: Value = json(here, "status made/tangent");
    assert_eq!(
        standing["requests"].as_array().map(Vec::len),
        Some(1),
        "{standing}"
    );
}

/// A command that stands still at a step of what it writes, counted from 0.
struct Held {
    child: Child,
    /// Says when it stands still.
    said: BufReader<ChildStderr>,
}

impl Held {
    fn at(step: u32, folder: &Path, arguments: &str) -> Self {
        let mut child = rescind(folder, arguments)
            .env("RESCIND_TEST_HOLD", step.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        Held { child, said }
    }

    /// Waits until it stands still; false if it ended, well, before that step.
    fn stands(&mut self) -> bool {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        match line.as_str() {
            "held\n" => true,
            said => {
                assert!(self.child.wait().unwrap().success(), "{said}");
                false
            }
        }
    }

    /// Waits until it knows of the signal that it was sent.
    fn hears(&mut self) {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        assert!(line.starts_with("Stopping: "), "{line}");
    }

    /// Kills it at that step; false if there is no such step.
    fn kill(mut self) -> bool {
        let stands = self.stands();
        self.child.kill().unwrap();
        assert_eq!(self.child.wait().unwrap().success(), !stands);
        stands
    }
}

#[test]
fn a_killed_training_goes_on_to_the_same_weights() {
    let here = folder();
    let here = here.path();
    let options = "train --epochs 6 --batch 32 --hidden 16 --out";
    let whole: Trained = json(here, &format!("{options} whole"));
    assert!(json::<Trained>(here, &format!("{options} killed --pause-after 1")).epochs == 1);
    let mut epochs = 1;
    // Steps of one checkpoint, and later ones.
    for step in [0, 1, 2, 3, 5, 8, 13, 21, 34] {
        assert!(
            Held::at(step, here, "train --resume killed").kill(),
            "{step}"
        );
        let standing: Standing = json(here, "status killed");
        assert!(standing.epochs >= epochs && !standing.trained);
        epochs = standing.epochs;
    }
    assert!(epochs > 1, "nothing was trained between the kills");
    let resumed: Trained = json(here, "train --resume killed");
    assert_eq!((resumed.loss, resumed.norm), (whole.loss, whole.norm));
    let same = weights(&here.join("whole")) == weights(&here.join("killed"));
    assert!(same, "the weights differ");
}

/// The newest private weights of a run.
fn weights(run: &Path) -> Vec<u8> {
    let states = std::fs::read_dir(run.join("private/state")).unwrap();
    let newest = states.map(|entry| entry.unwrap().path()).max();
    std::fs::read(newest.unwrap().join("weights.safetensors")).unwrap()
}

/// While the run is made, in the first epoch, and while a checkpoint is written.
#[test]
fn a_training_that_is_told_to_stop_goes_on_to_the_same_weights() {
    let here = folder();
    let here = here.path();
    let options = "train --epochs 3 --batch 32 --hidden 8 --out";
    let _: Trained = json(here, &format!("{options} whole"));
    let whole = weights(&here.join("whole"));
    let (mut begun, mut afresh) = (0, 0);
    for step in 0.. {
        let name = format!("stopped-{step}");
        let mut held = Held::at(step, here, &format!("{options} {name}"));
        if !held.stands() {
            break;
        }
        let signal = ["-INT", "-TERM"][step as usize % 2];
        let process = held.child.id().to_string();
        let sent = Command::new("kill").args([signal, &process]).status();
        assert!(sent.unwrap().success());
        held.hears();
        // Waiting ends its input, which lets it go on.
        let status = held.child.wait().unwrap();
        assert!(matches!(status.code(), Some(0 | 1)), "{step}: {status:?}");
        let run = here.join(&name);
        let _: Trained = match run.join("run.json").exists() {
            true => {
                begun += u32::from(!run.join("private/state/000001").exists());
                json(here, &format!("train --resume {name}"))
            }
            false => {
                afresh += 1;
                json(here, &format!("{options} {name}"))
            }
        };
        assert!(weights(&run) == whole, "{step}: the weights differ");
    }
    assert!(begun > 0 && afresh > 0, "{begun} {afresh}");
}

/// At every step of what it writes. A request counts once the ledger has it; what is left of a
/// process that died after that is done by whoever opens the run next, which `status` does not.
#[test]
fn a_killed_request_leaves_a_run_that_answers() {
    let here = folder();
    let here = here.path();
    let _: Trained = json(here, "train --out run --epochs 2 --hidden 4");
    let all_or_nothing = |standing: &Standing| {
        let forgotten = 5 * standing.requests.len();
        assert_eq!(standing.retained, Some(1440 - forgotten));
    };
    let forget = "forget run --random 5 --preconditioner 0 --tolerance 1e-2";
    let (mut answered, mut undone, mut finished) = (0, 0, 0);
    for step in 0.. {
        let killed = Held::at(step, here, forget).kill();
        let left: Standing = json(here, "status run");
        all_or_nothing(&left);
        let opened: Trained = json(here, "train --resume run");
        let standing: Standing = json(here, "status run");
        all_or_nothing(&standing);
        assert_eq!(standing.retained, Some(opened.records));
        let counts = standing.requests.len();
        assert!(
            left.requests.len() <= counts,
            "step {step}: a request is lost"
        );
        match counts - answered {
            0 => undone += 1,
            1 => finished += 1,
            more => panic!("step {step}: {more} requests"),
        }
        answered = counts;
        if !killed {
            break;
        }
    }
    assert!(
        undone > 5 && finished > 2,
        "{undone} undone, {finished} finished"
    );
    let answer: Answered = json(here, "forget run --random 5");
    assert_eq!(answer.request as usize, answered + 1);
}

#[test]
fn a_second_process_is_told_and_ctrl_c_saves() {
    let here = folder();
    let here = here.path();
    // Far enough for a first epoch to be saved.
    let mut first = Held::at(60, here, "train --out run --epochs 100000 --batch 8");
    assert!(first.stands(), "training ended");
    let standing: Standing = json(here, "status run");
    let process = first.child.id().to_string();
    assert_eq!(standing.busy.as_deref(), Some(process.as_str()));
    assert!(standing.epochs > 0 && !standing.trained);
    let second = run(here, "forget run --random 5");
    assert_eq!(second.status.code(), Some(1));
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(told.contains("in use by process"), "{told}");
    let interrupt = Command::new("kill").args(["-INT", &process]).status();
    assert!(interrupt.unwrap().success());
    // Waiting ends its input, which lets it go on.
    assert_eq!(first.child.wait().unwrap().code(), Some(1));
    let mut told = String::new();
    first.said.read_to_string(&mut told).unwrap();
    assert!(told.contains("rescind train --resume run"), "{told}");
    let saved: Standing = json(here, "status run");
    assert!(saved.epochs >= standing.epochs && saved.busy.is_none() && !saved.trained);
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let here = folder();
    let mut child = rescind(
        here.path(),
        "calibrate --sensitivity 1 --epsilon 1 --delta 1e-5",
    )
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// Runs a command on a folder whose name is not UTF-8, in which `%` stands for its name, and reads what it says.
#[cfg(target_os = "linux")]
fn said(here: &Path, arguments: &str) -> Value {
    use std::os::unix::ffi::OsStrExt;
    let mut command = rescind(here, "");
    for argument in arguments.split_whitespace() {
        let bytes = argument.replace('%', "\u{0}").into_bytes();
        let named = bytes.split(|byte| *byte == 0).collect::<Vec<_>>();
        command.arg(std::ffi::OsStr::from_bytes(&named.join(&b"caf\xe9"[..])));
    }
    let output = command.arg("--json").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}: {told}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn every_command_works_on_a_folder_whose_name_is_not_utf_8() {
    let here = folder();
    let here = here.path();
    let trained = said(here, "train --out % --epochs 2 --hidden 4");
    assert_eq!(trained["run"], "caf\u{fffd}");
    for command in [
        "forget % --random 5 --sigma 0.01",
        "forget % --random 5",
        "release % --sigma 0.01",
        "status %",
        "plan % --random 5 --epsilon 1",
        "retrain %",
        "evaluate %",
        "audit % --pairs 50",
        "report % --figures %/figures",
        "amend % --budget 1e9 --budget-delta 1e-5",
        "verify %/releases/000001/certificate.json --run %",
        "verify %/releases/000002/certificate.json --run %",
    ] {
        said(here, command);
    }
}
