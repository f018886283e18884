//! Crashes between every two steps of a release.

use super::error::ReleaseError;
use super::mechanism::release_in_steps;
use super::record_request;
use super::released::Step;
use crate::key::RunKey;
use crate::ledger::{Ledger, LedgerError};
use crate::support::{Fixture, state};
use crate::verify::{Evidence, verify};
use rescind_privacy::NoiseChoice;
use std::path::Path;
use std::process::Command;

const STEPS: [Step; 5] = [
    Step::Decided,
    Step::Noised,
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
    fixture.recover().unwrap();
    let last = if counts { number } else { number - 1 };
    let ledger = fixture.ledger();
    let request = ledger.history().last_request();
    assert_eq!(
        request.map(|request| request.state),
        (last > 0).then(|| state(last))
    );
    assert_eq!(ledger.history().release_count(), last);
    assert_eq!(exists(run, &format!("releases/{number:06}")), counts);
    assert!(!exists(run, &format!("private/staging/{number:06}")));
    // Its private row is there with it or not at all, and so are the records it names.
    assert_eq!(ledger.answer(number).unwrap().is_some(), counts);
    assert_eq!(ledger.forgotten().unwrap().len() as u64, 10 * last);
    drop(ledger);
    let again = fixture.recover().unwrap();
    assert!(again.finished.is_empty() && again.removed.is_empty());
    for number in last + 1..last + 3 {
        fixture.release(fixture.order(number)).unwrap();
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
    let key = RunKey::open(fixture.run()).unwrap();
    let order = fixture.order(number);
    let broken = release_in_steps(order, &mut fixture.ledger(), &key, &mut |step| {
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
            (1..=before).for_each(|number| drop(fixture.release(fixture.order(number)).unwrap()));
            break_off(&fixture, before + 1, step);
            settled(&fixture, before + 1, counts(step));
        }
    }
}

/// One draw for one entry: what was staged when it broke off is what its rerun releases; whatever
/// differs from it has noise of its own.
#[test]
fn a_release_begun_again_has_the_very_noise_that_was_staged() {
    let released = |fixture: &Fixture, number: u64| {
        let path = format!("releases/{number:06}/weights.safetensors");
        std::fs::read(fixture.run().join(path)).unwrap()
    };
    let staged = |fixture: &Fixture, number: u64| {
        let path = format!("private/staging/{number:06}/weights.safetensors");
        std::fs::read(fixture.run().join(path)).unwrap()
    };
    for before in [0, 1] {
        let begun = || {
            let fixture = Fixture::new();
            (1..=before).for_each(|number| drop(fixture.release(fixture.order(number)).unwrap()));
            break_off(&fixture, before + 1, Step::Staged);
            let staged = staged(&fixture, before + 1);
            (fixture, staged)
        };
        let number = before + 1;
        let (fixture, staged) = begun();
        assert!(!exists(fixture.run(), &format!("releases/{number:06}")));
        fixture.recover().unwrap();
        fixture.release(fixture.order(number)).unwrap();
        assert!(released(&fixture, number) == staged);
        // The next one's is another, though the weights are the same.
        fixture.release(fixture.order(number + 1)).unwrap();
        assert!(released(&fixture, number + 1) != staged);

        let (fixture, staged) = begun();
        fixture.recover().unwrap();
        let mut other = fixture.order(number);
        other.basis.noise = NoiseChoice::Sigma {
            sigma: 0.02,
            delta: 1e-5,
        };
        fixture.release(other).unwrap();
        // The same deviates at twice the size would let whoever saw both take the noise off.
        let staged = weights_in(&staged);
        let now = weights_in(&released(&fixture, number));
        let weights = fixture.weights();
        let twice = staged.iter().zip(&now).zip(&weights);
        let alike = twice.filter(|((a, b), w)| (2.0 * (*a - *w) - (*b - *w)).abs() < 1e-4);
        assert!(alike.count() < weights.len() / 10);
    }
}

/// The numbers of a file of weights, in the order of the file.
fn weights_in(file: &[u8]) -> Vec<f32> {
    let fixture = Fixture::new();
    let read = crate::tensors::from_bytes::<f32>(&fixture.model, file);
    read.unwrap().parameters
}

/// The same with the process dying, which runs no destructors and closes no database.
#[test]
fn a_process_killed_anywhere_leaves_a_release_that_is_finished_or_undone() {
    for (index, step) in STEPS.into_iter().enumerate() {
        let fixture = Fixture::new();
        fixture.release(fixture.order(1)).unwrap();
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
    let run = Path::new(&run);
    let step: usize = std::env::var("RESCIND_TEST_STEP").unwrap().parse().unwrap();
    let fixture = Fixture::new();
    let mut order = fixture.order(2);
    order.basis.data.retained -= 10;
    order.basis.run = run;
    let (mut ledger, key) = (Ledger::open(run).unwrap(), RunKey::open(run).unwrap());
    let _ = release_in_steps(order, &mut ledger, &key, &mut |reached| {
        if reached == STEPS[step] {
            println!("dying");
            std::process::abort();
        }
        Ok(())
    });
}

/// A half-written staging folder, as a crash between two files leaves it.
#[test]
fn half_a_staging_folder_is_removed() {
    let fixture = Fixture::new();
    fixture.release(fixture.order(1)).unwrap();
    let staging = fixture.run().join("private/staging/000002");
    std::fs::create_dir_all(&staging).unwrap();
    std::fs::write(staging.join("weights.safetensors"), [0; 100]).unwrap();
    assert_eq!(fixture.recover().unwrap().removed, [2]);
    settled(&fixture, 2, false);
}

/// What was staged is published only if it is what was recorded.
#[test]
fn staged_files_that_changed_after_the_commit_are_not_published() {
    for file in ["weights.safetensors", "certificate.txt", "extra"] {
        let fixture = Fixture::new();
        break_off(&fixture, 1, Step::Committed);
        let path = fixture.run().join("private/staging/000001").join(file);
        std::fs::write(path, "something else").unwrap();
        let error = fixture.recover().unwrap_err();
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
    let key = RunKey::open(fixture.run()).unwrap();
    let order = fixture.order(1);
    let outdated = release_in_steps(order, &mut fixture.ledger(), &key, &mut |step| {
        if step == Step::Staged {
            record_request(&mut fixture.ledger(), state(2), &fixture.request(2))?;
        }
        Ok(())
    });
    let error = outdated.err().unwrap();
    assert!(
        matches!(error, ReleaseError::Ledger(LedgerError::Database { .. })),
        "{error:?}"
    );
    assert_eq!(fixture.recover().unwrap().removed, [1]);
    let ledger = fixture.ledger();
    assert_eq!(ledger.history().last_request().unwrap().state, state(2));
    assert_eq!(ledger.answer(1).unwrap(), None);
    assert_eq!(ledger.forgotten().unwrap().len(), 10);
}

/// A disk that refuses to take the staging folder, or the release in its place.
#[test]
fn a_place_that_cannot_be_written_releases_nothing_or_is_made_good() {
    for (blocked, counts) in [("private/staging", false), ("releases", true)] {
        let fixture = Fixture::new();
        std::fs::write(fixture.run().join(blocked), "in the way").unwrap();
        assert!(fixture.release(fixture.order(1)).is_err(), "{blocked}");
        std::fs::remove_file(fixture.run().join(blocked)).unwrap();
        settled(&fixture, 1, counts);
    }
    // Where the ledger itself is in the way there is nothing to begin with.
    let fixture = Fixture::new();
    let path = fixture.run().join("ledger.sqlite");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(fixture.release(fixture.order(1)).is_err());
    assert!(!exists(fixture.run(), "releases"));
}
