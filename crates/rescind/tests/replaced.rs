//! What a run keeps in private is what it kept itself: weights, checkpoints and secrets that somebody put
//! in their place are found by whoever opens the run, looks at it, or verifies a release of it.

mod common;

use common::{parameters, released, small, trained};
use rescind::methods::MethodChoice;
use rescind::verify::{Evidence, Verdict, verify_run};
use rescind::{Code, Request, Run};
use rescind_data::Digest;
use rescind_network::Weights;
use rusqlite::Connection;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn digest(bytes: &[u8]) -> String {
    rescind::certificate::digest_of(bytes).to_string()
}

fn private(root: &Path) -> Connection {
    Connection::open(root.join("private/requests.sqlite")).unwrap()
}

fn set(root: &Path, name: &str, value: &str) {
    let set = "UPDATE present SET value = ? WHERE name = ?";
    private(root).execute(set, [value, name]).unwrap();
}

/// Other weights in place of those of the newest state in a folder, with every digest in `private/`
/// mended.
fn replace(root: &Path, folder: &str, present: &str) {
    let all = fs::read_dir(root.join("private").join(folder)).unwrap();
    let state = all.map(|item| item.unwrap().path()).max().unwrap();
    let (file, record) = (state.join("weights.safetensors"), state.join("state.json"));
    let bytes = fs::read(&file).unwrap();
    let model = fs::read(root.join("model.json")).unwrap();
    let model: rescind::ModelDescription = serde_json::from_slice(&model).unwrap();
    let layers = serde_json::from_value(model.architecture).unwrap();
    let network = rescind_network::Network::new(layers).unwrap();
    let mut weights = Weights::<f32>::from_safetensors(&network, &bytes).unwrap();
    weights.parameters.iter_mut().for_each(|w| *w *= 0.5);
    let bytes = weights.to_safetensors(&network).unwrap();
    fs::write(&file, &bytes).unwrap();
    let text = fs::read_to_string(&record).unwrap();
    let said: Value = serde_json::from_str(&text).unwrap();
    let before = said["files"]["weights.safetensors"].as_str().unwrap();
    let text = text.replace(before, &digest(&bytes));
    fs::write(&record, &text).unwrap();
    set(root, present, &digest(text.as_bytes()));
}

fn rewinding() -> rescind::RunConfig {
    let mut config = small();
    config.training.early_checkpoint = Some(1);
    config
}

/// A run with a release.
fn used() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("run");
    let mut run = trained(&root, rewinding());
    run.forget(&released("random:10?seed=1"), &mut ()).unwrap();
    drop(run);
    assert_eq!(verdict(&root), Verdict::Holds);
    (folder, root)
}

fn verdict(root: &Path) -> Verdict {
    let bytes = fs::read(root.join("releases/000001/certificate.json")).unwrap();
    let report = verify_run(&bytes, root, Evidence::default()).unwrap();
    report.verdict()
}

#[track_caller]
fn refused(root: &Path, codes: &[Code], what: &str) {
    for refused in [Run::open(root).err(), Run::inspect(root).err()] {
        let refused = refused.unwrap_or_else(|| panic!("{what}: nothing was noticed"));
        assert!(codes.contains(&refused.code()), "{what}: {refused}");
    }
    if root.join("releases/000001").exists() {
        assert_eq!(verdict(root), Verdict::DoesNotHold, "{what}");
    }
}

#[test]
fn weights_that_training_did_not_end_with_are_forgotten_from_by_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("run");
    let run = trained(&root, small());
    let weights = common::private_weights(&root);
    assert!(!parameters(&run, &weights).is_empty());
    drop(run);
    replace(&root, "state", "state");
    refused(
        &root,
        &[Code::Damaged, Code::StateAndLedgerDiffer],
        "trained",
    );

    let root = folder.path().join("imported");
    drop(Run::import(&root, small(), None, &weights, &mut ()).unwrap());
    drop(Run::open(&root).unwrap());
    replace(&root, "state", "state");
    refused(
        &root,
        &[Code::Damaged, Code::StateAndLedgerDiffer],
        "imported",
    );
}

#[test]
fn a_checkpoint_that_training_did_not_keep_is_gone_back_to_by_nobody() {
    let (_folder, root) = used();
    replace(&root, "early", "early");
    let codes = [Code::Damaged, Code::StateAndLedgerDiffer];
    refused(&root, &codes, "early");

    // Of the run that stands where another stands too.
    let folder = tempfile::tempdir().unwrap();
    let run = trained(&folder.path().join("run"), rewinding());
    let root = folder.path().join("fork");
    let mut fork = run.fork(&root).unwrap();
    let request = Request::of("random:5?seed=2".parse().unwrap());
    let request = request.by(MethodChoice::named("rewind"));
    fork.forget(&request, &mut ()).unwrap();
    drop(fork);
    drop(Run::open(&root).unwrap());
    replace(&root, "early", "early");
    refused(&root, &codes, "early of a fork");
}

#[test]
fn the_secret_of_the_noise_is_the_one_that_was_recorded() {
    let edits = [
        "UPDATE present SET value = '0000000000000000000000000000000000000000000000000000000000000000' \
         WHERE name = 'noise_key'",
        "DELETE FROM present WHERE name = 'noise_key'",
        "CREATE TRIGGER pinned AFTER INSERT ON present WHEN NEW.name = 'noise_key' BEGIN SELECT 1; END",
        "CREATE INDEX another ON answers (body)",
        "DROP TABLE forgotten; CREATE TABLE forgotten (position INTEGER PRIMARY KEY, request INTEGER)",
    ];
    for edit in edits {
        let (_folder, root) = used();
        private(&root).execute_batch(edit).unwrap();
        refused(&root, &[Code::LedgerAltered], edit);
    }
    // Before the first release too.
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("run");
    drop(trained(&root, small()));
    set(&root, "noise_key", &Digest::from([0; 32]).to_string());
    refused(&root, &[Code::LedgerAltered], "before the first release");
    // And one that is put back after a release: the next would have its noise.
    let (_folder, root) = used();
    let read = "SELECT value FROM present WHERE name = 'noise_key'";
    let key = || -> String {
        let private = private(&root);
        private.query_row(read, [], |row| row.get(0)).unwrap()
    };
    let before = key();
    let mut run = Run::open(&root).unwrap();
    run.forget(&released("random:10?seed=2"), &mut ()).unwrap();
    drop(run);
    assert_ne!(key(), before);
    drop(Run::open(&root).unwrap());
    set(&root, "noise_key", &before);
    refused(&root, &[Code::LedgerAltered], "an older one");
}

#[test]
fn the_key_of_an_answer_is_the_one_that_was_given() {
    for edit in [
        "UPDATE answers SET key = 'another' WHERE number = 1",
        "UPDATE answers SET key = NULL WHERE number = 1",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("run");
        let mut run = trained(&root, small());
        let request = released("random:10?seed=1").keyed("ticket-1");
        run.forget(&request, &mut ()).unwrap();
        assert!(run.forget(&request, &mut ()).unwrap().repeated);
        drop(run);
        assert_eq!(private(&root).execute(edit, []).unwrap(), 1);
        refused(&root, &[Code::LedgerAltered], edit);
    }
}
