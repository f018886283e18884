//! What is cut off a ledger, lost of a run, or laid beside a certificate is found, and said as what it
//! is.

mod common;

use common::{released, small, trained};
use rescind::ledger::{Budget, LedgerError};
use rescind::methods::MethodChoice;
use rescind::training::TrainingSettings;
use rescind::verify::{Evidence, Subject, Verdict, VerificationReport, verify, verify_run};
use rescind::{Amendment, Code, Error, Parameterisation, Request, Run};
use rusqlite::Connection;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const BUDGET: Budget = Budget {
    epsilon: 1e9,
    delta: 1e-5,
};

/// A run with a release, and a budget set after it.
fn used() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("run");
    let mut run = trained(&root, small());
    run.forget(&released("random:10?seed=1"), &mut ()).unwrap();
    drop(run);
    Run::amend(&root, Amendment::Budget(Some(BUDGET))).unwrap();
    (folder, root)
}

fn release(root: &Path) -> PathBuf {
    root.join("releases/000001")
}

fn with_run(root: &Path) -> VerificationReport {
    let bytes = fs::read(release(root).join("certificate.json")).unwrap();
    verify_run(&bytes, root, Evidence::default()).unwrap()
}

fn alone(folder: &Path) -> VerificationReport {
    let bytes = fs::read(folder.join("certificate.json")).unwrap();
    let evidence = Evidence {
        beside: Some(folder.to_owned()),
        ..Evidence::default()
    };
    verify(&bytes, &evidence)
}

/// Cuts the last entry off the ledger, and leaves its triggers as they were.
fn cut(root: &Path) {
    let ledger = Connection::open(root.join("ledger.sqlite")).unwrap();
    let query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'";
    let triggers: Vec<(String, String)> = {
        let mut statement = ledger.prepare(query).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().map(Result::unwrap).collect()
    };
    for (name, _) in &triggers {
        ledger
            .execute_batch(&format!("DROP TRIGGER {name}"))
            .unwrap();
    }
    let last = "DELETE FROM entries WHERE sequence = (SELECT max(sequence) FROM entries)";
    assert_eq!(ledger.execute(last, []).unwrap(), 1);
    for (_, sql) in &triggers {
        ledger.execute_batch(sql).unwrap();
    }
}

#[test]
fn entries_cut_off_the_end_of_a_ledger_are_missed() {
    for amendment in [
        Amendment::Budget(Some(BUDGET)),
        Amendment::Budget(None),
        Amendment::NewKey,
    ] {
        let (_folder, root) = used();
        Run::amend(&root, amendment).unwrap();
        assert!(with_run(&root).holds());
        cut(&root);
        let refused = Run::open(&root).err().unwrap();
        assert!(
            matches!(refused, Error::Ledger(LedgerError::Altered { .. })),
            "{amendment:?}: {refused}"
        );
        assert_eq!(with_run(&root).verdict(), Verdict::DoesNotHold);
    }
}

#[test]
fn a_look_at_a_run_says_what_was_set_and_misses_what_was_lost() {
    let (_folder, root) = used();
    let summary = Run::inspect(&root).unwrap();
    assert_eq!((summary.budget, summary.adopted.len()), (Some(BUDGET), 0));
    assert_eq!(summary.exposed, None);
    let older = root.with_file_name("older");
    common::copy(&root, &older);
    Run::amend(&older, Amendment::Adopt).unwrap();
    assert_eq!(Run::inspect(&older).unwrap().adopted.len(), 1);

    fs::remove_dir_all(root.join("private/state/000000")).ok();
    let states = fs::read_dir(root.join("private/state")).unwrap();
    let newest = states.map(|item| item.unwrap().path()).max().unwrap();
    fs::rename(&newest, root.join("elsewhere")).unwrap();
    assert!(Run::inspect(&root).is_err(), "the state in force is gone");

    fs::remove_file(older.join("ledger.sqlite")).unwrap();
    let refused = Run::inspect(&older).err().unwrap();
    assert!(
        matches!(refused, Error::Ledger(LedgerError::Missing { .. })),
        "{refused}"
    );
}

#[test]
fn what_lies_beside_a_certificate_is_read_or_listed() {
    let (folder, root) = used();
    let apart = folder.path().join("apart");
    common::copy(&release(&root), &apart);
    let report = alone(&apart);
    assert!(report.holds(), "{report}");
    for name in ["certificate.txt", "certificate.md"] {
        let text = fs::read_to_string(apart.join(name)).unwrap();
        fs::write(
            apart.join(name),
            text.clone() + "and nobody was ever here\n",
        )
        .unwrap();
        let report = alone(&apart);
        let fields: Vec<&str> = report.failures().map(|c| c.field.as_str()).collect();
        assert_eq!(fields, [name]);
        fs::write(apart.join(name), text).unwrap();
    }
    fs::write(apart.join("notes.txt"), "").unwrap();
    let report = alone(&apart);
    assert!(
        report.unchecked().any(|said| said.starts_with("notes.txt")),
        "{report}"
    );
}

#[test]
fn an_envelope_has_one_signature_by_the_key_it_names() {
    let (folder, root) = used();
    let apart = folder.path().join("apart");
    common::copy(&release(&root), &apart);
    let path = apart.join("certificate.json");
    let whole: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let mut renamed = whole.clone();
    renamed["signatures"][0]["keyid"] = "1111".into();
    let mut twice = whole.clone();
    let again = whole["signatures"][0].clone();
    twice["signatures"].as_array_mut().unwrap().push(again);
    let mut unsigned = whole.clone();
    unsigned["signatures"] = Value::Array(Vec::new());
    for (document, subject) in [
        (renamed, Subject::Signature),
        (twice, Subject::Document),
        (unsigned, Subject::Document),
    ] {
        fs::write(&path, document.to_string()).unwrap();
        let report = alone(&apart);
        let failed: Vec<Subject> = report.failures().map(|c| c.subject).collect();
        assert_eq!(failed, [subject], "{report}");
    }
}

#[cfg(unix)]
#[test]
fn a_run_open_to_others_is_said_to_be_and_one_that_may_not_be_read_is_not_called_lost() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, root) = used();
    let private = root.join("private");
    let mode = |mode| fs::set_permissions(&private, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o755);
    assert_eq!(Run::inspect(&root).unwrap().exposed, Some(private.clone()));
    let report = with_run(&root);
    assert!(
        report.unchecked().any(|said| said.contains("has mode 755")),
        "{report}"
    );
    mode(0o000);
    // Whoever may read everything reads this too.
    if fs::read_dir(&private).is_err() {
        let bytes = fs::read(release(&root).join("certificate.json")).unwrap();
        let refused = verify_run(&bytes, &root, Evidence::default())
            .err()
            .unwrap();
        assert_eq!(refused.code(), Code::Io, "{refused}");
    }
    mode(0o700);
}

/// What a run is made of is in its ledger: settings chosen after training, or another network, would
/// make training and earlier releases speak of something else.
#[test]
fn a_run_is_what_it_was_made_as() {
    let edits = [
        ("run.json", "\"radius\": 20.0", "\"radius\": 2.5"),
        (
            "run.json",
            "\"radius\"",
            "\"declared_by\": \"the Board\", \"radius\"",
        ),
        (
            "run.json",
            "\"radius\"",
            "\"classes\": [\"a\", \"b\"], \"radius\"",
        ),
        ("model.json", "\"network\"", "\"head\""),
    ];
    for (name, from, to) in edits {
        let (_folder, root) = used();
        let path = root.join(name);
        let text = fs::read_to_string(&path).unwrap();
        let edited = text.replace(from, to);
        assert_ne!(text, edited, "{name} has no {from}");
        fs::write(&path, edited).unwrap();
        for refused in [Run::open(&root).err(), Run::inspect(&root).err()] {
            let refused = refused.unwrap();
            let named = matches!(&refused, Error::NotAsMade { path, .. } if path.ends_with(name));
            assert!(named, "{to}: {refused}");
        }
        assert!(!with_run(&root).holds(), "{to}");
    }
    let (_folder, root) = used();
    let manifest = root.join("private/manifest");
    let another = root.with_file_name("another");
    drop(Run::create(&another, small(), None, &mut ()).unwrap());
    fs::copy(another.join("private/manifest"), &manifest).unwrap();
    let refused = Run::open(&root).err().unwrap();
    assert!(matches!(refused, Error::NotAsMade { .. }), "{refused}");
}

#[test]
fn a_run_that_was_used_is_not_made_again() {
    let (_folder, root) = used();
    for name in ["run.json", "ledger.sqlite", "model.json"] {
        fs::remove_file(root.join(name)).unwrap();
    }
    fs::remove_dir_all(root.join("releases")).unwrap();
    assert!(Run::create(&root, small(), None, &mut ()).is_err());

    // One of which nothing was asked yet may be, with another key.
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("run");
    drop(Run::create(&root, small(), None, &mut ()).unwrap());
    let key = || fs::read(root.join("private/signing.key")).unwrap();
    let before = key();
    fs::remove_file(root.join("run.json")).unwrap();
    drop(Run::create(&root, small(), None, &mut ()).unwrap());
    assert_ne!(key(), before);
    drop(Run::open(&root).unwrap());
}

/// A later release takes its bounds from there.
#[test]
fn an_answer_is_the_one_that_was_recorded() {
    let (_folder, root) = used();
    let mut run = Run::open(&root).unwrap();
    run.forget(&common::newton("random:5?seed=2"), &mut ())
        .unwrap();
    drop(run);
    let private = Connection::open(root.join("private/requests.sqlite")).unwrap();
    let edit = "UPDATE answers SET body = json_set(body, '$.bounds[0].constants[0].value', 1e-9) \
                WHERE number = 2";
    assert_eq!(private.execute(edit, []).unwrap(), 1);
    drop(private);
    let refused = Run::open(&root).err().unwrap();
    assert_eq!(refused.code(), Code::LedgerAltered, "{refused}");
    assert!(!with_run(&root).holds());
}

#[test]
fn a_release_that_the_ledger_does_not_know_is_found() {
    let (_folder, root) = used();
    common::copy(&release(&root), &root.join("releases/000009"));
    let report = with_run(&root);
    let fields: Vec<&str> = report.failures().map(|c| c.field.as_str()).collect();
    assert!(fields.contains(&"releases"), "{report}");
    assert_eq!(
        Run::inspect(&root).err().unwrap().code(),
        Code::LedgerAltered
    );
}

/// From the times of files nobody learns how long a request took, which depends on its records.
#[cfg(unix)]
#[test]
fn published_files_carry_the_day_alone() {
    let (_folder, root) = used();
    let mut paths = vec![release(&root)];
    let files = fs::read_dir(release(&root)).unwrap();
    paths.extend(files.map(|file| file.unwrap().path()));
    assert!(paths.len() > 4);
    for path in paths {
        let time = path.metadata().unwrap().modified().unwrap();
        let since = time.duration_since(std::time::UNIX_EPOCH).unwrap();
        let into = since.as_nanos() % (86_400 * 1_000_000_000);
        assert_eq!(into, 0, "{}", path.display());
    }
    // When it began is private too.
    assert!(!root.join("lock").exists());
    assert!(root.join("private/lock").exists());
}

/// A folder put into `private/` is not taken for what the run itself made.
#[test]
fn states_of_another_run_are_nobodys_retraining() {
    let folder = tempfile::tempdir().unwrap();
    let root = |name: &str| folder.path().join(name);
    for (name, seed) in [("own", 1), ("other", 2)] {
        let mut config = small();
        config.training.seed = seed;
        let mut run = trained(&root(name), config);
        run.retrain(&mut ()).unwrap();
    }
    let reference = |name: &str| root(name).join("private/reference");
    fs::remove_dir_all(reference("own")).unwrap();
    common::copy(&reference("other"), &reference("own"));
    let mut run = Run::open(&root("own")).unwrap();
    let refused = run.retrain(&mut ()).err().unwrap();
    assert_eq!(refused.code(), Code::Damaged, "{refused}");
    drop(run);

    // Nor is the state that training left.
    for name in ["own", "other"] {
        fs::remove_dir_all(reference(name)).unwrap();
    }
    let state = |name: &str| root(name).join("private/state");
    fs::remove_dir_all(state("own")).unwrap();
    common::copy(&state("other"), &state("own"));
    assert_eq!(Run::open(&root("own")).err().unwrap().code(), Code::Damaged);
}

/// What a proof rests on is measured where it is claimed, and again by whoever verifies.
#[test]
fn a_convex_retraining_is_measured_and_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("run");
    let mut config = small();
    config.parameterisation = Parameterisation::Tangent;
    config.training = TrainingSettings {
        penalty: 1e-2,
        until_gradient: Some(1e-6),
        ..TrainingSettings::default()
    };
    let mut run = trained(&root, config);
    let retrain = |seed: u64| {
        let request = Request::of(format!("random:20?seed={seed}").parse().unwrap());
        request.by(MethodChoice::named("retrain"))
    };
    run.forget(&retrain(1).released(common::weak()), &mut ())
        .unwrap();
    let retained = run.retained().clone();
    let next = run.resolve(&retrain(2).records).unwrap().forget;
    let retained = retained.difference(&next).unwrap();
    drop(run);
    let report = with_run(&root);
    assert!(report.holds(), "{report}");
    assert!(
        !report
            .unchecked()
            .any(|said| said.contains("gradient_norm_after")),
        "{report}"
    );

    // The kept retraining says that it is of the records that will stay: it is of others.
    let reference = root.join("private/reference");
    let newest = fs::read_dir(&reference)
        .unwrap()
        .map(|item| item.unwrap().path())
        .max();
    let path = newest.unwrap().join("state.json");
    let mut record: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    record["retained"] = retained.digest().to_string().into();
    record["records"] = retained.len().into();
    fs::write(&path, record.to_string()).unwrap();
    let mut run = Run::open(&root).unwrap();
    let refused = run
        .forget(&retrain(2).released(common::weak()), &mut ())
        .err()
        .unwrap();
    assert_eq!(refused.code(), Code::NotProvable, "{refused}");
}

#[test]
fn an_early_checkpoint_is_the_one_that_training_kept() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("run");
    let mut config = small();
    config.training.early_checkpoint = Some(1);
    let mut run = trained(&root, config);
    let request = Request::of("random:5?seed=1".parse().unwrap());
    let request = request.by(MethodChoice::named("rewind"));
    run.forget(&request, &mut ()).unwrap();
    drop(run);
    let early = root.join("private/early");
    let newest = fs::read_dir(&early)
        .unwrap()
        .map(|item| item.unwrap().path())
        .max();
    let path = newest.unwrap().join("state.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\"records\"", " \"records\"", 1)).unwrap();
    let refused = Run::open(&root).err().unwrap();
    assert!(
        refused.to_string().contains("not the private state"),
        "{refused}"
    );
}

#[test]
fn only_releases_lie_among_the_releases() {
    for name in ["1", "latest", "000002", "+00001"] {
        let (_folder, root) = used();
        common::copy(&release(&root), &root.join("releases").join(name));
        assert_eq!(
            Run::open(&root).err().unwrap().code(),
            Code::LedgerAltered,
            "{name}"
        );
        assert!(Run::inspect(&root).is_err(), "{name}");
        assert!(!with_run(&root).holds(), "{name}");
    }
    let (_folder, root) = used();
    fs::rename(release(&root), root.join("releases/01")).unwrap();
    assert!(Run::open(&root).is_err());
}

#[test]
fn a_wiped_run_is_not_begun_again_in_its_folder() {
    let (_folder, root) = used();
    for name in ["run.json", "ledger.sqlite", "private/requests.sqlite"] {
        fs::remove_file(root.join(name)).unwrap();
    }
    fs::remove_dir_all(root.join("releases")).unwrap();
    let refused = Run::create(&root, small(), None, &mut ()).err().unwrap();
    assert_eq!(refused.code(), Code::NotEmpty, "{refused}");
}
