//! A fork stands where its origin stands, and leaves it alone.

mod common;

use common::{newton, private_weights, small};
use rescind::{Error, ModelError, Run};

#[test]
fn a_fork_answers_as_its_origin_would() {
    let folder = tempfile::tempdir().unwrap();
    let (root, copy) = (folder.path().join("run"), folder.path().join("fork"));
    let mut run = Run::create(&root, small(), None, &mut ()).unwrap();
    let untrained = run.fork(&copy).err().unwrap();
    assert!(matches!(untrained, Error::NothingTrained { .. }));
    run.train(&mut ()).unwrap();
    let before = private_weights(&root);

    let mut fork = run.fork(&copy).unwrap();
    assert_eq!(private_weights(&copy), before);
    assert_eq!(
        fork.private_weights().unwrap(),
        run.private_weights().unwrap()
    );
    assert_eq!(fork.config(), run.config());
    let (ours, theirs) = (run.classifier().unwrap(), fork.classifier().unwrap());
    assert_eq!(
        theirs.train_records().unwrap(),
        ours.train_records().unwrap()
    );
    assert_eq!(theirs.test_records().unwrap(), ours.test_records().unwrap());
    fork.forget(&newton("random:30"), &mut ()).unwrap();
    assert_eq!(private_weights(&root), before);
    assert!(run.answers().unwrap().is_empty());

    // What it did is on its disk, and is what the origin does.
    drop(fork);
    let fork = Run::open(&copy).unwrap();
    run.forget(&newton("random:30"), &mut ()).unwrap();
    assert_eq!(
        fork.private_weights().unwrap(),
        run.private_weights().unwrap()
    );
    assert_eq!(fork.retained(), run.retained());

    // A place that is taken, and an origin with a ledger of its own.
    let taken = run.fork(&copy).err().unwrap();
    assert!(
        matches!(taken, Error::Unlearn(ModelError::Setting { .. })),
        "{taken}"
    );
    let other = folder.path().join("other");
    let fresh = Run::create(&other, small(), None, &mut ()).unwrap();
    assert!(matches!(
        fresh.fork(&copy).err().unwrap(),
        Error::NothingTrained { .. }
    ));
}

#[test]
fn a_fork_takes_no_place_that_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::create(&folder.path().join("run"), small(), None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    let copy = folder.path().join("fork");
    drop(run.fork(&copy).unwrap());
    assert!(matches!(
        run.fork(&copy).err().unwrap(),
        Error::RunExists { .. }
    ));
    // What a crash left before there was a run is no obstacle.
    std::fs::remove_file(copy.join("run.json")).unwrap();
    let fork = run.fork(&copy).unwrap();
    assert_eq!(
        fork.private_weights().unwrap(),
        run.private_weights().unwrap()
    );
}
