//! A run as it lies, through the real binary: one that nobody can write is verified, a budget, a key
//! and a place are changed on purpose.

mod common;

use common::{folder, json, rescind, run, status};
use serde_json::Value;
use std::fs;
use std::path::Path;

const CERTIFICATE: &str = "run/releases/000001/certificate.json";

fn released(here: &Path, more: &str) {
    let _: Value = json(here, &format!("train --out run --epochs 2 {more}"));
    let _: Value = json(here, "forget run --random 5 --sigma 0.001");
}

/// What a failed command is called, with its exit status.
fn failure(here: &Path, arguments: &str) -> (i32, String) {
    let output = run(here, &format!("{arguments} --json"));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let code = report["code"].as_str().unwrap().to_owned();
    (output.status.code().unwrap(), code)
}

/// Looked at by a user who owns all of it and may write nothing: nobody may write what others read,
/// and no privilege of the user that runs the tests helps.
#[cfg(unix)]
#[test]
fn a_run_that_nobody_can_write_is_looked_at() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65534;
    let here = folder();
    let here = here.path();
    released(here, "");
    // The other side of an audit.
    let _: Value = json(here, "retrain run");
    let root = here.metadata().unwrap().uid() == 0;
    let mut paths = vec![here.to_owned()];
    let mut next = 0;
    while next < paths.len() {
        if paths[next].is_dir() {
            let items = fs::read_dir(&paths[next]).unwrap();
            paths.extend(items.map(|item| item.unwrap().path()));
        }
        next += 1;
    }
    for path in paths.iter().rev() {
        let mode = path.metadata().unwrap().permissions().mode();
        fs::set_permissions(path, fs::Permissions::from_mode(mode & !0o222)).unwrap();
        if root {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    let as_nobody = |words: &str| {
        let mut command = rescind(here, words);
        if root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.output().unwrap()
    };
    let output = as_nobody(&format!("verify {CERTIFICATE} --run run"));
    let read = [
        "status run",
        "evaluate run -q",
        "plan run --random 5 --epsilon 1 -q",
        "spectrum run -q",
        "audit run --pairs 20 -q",
    ];
    let read = read.map(|words| (words, as_nobody(words)));
    let refused = as_nobody("forget run --random 5 --json");
    for path in &paths {
        let mode = path.metadata().unwrap().permissions().mode();
        fs::set_permissions(path, fs::Permissions::from_mode(mode | 0o200)).unwrap();
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}{err}");
    assert!(
        said.contains("every release that the ledger records"),
        "{said}"
    );
    for (words, output) in read {
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{words}: {err}");
    }
    let refused: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(refused["code"], "io");
}

#[test]
fn a_budget_given_when_training_is_kept_until_it_is_changed_on_purpose() {
    let here = folder();
    let here = here.path();
    let _: Value = json(here, "train --out run --epochs 2 --budget 1");
    let asked = |seed: u32, more: &str| format!("forget run --random 5 --seed {seed} {more}");
    assert_eq!(
        failure(here, &asked(1, "--sigma 40")),
        (3, "budget".to_owned())
    );
    assert_eq!(
        failure(here, &asked(1, "--sigma 400 --budget 2")),
        (2, "budget_differs".to_owned())
    );
    assert_eq!(status(here, &asked(1, "--sigma 400")), 0);
    assert_eq!(status(here, "amend run --budget 1e9"), 0);
    assert_eq!(status(here, &asked(2, "--sigma 0.001")), 0);
    assert_eq!(failure(here, "amend run --budget 1").1, "budget");
    assert_eq!(status(here, "amend run --no-budget"), 0);
    assert_eq!(status(here, "amend run"), 2);
    assert_eq!(status(here, "amend run --no-budget --new-key"), 2);
}

#[test]
fn a_lost_key_and_a_copied_run_are_settled_on_purpose() {
    let here = folder();
    let here = here.path();
    released(here, "");
    let verify = format!("verify {CERTIFICATE} --run run");
    fs::remove_file(here.join("run/private/signing.key")).unwrap();
    let forget = "forget run --random 5 --seed 2 --sigma 0.001";
    assert_eq!(failure(here, forget), (1, "key_missing".to_owned()));
    assert_eq!(status(here, &verify), 4);
    assert_eq!(status(here, "amend run --new-key"), 0);
    assert_eq!(status(here, &verify), 0);
    assert_eq!(status(here, forget), 0);

    // The same bytes in another file: a copy put back.
    let (ledger, copy) = (here.join("run/ledger.sqlite"), here.join("copy.sqlite"));
    fs::copy(&ledger, &copy).unwrap();
    fs::rename(&copy, &ledger).unwrap();
    let forget = "forget run --random 5 --seed 3 --sigma 0.001";
    assert_eq!(failure(here, forget), (1, "run_copied".to_owned()));
    assert_eq!(status(here, &verify), 0);
    assert_eq!(status(here, "amend run --adopt"), 0);
    assert_eq!(status(here, forget), 0);
}
