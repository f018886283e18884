//! A process that dies, or a disk that is full, at every step of what a run writes: the last good
//! state is there, and doing the same again finishes the job with bitwise the same weights.

mod common;

use common::{private_weights, released, small};
use rescind::fault::{self, Fault};
use rescind::ledger::{Ledger, LedgerError};
use rescind::methods::MethodChoice;
use rescind::methods::noisy::FinetuneSettings;
use rescind::release::ReleaseError;
use rescind::verify::{Evidence, verify};
use rescind::{Error, KeyError, Run};
use std::path::Path;
use std::process::Command;

/// Makes the run, trains it, forgets: whatever of that is not done yet.
fn job(root: &Path) -> Result<(), Error> {
    match Run::create(root, small(), None, &mut ()) {
        Ok(_) | Err(Error::RunExists { .. }) => {}
        Err(other) => return Err(other),
    }
    let mut run = Run::open(root)?;
    run.train(&mut ())?;
    for number in 0..2 {
        if run.answers().unwrap().len() == number {
            let mut asked = released("random:40?seed=3");
            if number == 1 {
                // The noise comes before the private state here, not after it.
                let settings = FinetuneSettings {
                    noisy_steps: Some(2),
                    recovery_epochs: Some(1),
                    ..FinetuneSettings::default()
                };
                asked = asked.by(MethodChoice::with("noisy-finetune", &settings).unwrap());
            }
            let counted = number as u64;
            run.forget(&asked, &mut ()).inspect_err(|error| {
                // Only what fails once the request counts says that it was answered.
                let ledger = Ledger::open_existing(root).unwrap();
                let counts = ledger.history().request_count() > counted;
                let says = matches!(error, Error::Answered { .. });
                assert_eq!(says, counts, "{error}");
            })?;
        }
    }
    Ok(())
}

/// Not a test by itself: the process that [`every_step`] lets die.
#[test]
fn child() {
    let Ok(root) = std::env::var("RESCIND_TEST_RUN") else {
        return;
    };
    let step = std::env::var("RESCIND_TEST_STEP").unwrap().parse().unwrap();
    let full = std::env::var("RESCIND_TEST_FULL").is_ok();
    fault::after(step, if full { Fault::DiskFull } else { Fault::Die });
    let done = job(Path::new(&root));
    let happened = fault::clear();
    if let Err(error) = &done {
        assert!(of_the_disk(error), "{error:?}");
        assert!(happened, "{error}");
    }
    // Done without a fault is what ends the matrix.
    std::process::exit(if done.is_ok() && !happened { 0 } else { 3 });
}

fn of_the_disk(error: &Error) -> bool {
    if let Error::Answered { source, .. } = error {
        return of_the_disk(source);
    }
    matches!(
        error,
        Error::Io(_)
            | Error::Key(KeyError::Disk(_))
            | Error::Ledger(LedgerError::Disk(_))
            | Error::Release(
                ReleaseError::Disk(_)
                    | ReleaseError::Key(KeyError::Disk(_))
                    | ReleaseError::Ledger(LedgerError::Disk(_))
            )
    )
}

fn every_step(full: bool) -> u32 {
    let folder = tempfile::tempdir().unwrap();
    let baseline = folder.path().join("baseline");
    job(&baseline).unwrap();
    let expected = private_weights(&baseline);
    for step in 0.. {
        let root = folder.path().join(step.to_string());
        let mut child = Command::new(std::env::current_exe().unwrap());
        child
            .args(["--exact", "child"])
            .env("RESCIND_TEST_RUN", &root);
        child.env("RESCIND_TEST_STEP", step.to_string());
        if full {
            child.env("RESCIND_TEST_FULL", "1");
        }
        let output = child.output().unwrap();
        if output.status.code() == Some(0) {
            return step;
        }
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            output.status.code(),
            full.then_some(3),
            "step {step}: {said}"
        );

        let before = Run::inspect(&root).ok().and_then(|summary| summary.answers);
        job(&root).unwrap_or_else(|error| panic!("step {step}: {error}"));
        assert!(
            private_weights(&root) == expected,
            "step {step}: other weights"
        );
        let after = Run::inspect(&root).unwrap().answers.unwrap();
        assert_eq!(after.len(), 2);
        if let Some(before) = before {
            assert!(after.starts_with(&before), "step {step}: history lost");
        }
        let ledger = Ledger::open_existing(&root).unwrap();
        let history = ledger.history();
        assert_eq!(
            (history.request_count(), history.release_count()),
            (2, 2),
            "step {step}: a request was committed twice"
        );
        for number in 1..=2 {
            let path = root.join(format!("releases/{number:06}/certificate.json"));
            let evidence = Evidence {
                run: Some(root.clone()),
                ..Evidence::default()
            };
            let report = verify(&std::fs::read(path).unwrap(), &evidence);
            assert!(report.holds(), "step {step}: {report}");
        }
        let releases = std::fs::read_dir(root.join("releases")).unwrap();
        assert_eq!(releases.count(), 2, "step {step}: something is left over");
        let staging = std::fs::read_dir(root.join("private").join("staging")).unwrap();
        assert_eq!(staging.count(), 0, "step {step}: something is left over");
        let private = std::fs::read_dir(root.join("private").join("state")).unwrap();
        let names: Vec<_> = private.map(|entry| entry.unwrap().file_name()).collect();
        assert!(
            names
                .iter()
                .all(|name| !name.to_string_lossy().starts_with('.')),
            "{names:?}"
        );
        std::fs::remove_dir_all(&root).unwrap();
    }
    unreachable!()
}

#[test]
#[ignore = "slow tier: a process for every step of what a run writes"]
fn a_process_may_die_at_any_step() {
    let steps = every_step(false);
    assert!(steps > 50, "only {steps} steps were tried");
}

#[test]
#[ignore = "slow tier: a process for every step of what a run writes"]
fn the_disk_may_be_full_at_any_step() {
    let steps = every_step(true);
    assert!(steps > 50, "only {steps} steps were tried");
}
