//! What edits of a ledger leave behind.

#[path = "../../run/tests/support/mod.rs"]
mod support;

use rescind::ledger::{Ledger, LedgerError};
use rescind::verify::{Evidence, Subject, verify};
use rusqlite::Connection;
use std::path::Path;
use support::*;

#[test]
fn triggers_refuse_every_change() {
    let fixture = Fixture::new();
    fixture.release(fixture.order(1)).unwrap();
    let database = Connection::open(fixture.run().join("ledger.sqlite")).unwrap();
    for change in [
        "UPDATE entries SET body = '{}' WHERE sequence = 1",
        "DELETE FROM entries",
        "DELETE FROM entries WHERE sequence = 3",
        "INSERT OR REPLACE INTO entries SELECT * FROM entries WHERE sequence = 2",
        "INSERT INTO entries VALUES (9, 'request', '{}', 'x', 'y')",
        "INSERT INTO entries VALUES (4, 'request', '{}', 'x', 'y')",
        "UPDATE certificates SET document = '{}' WHERE release = 1",
        "DELETE FROM certificates",
        "INSERT OR REPLACE INTO certificates VALUES (1, '{}')",
    ] {
        let error = database.execute(change, []).unwrap_err();
        assert!(
            error.to_string().contains("append-only"),
            "{change}: {error}"
        );
    }
    // An auditor can read it with any tool.
    let row = "SELECT number, json_extract(spent, '$.sigma'), epsilon > 0 FROM releases";
    let (number, sigma, positive): (i64, f64, bool) = database
        .query_row(row, [], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        .unwrap();
    assert!(number == 1 && (sigma - 0.01).abs() <= 0.0 && positive);
    let row = "SELECT r.records, length(c.document) FROM requests r, certificates c";
    let (records, length): (i64, i64) = database
        .query_row(row, [], |r| Ok((r.get(0)?, r.get(1)?)))
        .unwrap();
    assert!(records == 10 && length > 1000);
}

/// Edits the database as somebody would who knows about the triggers.
fn tamper(run: &Path, change: &str) {
    let database = Connection::open(run.join("ledger.sqlite")).unwrap();
    let guards = [
        "entries_are_not_changed",
        "entries_are_not_removed",
        "entries_are_appended",
        "certificates_are_not_changed",
        "certificates_are_not_removed",
    ];
    let creations = guards.map(|guard| {
        let query = "SELECT sql FROM sqlite_master WHERE name = ?";
        database
            .query_row(query, [guard], |row| row.get::<_, String>(0))
            .unwrap()
    });
    for guard in guards {
        database
            .execute_batch(&format!("DROP TRIGGER {guard}"))
            .unwrap();
    }
    assert!(database.execute(change, []).unwrap() > 0, "{change}");
    for creation in creations {
        database.execute_batch(&creation).unwrap();
    }
}

#[test]
fn history_edited_around_the_triggers_is_noticed_by_every_later_use() {
    let changes = [
        "UPDATE entries SET body = replace(body, '\"records\":10', '\"records\":9') WHERE sequence = 1",
        "UPDATE entries SET body = replace(body, '\"sigma\":0.01', '\"sigma\":0.02') WHERE sequence = 2",
        "UPDATE entries SET kind = 'release' WHERE sequence = 1",
        "UPDATE entries SET digest = previous WHERE sequence = 6",
        "UPDATE entries SET previous = digest WHERE sequence = 4",
        "DELETE FROM entries WHERE sequence = 2",
        "DELETE FROM entries WHERE sequence = 1",
        "INSERT INTO entries SELECT 7, kind, body, previous, digest FROM entries WHERE sequence = 4",
    ];
    for change in changes {
        let fixture = Fixture::new();
        for number in [1, 2] {
            fixture.release(fixture.order(number)).unwrap();
        }
        tamper(fixture.run(), change);
        let found = Ledger::open_existing(fixture.run()).err();
        assert!(
            matches!(found, Some(LedgerError::Altered { .. })),
            "{change}: {found:?}"
        );
        assert!(fixture.recover().is_err(), "{change}");
        assert!(fixture.release(fixture.order(3)).is_err(), "{change}");
        let bytes = std::fs::read(fixture.run().join("releases/000002/certificate.json")).unwrap();
        let evidence = Evidence {
            run: Some(fixture.run().to_owned()),
            ..Evidence::default()
        };
        let report = verify(&bytes, &evidence);
        assert!(
            report
                .failures()
                .any(|check| check.subject == Subject::Ledger),
            "{change}"
        );
    }
}

/// The documents lie beside the chain, which holds their digests.
#[test]
fn a_certificate_edited_around_the_triggers_is_noticed_where_it_is_used() {
    for change in [
        "UPDATE certificates SET document = replace(document, ': \"ey', ': \"ez') WHERE release = 1",
        "DELETE FROM certificates WHERE release = 1",
    ] {
        let fixture = Fixture::new();
        fixture.release(fixture.order(1)).unwrap();
        tamper(fixture.run(), change);
        let found = fixture.ledger().document(1);
        assert!(
            matches!(found, Err(LedgerError::Altered { .. })),
            "{change}: {found:?}"
        );
        let bytes = std::fs::read(fixture.run().join("releases/000001/certificate.json")).unwrap();
        let evidence = Evidence {
            run: Some(fixture.run().to_owned()),
            ..Evidence::default()
        };
        let report = verify(&bytes, &evidence);
        let failed = report.failures().map(|check| check.subject);
        assert_eq!(failed.collect::<Vec<_>>(), [Subject::Ledger], "{change}");
    }
}

#[test]
fn a_ledger_without_its_guards_is_refused() {
    for change in [
        "DROP TRIGGER entries_are_not_changed",
        "DROP VIEW releases",
        "CREATE TRIGGER extra AFTER INSERT ON entries BEGIN SELECT 1; END",
        "DROP TRIGGER entries_are_not_removed; CREATE TRIGGER entries_are_not_removed BEFORE DELETE ON entries BEGIN SELECT 1; END",
    ] {
        let fixture = Fixture::new();
        fixture.release(fixture.order(1)).unwrap();
        let database = Connection::open(fixture.run().join("ledger.sqlite")).unwrap();
        database.execute_batch(change).unwrap();
        assert!(
            matches!(
                Ledger::open(fixture.run()),
                Err(LedgerError::Altered { .. })
            ),
            "{change}"
        );
    }
    let fixture = Fixture::new();
    std::fs::write(
        fixture.run().join("ledger.sqlite"),
        "not a database, but long enough to be one",
    )
    .unwrap();
    assert!(matches!(
        Ledger::open(fixture.run()),
        Err(LedgerError::Altered { .. })
    ));
}

/// The last entries can be cut off without a trace in the table. What is private of the requests
/// then has more of them; and where that is cut too, certificates already handed out quote the
/// head they followed, and the release folders are still there.
#[test]
fn a_ledger_cut_short_contradicts_the_certificates() {
    let fixture = Fixture::new();
    let key = || -> String {
        let private = Connection::open(fixture.run().join("private/requests.sqlite")).unwrap();
        let query = "SELECT value FROM present WHERE name = 'noise_key'";
        private.query_row(query, [], |row| row.get(0)).unwrap()
    };
    for number in [1, 2] {
        fixture.release(fixture.order(number)).unwrap();
    }
    let before = key();
    fixture.release(fixture.order(3)).unwrap();
    tamper(fixture.run(), "DELETE FROM entries WHERE sequence > 6");
    let found = Ledger::open_existing(fixture.run()).err();
    assert!(
        matches!(&found, Some(LedgerError::Altered { what, .. }) if what.contains("private")),
        "{found:?}"
    );
    let private = Connection::open(fixture.run().join("private/requests.sqlite")).unwrap();
    let ledger = Connection::open(fixture.run().join("ledger.sqlite")).unwrap();
    let last = "SELECT digest FROM entries WHERE sequence = 6";
    let last: String = ledger.query_row(last, [], |row| row.get(0)).unwrap();
    let end = "UPDATE present SET value = ? WHERE name = 'head'";
    assert_eq!(private.execute(end, [&last]).unwrap(), 1);
    // Nobody computes the secret of an earlier noise: only who kept it can put it back.
    assert!(Ledger::open_existing(fixture.run()).is_err());
    let secret = "UPDATE present SET value = ? WHERE name = 'noise_key'";
    assert_eq!(private.execute(secret, [&before]).unwrap(), 1);
    private
        .execute_batch(
            "DELETE FROM answers WHERE number = 3; DELETE FROM forgotten WHERE request = 3",
        )
        .unwrap();
    assert_eq!(fixture.ledger().history().entries().len(), 6);
    let bytes = std::fs::read(fixture.run().join("releases/000003/certificate.json")).unwrap();
    let evidence = Evidence {
        run: Some(fixture.run().to_owned()),
        ..Evidence::default()
    };
    assert!(!verify(&bytes, &evidence).holds());
    // The release that it does not know stands in its place.
    let error = fixture.recover().unwrap_err();
    assert!(matches!(error, LedgerError::NoRelease { .. }), "{error}");
}
