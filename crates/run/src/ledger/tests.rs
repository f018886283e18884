//! Versions of the ledger, and the private database beside it.

use super::database::Mode;
use super::schema::{CURRENT, LEDGER, Migration, Schema};
use super::{Ledger, LedgerError};
use crate::release::ReleaseError;
use crate::support::{Fixture, state};
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// What a second version of the ledger might add.
const COUNTS: (&str, &str) = (
    "counts",
    "CREATE VIEW counts AS SELECT kind, count(*) AS entries FROM entries GROUP BY kind",
);

/// Version 1 and a view.
fn second() -> Schema {
    let contents: Vec<_> = LEDGER.iter().copied().chain([COUNTS]).collect();
    Schema {
        version: 2,
        contents: contents.leak(),
        migrations: &[Migration {
            from: 1,
            statements: COUNTS.1,
        }],
    }
}

fn open(run: &Path, schema: &Schema) -> Result<Ledger, LedgerError> {
    Ledger::open_as(run, Mode::Write, schema)
}

/// Of the database as it lies on disk.
fn version(run: &Path) -> i64 {
    let database = Connection::open(run.join("ledger.sqlite")).unwrap();
    let asked = database.query_row("PRAGMA user_version", [], |row| row.get(0));
    asked.unwrap()
}

/// A run with a released request and a pending one.
fn used() -> Fixture {
    let fixture = Fixture::new();
    fixture.release(fixture.order(1)).unwrap();
    fixture.record(2);
    fixture
}

#[test]
fn a_migration_keeps_every_entry_and_the_chain() {
    let fixture = used();
    let before = fixture.ledger();
    let (history, document) = (before.history().clone(), before.document(1).unwrap());
    let (answers, forgotten) = (before.answers().unwrap(), before.forgotten().unwrap());
    drop(before);
    assert_eq!(version(fixture.run()), CURRENT.version);

    let migrated = open(fixture.run(), &second()).unwrap();
    assert_eq!(version(fixture.run()), 2);
    assert_eq!(*migrated.history(), history);
    assert_eq!(history.entries().len(), 4);
    assert_eq!(migrated.document(1).unwrap(), document);
    assert!(document.is_some());
    assert_eq!(migrated.answers().unwrap(), answers);
    assert_eq!(migrated.forgotten().unwrap(), forgotten);
    drop(migrated);
    let database = Connection::open(fixture.run().join("ledger.sqlite")).unwrap();
    let query = "SELECT entries FROM counts WHERE kind = 'request'";
    let requests: i64 = database.query_row(query, [], |row| row.get(0)).unwrap();
    assert_eq!(requests, 2);

    // The chain is checked as before, and so is what the version consists of.
    database.execute_batch("DROP VIEW counts").unwrap();
    let altered = open(fixture.run(), &second()).err().unwrap();
    assert!(matches!(&altered, LedgerError::Altered { what, .. } if what.contains("counts")));
    database.execute_batch(COUNTS.1).unwrap();
    open(fixture.run(), &second()).unwrap();
    let trigger = "entries_are_not_changed";
    let (_, guard) = LEDGER.iter().find(|(name, _)| *name == trigger).unwrap();
    let edit = "UPDATE entries SET body = replace(body, '\"records\":10', '\"records\":9')";
    let script = format!("DROP TRIGGER {trigger}; {edit} WHERE sequence = 1; {guard};");
    database.execute_batch(&script).unwrap();
    let altered = open(fixture.run(), &second()).err().unwrap();
    assert!(matches!(&altered, LedgerError::Altered { what, .. } if what.contains("entry 1")));
}

#[test]
fn a_migration_that_fails_leaves_the_version_before() {
    let fixture = used();
    let before = fixture.ledger().history().clone();
    let broken = Schema {
        migrations: &[Migration {
            from: 1,
            statements: "CREATE VIEW counts AS SELECT 1; CREATE VIEW counts AS SELECT 2",
        }],
        ..second()
    };
    let failed = open(fixture.run(), &broken).err().unwrap();
    assert!(matches!(failed, LedgerError::Database { .. }), "{failed}");
    assert_eq!(version(fixture.run()), 1);
    assert_eq!(*fixture.ledger().history(), before);
    // The run goes on, and a migration that works still does.
    fixture.release(fixture.order(3)).unwrap();
    open(fixture.run(), &second()).unwrap();
}

#[test]
fn versions_are_taken_one_step_after_another() {
    let fixture = used();
    let contents: Vec<_> = second().contents.to_vec();
    let third = Schema {
        version: 3,
        contents: contents.leak(),
        migrations: &[
            Migration {
                from: 2,
                statements: "DROP VIEW extra",
            },
            Migration {
                from: 1,
                statements: "CREATE VIEW counts AS SELECT kind, count(*) AS entries FROM entries GROUP BY \
                     kind; CREATE VIEW extra AS SELECT 1",
            },
        ],
    };
    assert_eq!(
        third.migrations[1].statements.split("; ").next(),
        Some(COUNTS.1)
    );
    open(fixture.run(), &third).unwrap();
    assert_eq!(version(fixture.run()), 3);
    // Without the first step there is no way, and nothing changes.
    let fixture = used();
    let gap = Schema {
        migrations: &third.migrations[..1],
        ..third
    };
    let refused = open(fixture.run(), &gap).err().unwrap();
    assert!(matches!(refused, LedgerError::Altered { .. }), "{refused}");
    assert_eq!(version(fixture.run()), 1);
    fixture.ledger();
}

#[test]
fn a_ledger_of_a_newer_version_is_refused() {
    let fixture = used();
    open(fixture.run(), &second()).unwrap();
    let bytes = std::fs::read(fixture.run().join("ledger.sqlite")).unwrap();
    let refused = [
        Ledger::open(fixture.run()).err(),
        Ledger::open_existing(fixture.run()).err(),
        Ledger::open_as_it_lies(fixture.run()).err(),
    ];
    for refused in refused {
        assert!(
            matches!(
                refused,
                Some(LedgerError::Version {
                    found: 2,
                    expected: 1,
                    ..
                })
            ),
            "{refused:?}"
        );
    }
    let refused = fixture.release(fixture.order(3)).err().unwrap();
    assert!(matches!(
        refused,
        ReleaseError::Ledger(LedgerError::Version { .. })
    ));
    assert_eq!(
        std::fs::read(fixture.run().join("ledger.sqlite")).unwrap(),
        bytes
    );
}

/// What is private of a request is written with its entry or not at all.
#[test]
fn a_private_row_that_does_not_fit_takes_the_entry_back() {
    let fixture = used();
    let before = fixture.ledger().history().clone();
    let refused = |change: &dyn Fn(&mut crate::release::RequestFacts)| {
        let mut order = fixture.order(3);
        change(order.basis.request.as_mut().unwrap());
        let mut ledger = fixture.ledger();
        let key = crate::RunKey::open(fixture.run()).unwrap();
        let refused = crate::release::release(order, &mut ledger, &key).err();
        assert!(
            matches!(
                refused,
                Some(ReleaseError::Ledger(LedgerError::Database { .. }))
            ),
            "{refused:?}"
        );
        // In memory as on disk.
        assert_eq!(*ledger.history(), before);
        drop(ledger);
        let ledger = fixture.ledger();
        assert_eq!(*ledger.history(), before);
        assert_eq!(ledger.answers().unwrap().len(), 2);
        assert_eq!(ledger.forgotten().unwrap().len(), 20);
        assert!(!fixture.run().join("releases/000003").exists());
    };
    let other = fixture.request(2).private;
    refused(&|request| request.private.key.clone_from(&other.key));
    refused(&|request| request.private.forgotten = other.forgotten.clone());
    refused(&|request| request.private.number = 2);
    assert_eq!(fixture.recover().unwrap().removed, [3]);
    fixture.release(fixture.order(3)).unwrap();
    assert_eq!(fixture.ledger().answers().unwrap().len(), 3);
}

/// An entry that does not fit takes the private row back: two sessions that began with the same
/// history.
#[test]
fn an_entry_that_does_not_fit_takes_the_private_row_back() {
    let fixture = used();
    let (mut first, mut second) = (fixture.ledger(), fixture.ledger());
    let record = |ledger: &mut Ledger, number| {
        crate::release::record_request(ledger, state(number), &fixture.request(number))
    };
    record(&mut first, 3).unwrap();
    let refused = record(&mut second, 4).err();
    assert!(
        matches!(
            refused,
            Some(ReleaseError::Ledger(LedgerError::Database { .. }))
        ),
        "{refused:?}"
    );
    let ledger = fixture.ledger();
    assert_eq!(ledger.history().request_count(), 3);
    assert_eq!(ledger.answer(4).unwrap(), None);
    assert_eq!(ledger.answer_to_key("ticket-4").unwrap(), None);
    assert_eq!(ledger.forgotten().unwrap().len(), 30);
    assert!(ledger.answer_to_key("ticket-3").unwrap().is_some());
}

#[test]
fn a_ledger_or_private_database_that_is_lost_is_not_begun_anew() {
    for lost in ["ledger.sqlite", "private/requests.sqlite"] {
        let fixture = used();
        let path = fixture.run().join(lost);
        std::fs::remove_file(&path).unwrap();
        let found = [
            Ledger::open(fixture.run()).err(),
            Ledger::open_existing(fixture.run()).err(),
        ];
        for found in found {
            assert!(
                matches!(&found, Some(LedgerError::Missing { path: named }) if *named == path),
                "{lost}: {found:?}"
            );
        }
        assert!(fixture.release(fixture.order(3)).is_err());
        assert!(!path.exists(), "{lost} was made anew");
        // An empty one in its place is none.
        std::fs::write(&path, "").unwrap();
        assert!(Ledger::open(fixture.run()).is_err(), "{lost}");
        assert!(Ledger::open_existing(fixture.run()).is_err(), "{lost}");
    }
}

#[test]
fn private_records_that_lost_a_request_are_refused() {
    let fixture = used();
    let path = fixture.run().join("private/requests.sqlite");
    let database = Connection::open(path).unwrap();
    let lost = database.execute("DELETE FROM answers WHERE number = 1", []);
    assert_eq!(lost.unwrap(), 1);
    let refused = Ledger::open(fixture.run()).err();
    assert!(
        matches!(&refused, Some(LedgerError::Altered { what, .. }) if what.contains("have 1")),
        "{refused:?}"
    );
}

#[test]
fn a_new_run_takes_an_empty_ledger_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    Ledger::create(folder.path()).unwrap();
    let again = Ledger::create(folder.path()).unwrap();
    assert!(again.history().entries().is_empty());
    let fixture = used();
    let private = |fixture: &Fixture| std::fs::read(fixture.run().join("private/requests.sqlite"));
    let before = private(&fixture).unwrap();
    let refused = Ledger::create(fixture.run()).err();
    assert!(
        private(&fixture).unwrap() == before,
        "its present was changed"
    );
    assert!(
        matches!(&refused, Some(LedgerError::Altered { what, .. }) if what.contains("entries")),
        "{refused:?}"
    );
    assert_eq!(fixture.ledger().history().entries().len(), 4);
}

/// A commit over both files is whole only with rollback journals.
#[test]
fn both_databases_keep_rollback_journals() {
    let fixture = used();
    for file in ["ledger.sqlite", "private/requests.sqlite"] {
        let database = Connection::open(fixture.run().join(file)).unwrap();
        let mode: String = database
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))
            .unwrap();
        assert_eq!(mode, "delete", "{file}");
    }
}

/// What a process leaves that dies while it writes the journals of a commit: one of them is not whole,
/// so that nothing is restored from it.
#[test]
fn half_a_commit_leaves_no_file() {
    let fixture = used();
    let run = fixture.run();
    let entries = fixture.ledger().history().entries().len();
    let journal = run.join("private/requests.sqlite-journal");
    let names = run.join("ledger.sqlite-mj0123ABCD4");
    std::fs::write(&journal, [0; 2048]).unwrap();
    std::fs::write(&names, "ledger.sqlite-journal").unwrap();
    let ledger = Ledger::open(run).unwrap();
    assert_eq!(ledger.history().entries().len(), entries);
    assert!(!journal.exists(), "the journal");
    assert!(!names.exists(), "the names of journals");
}

/// What a commit leaves that the disk kept from being cleaned up: journals that nobody reads from any
/// more once the file is gone that they name.
#[test]
fn a_commit_that_failed_counts_once_it_was_decided() {
    let fixture = used();
    let history = fixture.ledger().history().clone();
    let run = fixture.run();
    let magic = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let journal = [&magic[..], &[0; 504]].concat();
    std::fs::write(run.join("ledger.sqlite-journal"), &journal).unwrap();
    std::fs::write(run.join("private/requests.sqlite-journal"), &journal).unwrap();
    let refused = Ledger::open_existing(run).err().unwrap();
    assert!(
        matches!(refused, LedgerError::Database { .. }),
        "{refused:?}"
    );
    let found = Ledger::open_decided(run).unwrap().unwrap();
    assert_eq!(*found.history(), history);
    assert!(run.join("ledger.sqlite-journal").exists());
    std::fs::write(run.join("ledger.sqlite-mj00000000"), "").unwrap();
    assert!(Ledger::open_decided(run).unwrap().is_none());
}

/// Also where the files are read by an URI, in which these mean something.
#[test]
fn a_run_lies_where_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["file:run", "file:run?mode=memory", "run?x#y%20z"] {
        let run = folder.path().join(name);
        std::fs::create_dir(&run).unwrap();
        drop(Ledger::create(&run).unwrap());
        assert!(version(&run) > 0);
        for mode in [Mode::Write, Mode::Read, Mode::AsTheyAre] {
            let opened = Ledger::open_as(&run, mode, &CURRENT).unwrap();
            assert!(opened.history().entries().is_empty());
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

/// Whoever only looks takes no lock: what it reads is the ledger of one moment, and neither cut off nor
/// added to.
#[test]
fn a_ledger_is_read_as_it_is_at_one_moment() {
    let fixture = Fixture::new();
    (1..=40).for_each(|number| fixture.record(number));
    let run = fixture.run();
    let done = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !done.load(Ordering::Relaxed) {
                let Some(ledger) = Ledger::open_as_it_lies(run)? else {
                    continue;
                };
                let answered = ledger.history().request_count();
                // Also of what is read afterwards.
                assert_eq!(ledger.forgotten()?.len() as u64, 10 * answered);
                seen.insert(answered);
            }
            Ok::<_, LedgerError>(seen)
        });
        (41..=80).for_each(|number| fixture.record(number));
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(!seen.unwrap().is_empty());
}

/// Killed once in the middle of removing a staged release, and again when it had been staged anew.
#[test]
fn what_a_broken_off_removal_left_is_in_nobodys_way() {
    let fixture = used();
    let staging = fixture.run().join("private/staging");
    let lay = |name: &str| {
        std::fs::create_dir_all(staging.join(name)).unwrap();
        std::fs::write(staging.join(name).join("weights.safetensors"), "noised").unwrap();
    };
    lay(".removed-000003");
    lay("000003");
    assert_eq!(fixture.recover().unwrap().removed, [3]);
    // One that nothing is staged for goes too.
    lay(".removed-000002");
    fixture.recover().unwrap();
    assert_eq!(std::fs::read_dir(&staging).unwrap().count(), 0);
}
