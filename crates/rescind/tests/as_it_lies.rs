//! A run is compared with itself at every opening, and with a certificate as it lies: what was lost,
//! swapped, edited or copied is found, and nothing is written by looking.

mod common;

use common::{copy, newton, newton_with, private_weights, released, small, trained, weak};
use rescind::ledger::{Budget, BudgetExceeded, Ledger, LedgerError};
use rescind::methods::newton::NewtonSettings;
use rescind::release::ReleaseError;
use rescind::verify::{Evidence, Subject, VerificationReport, verify_run};
use rescind::{Amendment, Code, Error, ReleaseChoice, Run, RunConfig, RunKey};
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A run with two releases of its own records each.
fn used() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("run");
    let mut run = trained(&root, small());
    for seed in 1..=2 {
        let asked = released(&format!("random:10?seed={seed}"));
        run.forget(&asked, &mut ()).unwrap();
    }
    (folder, root)
}

fn verified(root: &Path, release: u64) -> VerificationReport {
    let path = root.join(format!("releases/{release:06}/certificate.json"));
    verify_run(&fs::read(path).unwrap(), root, Evidence::default()).unwrap()
}

/// Every file below a folder with its content.
fn contents(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut files, mut left) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = left.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            match path.is_dir() {
                true => left.push(path),
                false => files.push((path.clone(), fs::read(&path).unwrap())),
            }
        }
    }
    files.sort();
    files
}

#[test]
fn what_was_lost_or_edited_is_found_by_opening_and_by_verifying() {
    type Damage<'a> = &'a dyn Fn(&Path);
    let damages: [(&str, Damage<'_>, Code, Subject); 7] = [
        (
            "the ledger lost",
            &|root| fs::remove_file(root.join("ledger.sqlite")).unwrap(),
            Code::LedgerMissing,
            Subject::Ledger,
        ),
        (
            "the newest state's record edited",
            &|root| {
                let [older, newest] = states(root);
                let path = newest.join("state.json");
                let text = fs::read_to_string(&path).unwrap();
                let older = fs::read_to_string(older.join("state.json"));
                let field = |text: &str, name: &str| {
                    let line = text.lines().find(|line| line.contains(name)).unwrap();
                    line.to_owned()
                };
                let (own, old) = (
                    field(&text, "\"retained\""),
                    field(&older.unwrap(), "\"retained\""),
                );
                assert_ne!(own, old);
                fs::write(&path, text.replace(&own, &old)).unwrap();
                close(&path);
            },
            Code::StateAndLedgerDiffer,
            Subject::Ledger,
        ),
        (
            "an older iterate's weights in place of the newest, with a record that lists them",
            &|root| {
                let [old, new] = states(root);
                let name = "weights.safetensors";
                let (was, is) = (new.join(name), old.join(name));
                let digest = |path: &Path| blake3::hash(&fs::read(path).unwrap()).to_hex();
                let record = new.join("state.json");
                let text = fs::read_to_string(&record).unwrap();
                let edited = text.replace(digest(&was).as_str(), digest(&is).as_str());
                assert_ne!(text, edited);
                fs::write(&record, edited).unwrap();
                fs::write(&was, fs::read(&is).unwrap()).unwrap();
            },
            Code::StateAndLedgerDiffer,
            Subject::Ledger,
        ),
        (
            "forgotten records back",
            &|root| {
                let database = Connection::open(root.join("private/requests.sqlite")).unwrap();
                let back = "DELETE FROM forgotten WHERE request = 2";
                assert_eq!(database.execute(back, []).unwrap(), 10);
            },
            Code::LedgerAltered,
            Subject::Ledger,
        ),
        (
            "other records forgotten",
            &|root| {
                let database = Connection::open(root.join("private/requests.sqlite")).unwrap();
                let other = "UPDATE forgotten SET position = (SELECT max(position) FROM \
                             forgotten) + 1 WHERE position = (SELECT min(position) FROM forgotten)";
                assert_eq!(database.execute(other, []).unwrap(), 1);
            },
            Code::StateAndLedgerDiffer,
            Subject::Ledger,
        ),
        (
            "another release removed",
            &|root| fs::remove_dir_all(root.join("releases/000002")).unwrap(),
            Code::ReleaseMissing,
            Subject::Files,
        ),
        (
            "another key",
            &|root| {
                fs::remove_file(root.join("private/signing.key")).unwrap();
                RunKey::create(root).unwrap();
            },
            Code::KeyReplaced,
            Subject::Key,
        ),
    ];
    for (damage, apply, code, subject) in damages {
        let (_folder, root) = used();
        assert!(verified(&root, 1).holds(), "{}", verified(&root, 1));
        apply(&root);
        let report = verified(&root, 1);
        assert!(
            report.failures().any(|check| check.subject == subject),
            "{damage}: {report}"
        );
        let refused = Run::open(&root).err().map(|error| error.code());
        assert_eq!(refused, Some(code), "{damage}");
    }
}

/// The two newest private states.
fn states(root: &Path) -> [PathBuf; 2] {
    let items = fs::read_dir(root.join("private/state")).unwrap();
    let mut states: Vec<PathBuf> = items.map(|item| item.unwrap().path()).collect();
    states.sort();
    states.split_off(states.len() - 2).try_into().unwrap()
}

fn close(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let _ = path;
}

#[test]
fn settings_are_compared_and_not_only_their_digest() {
    let (_folder, root) = used();
    let path = root.join("run.json");
    let text = fs::read_to_string(&path).unwrap();
    let edited = text.replace("\"radius\": 20.0", "\"radius\": 30.0");
    assert_ne!(text, edited);
    fs::write(&path, edited).unwrap();
    let report = verified(&root, 1);
    let fields: Vec<&str> = report.failures().map(|c| c.field.as_str()).collect();
    assert!(fields.contains(&"/model/configuration"), "{fields:?}");
    assert!(Run::open(&root).is_err());
}

#[test]
fn weights_swapped_beside_the_certificate_are_found() {
    let (_folder, root) = used();
    let weights = |release: u64| root.join(format!("releases/{release:06}/weights.safetensors"));
    fs::copy(weights(2), weights(1)).unwrap();
    let report = verified(&root, 1);
    let fields: Vec<&str> = report.failures().map(|c| c.field.as_str()).collect();
    assert!(fields.contains(&"/model/weights"), "{fields:?}");
}

#[test]
fn looking_writes_nothing() {
    let (_folder, root) = used();
    fs::remove_file(root.join("private/lock")).unwrap();
    let before = contents(&root);
    for release in [1, 2] {
        assert!(verified(&root, release).holds());
    }
    assert!(contents(&root) == before, "a file was written");
}

/// What training comes to is in force before any request, and no older state is.
#[test]
fn a_checkpoint_that_is_put_back_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (root, old) = (folder.path().join("run"), folder.path().join("old"));
    let mut run = Run::create(&root, small(), None, &mut ()).unwrap();
    let mut steps = 0;
    let mut stop = |_: &rescind::Progress| {
        steps += 1;
        match steps > 10 {
            true => std::ops::ControlFlow::Break(()),
            false => std::ops::ControlFlow::Continue(()),
        }
    };
    run.train(&mut stop).unwrap_err();
    let state = root.join("private/state");
    copy(&state, &old);
    run.train(&mut ()).unwrap();
    drop(run);
    fs::remove_dir_all(&state).unwrap();
    copy(&old, &state);
    let refused = Run::open(&root).err().unwrap();
    assert!(
        matches!(refused, Error::StateNotRecorded { .. }),
        "{refused}"
    );
}

#[test]
fn no_digest_in_the_ledger_confirms_a_guess_of_private_weights() {
    let folder = tempfile::tempdir().unwrap();
    let mut states = Vec::new();
    for name in ["a", "b"] {
        let root = folder.path().join(name);
        let mut run = trained(&root, small());
        run.forget(&newton("random:10?seed=1"), &mut ()).unwrap();
        let last = run.ledger().history().last_request().unwrap();
        states.push((last.state, private_weights(&root)));
    }
    assert!(states[0].1 == states[1].1, "the same weights");
    assert_ne!(states[0].0, states[1].0, "under digests that differ");
}

#[test]
fn a_copy_of_a_run_that_answered_a_request_waits_for_a_word() {
    let (folder, root) = used();
    let copied = folder.path().join("copy");
    copy(&root, &copied);
    let refused = Run::open(&copied).err().unwrap();
    assert!(
        matches!(refused, Error::Ledger(LedgerError::Copied { .. })),
        "{refused}"
    );
    assert_eq!(refused.code(), Code::RunCopied);
    assert!(refused.to_string().contains("rescind amend"), "{refused}");
    // An auditor's copy can be looked at.
    assert!(verified(&copied, 2).holds(), "{}", verified(&copied, 2));
    // A run that was renamed is no copy.
    let renamed = folder.path().join("renamed");
    fs::rename(&root, &renamed).unwrap();
    Run::open(&renamed).unwrap();

    Run::amend(&copied, Amendment::Adopt).unwrap();
    let mut run = Run::open(&copied).unwrap();
    let kinds: Vec<&str> = run
        .ledger()
        .history()
        .entries()
        .iter()
        .map(|recorded| recorded.entry.kind())
        .collect();
    assert_eq!(kinds.last(), Some(&"place"));
    // Asked the very same thing, both release the very same weights.
    let mut asked = released("random:10?seed=3");
    asked.release.as_mut().unwrap().insecure_noise_seed = None;
    run.forget(&asked, &mut ()).unwrap();
    let mut original = Run::open(&renamed).unwrap();
    original.forget(&asked, &mut ()).unwrap();
    let weights = |root: &Path| fs::read(root.join("releases/000003/weights.safetensors")).unwrap();
    assert!(weights(&copied) == weights(&renamed));
    // And another thing, others.
    run.forget(&released("random:10?seed=4"), &mut ()).unwrap();
}

#[test]
fn a_budget_stays_with_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(folder.path(), small());
    let budget = |epsilon| Budget {
        epsilon,
        delta: 1e-5,
    };
    // sigma = 3.74 times the ball's diameter keeps (1, 1e-5), once.
    let mut asked = released("random:10?seed=1");
    let choice = asked.release.as_mut().unwrap();
    choice.noise = rescind_privacy::NoiseChoice::Sigma {
        sigma: 149.6,
        delta: 1e-5,
    };
    choice.insecure_noise_seed = None;
    let without = asked.clone();
    asked.release.as_mut().unwrap().budget = Some(budget(1.0));
    run.forget(&asked, &mut ()).unwrap();
    assert_eq!(run.ledger().history().budget(), Some(&budget(1.0)));
    drop(run);

    let mut run = Run::open(folder.path()).unwrap();
    let refused = run.forget(&without, &mut ()).err().unwrap();
    assert!(
        matches!(
            refused,
            Error::Release(ReleaseError::Budget(BudgetExceeded::Epsilon { .. }))
        ),
        "{refused}"
    );
    let mut other = without.clone();
    other.release.as_mut().unwrap().budget = Some(budget(2.0));
    let refused = run.forget(&other, &mut ()).err().unwrap();
    assert_eq!(refused.code(), Code::BudgetDiffers, "{refused}");
    drop(run);
    // Not below what is spent; on purpose, otherwise as one likes.
    let spent = Run::amend(folder.path(), Amendment::Budget(Some(budget(0.5))));
    assert_eq!(spent.err().unwrap().code(), Code::Budget);
    Run::amend(folder.path(), Amendment::Budget(Some(budget(2.0)))).unwrap();
    let mut run = Run::open(folder.path()).unwrap();
    run.forget(&other, &mut ()).unwrap();
    assert_eq!(run.ledger().history().budget(), Some(&budget(2.0)));
    drop(run);
    Run::amend(folder.path(), Amendment::Budget(None)).unwrap();
    let mut run = Run::open(folder.path()).unwrap();
    assert_eq!(run.ledger().history().budget(), None);
    let again = released("random:10?seed=9").released(weak());
    run.forget(&again, &mut ()).unwrap();
    drop(run);
    // A budget that says nothing is none.
    for (epsilon, delta) in [
        (0.0, 1e-5),
        (1.0, 0.1),
        (1.0, 0.9),
        (-1.0, 1e-5),
        (1.0, 0.0),
    ] {
        let empty = Amendment::Budget(Some(Budget { epsilon, delta }));
        let refused = Run::amend(folder.path(), empty).err().unwrap();
        assert_eq!(refused.code(), Code::Privacy, "{refused}");
    }
    // A refused first use leaves no budget behind.
    let fresh = tempfile::tempdir().unwrap();
    let mut run = trained(fresh.path(), small());
    let mut asked = released("random:10?seed=1");
    asked.release.as_mut().unwrap().budget = Some(budget(1.0));
    assert_eq!(
        run.forget(&asked, &mut ()).err().map(|e| e.code()),
        Some(Code::Budget)
    );
    assert_eq!(run.ledger().history().budget(), None);
    run.set_budget(budget(1.0)).unwrap();
    drop(run);
    let ledger = Ledger::open(fresh.path()).unwrap();
    assert_eq!(ledger.history().budget(), Some(&budget(1.0)));
}

#[test]
fn another_key_takes_the_place_of_a_lost_one_on_purpose_alone() {
    let (_folder, root) = used();
    let old = RunKey::open(&root).unwrap().identity();
    fs::remove_file(root.join("private/signing.key")).unwrap();
    let refused = Run::open(&root).err().unwrap();
    assert_eq!(refused.code(), Code::KeyMissing, "{refused}");
    assert!(!root.join("private/signing.key").exists());

    Run::amend(&root, Amendment::NewKey).unwrap();
    let mut run = Run::open(&root).unwrap();
    run.forget(&released("random:10?seed=3"), &mut ()).unwrap();
    drop(run);
    let new = RunKey::open(&root).unwrap().identity();
    assert_ne!(old.public_key, new.public_key);
    for (release, signer) in [(1, &old), (2, &old), (3, &new)] {
        let report = verified(&root, release);
        assert!(report.holds(), "{report}");
        assert_eq!(
            report.certificate().unwrap().key.public_key,
            signer.public_key
        );
    }
    assert!(!root.join("private/next.key").exists());
}

#[cfg(unix)]
#[test]
fn what_is_private_is_refused_where_others_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o077;
    for path in ["private", "ledger.sqlite"] {
        let (_folder, root) = used();
        let [_, newest] = states(&root);
        // What lies in the folder is nobody else's either.
        for within in [
            root.join("private/requests.sqlite"),
            newest.join("weights.safetensors"),
        ] {
            assert_eq!(mode(&within), 0, "{}", within.display());
        }
        let path = root.join(path);
        let kept = path.metadata().unwrap().permissions();
        assert_eq!(mode(&path), 0, "{}", path.display());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let refused = Run::open(&root).err().unwrap();
        assert!(
            matches!(&refused, Error::NotPrivate { path: named, mode: 0o755, .. } if *named == path),
            "{refused}"
        );
        fs::set_permissions(&path, kept).unwrap();
        Run::open(&root).unwrap();
    }
}

/// What the run knows of its records and what lies where they were read from are two things.
#[test]
fn records_at_hand_are_read_before_they_are_said_to_be_those_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let (root, path) = (folder.path().join("run"), folder.path().join("rows.csv"));
    let rows = (0..120).map(|i| format!("{},{}\n", i % 13, u8::from(i % 13 > 6)));
    let table = format!("x,kind\n{}", rows.collect::<String>());
    fs::write(&path, &table).unwrap();
    let config = RunConfig {
        data: format!("csv:{}?label=kind", path.display())
            .parse()
            .unwrap(),
        ..small()
    };
    let mut run = trained(&root, config);
    // No norm of its evidence takes the records.
    let settings = NewtonSettings {
        check: false,
        loss_growth: None,
        ..NewtonSettings::default()
    };
    let asked = newton_with("0-4", &settings).released(weak());
    run.forget(&asked, &mut ()).unwrap();
    drop(run);
    let read = "the records at hand are those of the manifest";
    let said = |report: &VerificationReport| {
        let passed = report.checks().iter().any(|check| check.why == read);
        let open = report
            .unchecked()
            .any(|why| why.starts_with("the records: "));
        (report.holds(), passed, open)
    };
    assert_eq!(said(&verified(&root, 1)), (true, true, false));
    fs::write(&path, table.replacen("\n12,1\n", "\n12.5,1\n", 1)).unwrap();
    let edited = verified(&root, 1);
    assert_eq!(said(&edited), (false, false, false), "{edited}");
    fs::remove_file(&path).unwrap();
    let gone = verified(&root, 1);
    assert_eq!(said(&gone), (true, false, true), "{gone}");
}

/// Noise that can be taken off again spends no budget and keeps none.
#[test]
fn a_budget_is_not_kept_by_noise_from_a_fixed_seed() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(folder.path(), small());
    let budget = Some(Budget {
        epsilon: 1e9,
        delta: 1e-5,
    });
    let choice = ReleaseChoice { budget, ..weak() };
    let refused = run.forget(&newton("0-9").released(choice), &mut ());
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::Budget, "{refused}");
    assert!(refused.to_string().contains("fixed seed"), "{refused}");
    let secret = ReleaseChoice {
        insecure_noise_seed: None,
        ..choice
    };
    run.forget(&newton("0-9").released(secret), &mut ())
        .unwrap();
    // The budget is the run's from here.
    let refused = run.forget(&released("20"), &mut ()).unwrap_err();
    assert_eq!(refused.code(), Code::Budget, "{refused}");
}
