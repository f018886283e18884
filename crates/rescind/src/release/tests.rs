//! Crashes between every two steps of a release.

#[path = "../../tests/support/mod.rs"]
mod support;

use super::error::ReleaseError;
use super::mechanism::{Step, release, release_in_steps};
use crate::ledger::{Ledger, LedgerError, recover};
use crate::verify::{Evidence, verify};
use std::path::Path;
use std::process::Command;
use support::{Fixture, state};

const STEPS: [Step; 7] = [
    Step::Decided,
    Step::KeyMade,
    Step::Noised,
    Step::OpeningWritten,
    Step::Staged,
    Step::Committed,
    Step::Published,
];

/// Whether a release broken off after `step` counts.
fn counts(step: Step) -> bool {
    matches!(step, Step::Committed | Step::Published)
}

fn exists(run: &Path, path: &str) -> bool {
    run.join(path).exists()
}

/// What must hold after recovery, whatever happened: release `number` is whole, or there is no
/// trace of it, and the run works on.
fn settled(fixture: &Fixture, number: u64, counts: bool) {
    let run = fixture.run();
    let recovered = recover(run).unwrap();
    let last = if counts { number } else { number - 1 };
    assert_eq!(recovered.state, (last > 0).then(|| state(last)));
    assert_eq!(recovered.history.releases().count() as u64, last);
    assert_eq!(exists(run, &format!("releases/{number:06}")), counts);
    assert!(!exists(run, &format!("releases/.staging-{number:06}")));
    assert_eq!(
        exists(run, &format!("private/openings/{number:06}.json")),
        counts
    );
    let again = recover(run).unwrap();
    assert!(again.finished.is_empty() && again.removed.is_empty());
    for number in last + 1..last + 3 {
        release(fixture.order(number)).unwrap();
    }
    for number in 1..last + 3 {
        let path = run.join(format!("releases/{number:06}/certificate.json"));
        let evidence = Evidence {
            run: Some(run.to_owned()),
            ..Evidence::default()
        };
        let report = verify(&std::fs::read(path).unwrap(), &evidence);
        assert!(report.holds(), "{report}");
    }
}

fn break_off(fixture: &Fixture, number: u64, at: Step) {
    let broken = release_in_steps(fixture.order(number), &mut |step| {
        if step == at {
            Err(ReleaseError::BrokenOff)
        } else {
            Ok(())
        }
    });
    assert!(matches!(broken, Err(ReleaseError::BrokenOff)));
}

#[test]
fn a_release_broken_off_anywhere_is_finished_or_undone() {
    for step in STEPS {
        for before in [0, 1] {
            let fixture = Fixture::new();
            (1..=before).for_each(|number| drop(release(fixture.order(number)).unwrap()));
            break_off(&fixture, before + 1, step);
            settled(&fixture, before + 1, counts(step));
        }
    }
}

/// The same with the process dying, which runs no destructors and closes no database.
#[test]
fn a_process_killed_anywhere_leaves_a_release_that_is_finished_or_undone() {
    for (index, step) in STEPS.into_iter().enumerate() {
        let fixture = Fixture::new();
        release(fixture.order(1)).unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "release::tests::child_that_dies", "--nocapture"])
            .env("RESCIND_TEST_RUN", fixture.run())
            .env("RESCIND_TEST_STEP", index.to_string())
            .output()
            .unwrap();
        assert!(!child.status.success(), "{step:?}: {child:?}");
        assert!(child.stdout.ends_with(b"dying\n"), "{step:?}: {child:?}");
        settled(&fixture, 2, counts(step));
    }
}

/// Not a test of its own: what the test above runs in another process.
#[test]
fn child_that_dies() {
    let Ok(run) = std::env::var("RESCIND_TEST_RUN") else {
        return;
    };
    let step: usize = std::env::var("RESCIND_TEST_STEP").unwrap().parse().unwrap();
    let fixture = Fixture::new();
    let mut order = fixture.order(2);
    order.run = Path::new(&run);
    let _ = release_in_steps(order, &mut |reached| {
        if reached == STEPS[step] {
            println!("dying");
            std::process::abort();
        }
        Ok(())
    });
}

/// Half-written staging folders and openings, as a crash between two files leaves them.
#[test]
fn half_a_staging_folder_is_removed() {
    let fixture = Fixture::new();
    release(fixture.order(1)).unwrap();
    let staging = fixture.run().join("releases/.staging-000002");
    std::fs::create_dir_all(&staging).unwrap();
    std::fs::write(staging.join("weights.safetensors"), [0; 100]).unwrap();
    std::fs::write(fixture.run().join("private/openings/000002.json"), "{").unwrap();
    assert_eq!(recover(fixture.run()).unwrap().removed, [2]);
    settled(&fixture, 2, false);
}

/// What was staged is published only if it is what was recorded.
#[test]
fn staged_files_that_changed_after_the_commit_are_not_published() {
    for file in ["weights.safetensors", "certificate.txt", "extra"] {
        let fixture = Fixture::new();
        break_off(&fixture, 1, Step::Committed);
        let path = fixture.run().join("releases/.staging-000001").join(file);
        std::fs::write(path, "something else").unwrap();
        let error = recover(fixture.run()).unwrap_err();
        assert!(
            matches!(error, LedgerError::ReleaseMissing { number: 1, .. }),
            "{error}"
        );
        assert!(!exists(fixture.run(), "releases/000001"));
    }
}

/// Two processes that both decided on the same history: the second commit is refused.
#[test]
fn a_release_decided_on_an_outdated_history_is_not_committed() {
    let fixture = Fixture::new();
    let outdated = release_in_steps(fixture.order(1), &mut |step| {
        if step == Step::Staged {
            let other = fixture.request(2);
            let head = Ledger::open(fixture.run())
                .unwrap()
                .history()
                .unwrap()
                .head();
            let opening = super::opening::Opening::new(&other)?;
            let entry = super::opening::request_entry(&other, &opening, state(2));
            Ledger::open(fixture.run())?.append(&head, &[crate::ledger::Entry::Request(entry)])?;
        }
        Ok(())
    });
    assert!(matches!(
        outdated,
        Err(ReleaseError::Ledger(LedgerError::Database { .. }))
    ));
    assert_eq!(recover(fixture.run()).unwrap().removed, [1]);
    assert_eq!(recover(fixture.run()).unwrap().state, Some(state(2)));
}

/// A disk that refuses to take the key, the opening, the staging folder or the ledger.
#[test]
fn a_place_that_cannot_be_written_releases_nothing() {
    for blocked in ["private", "releases", "ledger.sqlite"] {
        let fixture = Fixture::new();
        if blocked == "ledger.sqlite" {
            std::fs::create_dir(fixture.run().join(blocked)).unwrap();
        } else {
            std::fs::write(fixture.run().join(blocked), "in the way").unwrap();
        }
        assert!(release(fixture.order(1)).is_err(), "{blocked}");
        if blocked != "ledger.sqlite" {
            std::fs::remove_file(fixture.run().join(blocked)).unwrap();
            settled(&fixture, 1, false);
        }
    }
}
