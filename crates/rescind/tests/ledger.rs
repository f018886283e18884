//! The ledger: what holds today, what may not be broken, and what edits leave behind.

mod support;

use proptest::prelude::*;
use rescind::certificate::NoiseChoice;
use rescind::ledger::{Budget, BudgetExceeded, Entry, Ledger, LedgerError, recover};
use rescind::release::{ReleaseError, record_request, release};
use rescind::verify::{Evidence, Subject, verify};
use rescind_privacy::sensitivity::{GuaranteeKind, Provenance};
use rescind_privacy::{Delta, Gdp};
use rusqlite::Connection;
use std::path::Path;
use support::*;

fn with_sigma(fixture: &Fixture, number: u64, sigma: f64) -> rescind::release::ReleaseOrder<'_> {
    let mut order = fixture.order(number);
    order.noise = NoiseChoice::Sigma { sigma, delta: 1e-5 };
    order
}

fn history(run: &Path) -> rescind::ledger::History {
    Ledger::open_existing(run).unwrap().history().unwrap()
}

#[test]
fn every_request_stands_as_all_releases_since_leave_it() {
    let fixture = Fixture::new();
    let sigmas = [10.0, 20.0, 40.0];
    for (number, sigma) in (1..).zip(sigmas) {
        release(with_sigma(&fixture, number, sigma)).unwrap();
    }
    let standings = history(fixture.run()).standings().unwrap();
    assert_eq!(standings.len(), 3);
    let delta = Delta::new(1e-5).unwrap();
    for (index, standing) in standings.iter().enumerate() {
        // THEORY §5, written out: the root of the sum of (40/sigma)² over this and later releases.
        let mu = sigmas[index..]
            .iter()
            .map(|s| (40.0 / s).powi(2))
            .sum::<f64>()
            .sqrt();
        assert!((standing.mu.mu() / mu - 1.0).abs() < 1e-9, "{standing:?}");
        assert_eq!(
            standing.releases,
            (index as u64 + 1..=3).collect::<Vec<_>>()
        );
        let own = history(fixture.run())
            .releases()
            .nth(index)
            .unwrap()
            .epsilon;
        let today = standing.epsilon(delta).unwrap();
        let weaker = today.value() / own.value() - 1.0;
        // Composing one release alone rounds up by a few units in the last place.
        assert!(
            if index == 2 {
                (0.0..1e-12).contains(&weaker)
            } else {
                weaker > 0.01
            },
            "{today:?} {own:?}"
        );
        assert_eq!(standing.kind, Some(GuaranteeKind::Proved));
    }
}

#[test]
fn the_weakest_release_names_the_kind_and_failures_add_up() {
    let fixture = Fixture::new();
    for (number, failure_probability) in [(1, 1e-6), (2, 2e-6)] {
        let mut order = with_sigma(&fixture, number, 100.0);
        order.candidates = vec![newton_bound(Provenance::Probabilistic {
            failure_probability,
        })];
        release(order).unwrap();
    }
    let mut order = with_sigma(&fixture, 3, 100.0);
    order.insecure_noise_seed = Some(1);
    release(order).unwrap();
    let standings = history(fixture.run()).standings().unwrap();
    assert!((standings[0].failure_probability / 3e-6 - 1.0).abs() < 1e-9);
    assert!(standings[0].failure_probability >= 3e-6);
    assert_eq!(standings[0].kind, Some(GuaranteeKind::Assumed));
    assert!(standings.iter().all(|standing| standing.insecure_noise));
    let spent = standings[0].epsilon(Delta::new(2.5e-6).unwrap());
    assert!(spent.is_err());
    let epsilon = standings[0].epsilon(Delta::new(1e-5).unwrap()).unwrap();
    let by_hand = Gdp::compose(history(fixture.run()).releases().map(|r| r.mu)).unwrap();
    let by_hand = by_hand.epsilon(Delta::new(7e-6).unwrap()).unwrap();
    assert!((epsilon.value() / by_hand.value() - 1.0).abs() < 1e-9);
}

#[test]
fn requests_without_a_release_are_covered_by_the_next() {
    let fixture = Fixture::new();
    for number in [1, 2] {
        record_request(fixture.run(), state(number), &fixture.request(number)).unwrap();
    }
    let standings = history(fixture.run()).standings().unwrap();
    assert!(
        standings
            .iter()
            .all(|standing| standing.releases.is_empty() && standing.kind.is_none())
    );
    assert!(
        standings[0]
            .epsilon(Delta::new(1e-5).unwrap())
            .unwrap()
            .value()
            <= 0.0
    );
    assert_eq!(recover(fixture.run()).unwrap().state, Some(state(2)));
    let certificate = release(fixture.order(3)).unwrap().certificate;
    let numbers: Vec<u64> = certificate
        .requests
        .iter()
        .map(|request| request.number)
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(
        (certificate.earlier.requests, certificate.earlier.releases),
        (0, 0)
    );
    let next = release(fixture.order(4)).unwrap().certificate;
    assert_eq!(next.requests.len(), 1);
    assert_eq!((next.earlier.requests, next.earlier.releases), (3, 1));
    for (number, certificate) in [(3, certificate), (4, next)] {
        let bytes = std::fs::read(
            fixture
                .run()
                .join(format!("releases/{number:06}/certificate.json")),
        );
        let evidence = Evidence {
            run: Some(fixture.run().to_owned()),
            ..Evidence::default()
        };
        let report = verify(&bytes.unwrap(), &evidence);
        assert!(report.holds(), "{report}");
        assert_eq!(report.certificate(), Some(&certificate));
    }
}

#[test]
fn a_budget_refuses_the_release_that_would_break_a_promise() {
    let fixture = Fixture::new();
    let budget = Some(Budget {
        epsilon: 1.0,
        delta: 1e-5,
    });
    let order = |number, sigma| {
        let mut order = with_sigma(&fixture, number, sigma);
        order.budget = budget;
        order
    };
    // One release at sigma = 3.74 Δ keeps (1, 1e-5); request 1 has nothing left for a second.
    release(order(1, 149.6)).unwrap();
    let head = history(fixture.run()).head();
    let error = release(order(2, 149.6)).unwrap_err();
    let ReleaseError::Budget(BudgetExceeded::Epsilon {
        request: 1,
        before,
        after,
        ..
    }) = error
    else {
        panic!("{error}")
    };
    assert!(before <= 1.0 && after > 1.0, "{before} {after}");
    assert_eq!(history(fixture.run()).head(), head);
    assert!(!fixture.run().join("releases/000002").exists());
    assert!(!fixture.run().join("private/openings/000002.json").exists());
    // Enough noise, or no release, is fine; a release too weak for its own request is not.
    record_request(fixture.run(), state(2), &fixture.request(2)).unwrap();
    release(order(3, 1e5)).unwrap();
    let fresh = Fixture::new();
    let mut weak = with_sigma(&fresh, 1, 1.0);
    weak.budget = budget;
    assert!(matches!(
        release(weak),
        Err(ReleaseError::Budget(BudgetExceeded::Epsilon { .. }))
    ));
    for broken in [
        Budget {
            epsilon: f64::NAN,
            delta: 1e-5,
        },
        Budget {
            epsilon: 1.0,
            delta: 0.0,
        },
    ] {
        let mut order = with_sigma(&fresh, 1, 1.0);
        order.budget = Some(broken);
        assert!(matches!(
            release(order),
            Err(ReleaseError::Budget(BudgetExceeded::Unusable(_)))
        ));
    }
}

#[test]
fn triggers_refuse_every_change() {
    let fixture = Fixture::new();
    release(fixture.order(1)).unwrap();
    let database = Connection::open(fixture.run().join("ledger.sqlite")).unwrap();
    for change in [
        "UPDATE entries SET body = '{}' WHERE sequence = 1",
        "DELETE FROM entries",
        "DELETE FROM entries WHERE sequence = 3",
        "INSERT OR REPLACE INTO entries SELECT * FROM entries WHERE sequence = 2",
        "INSERT INTO entries VALUES (9, 'request', '{}', 'x', 'y')",
        "INSERT INTO entries VALUES (4, 'request', '{}', 'x', 'y')",
    ] {
        let error = database.execute(change, []).unwrap_err();
        assert!(
            error.to_string().contains("append-only"),
            "{change}: {error}"
        );
    }
    // An auditor can read it with any tool.
    let row = "SELECT number, sigma, epsilon > 0 FROM releases";
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
            release(fixture.order(number)).unwrap();
        }
        tamper(fixture.run(), change);
        let found = Ledger::open_existing(fixture.run()).unwrap().history();
        assert!(
            matches!(found, Err(LedgerError::Altered { .. })),
            "{change}: {found:?}"
        );
        assert!(recover(fixture.run()).is_err(), "{change}");
        assert!(release(fixture.order(3)).is_err(), "{change}");
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

#[test]
fn a_ledger_without_its_guards_is_refused() {
    for change in [
        "DROP TRIGGER entries_are_not_changed",
        "DROP VIEW releases",
        "CREATE TRIGGER extra AFTER INSERT ON entries BEGIN SELECT 1; END",
        "DROP TRIGGER entries_are_not_removed; CREATE TRIGGER entries_are_not_removed BEFORE DELETE ON entries BEGIN SELECT 1; END",
    ] {
        let fixture = Fixture::new();
        release(fixture.order(1)).unwrap();
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
        Err(LedgerError::Database { .. })
    ));
}

/// The last entries can be cut off without a trace in the table; certificates already handed out
/// quote the head they followed, and the release folders are still there.
#[test]
fn a_ledger_cut_short_contradicts_the_certificates() {
    let fixture = Fixture::new();
    for number in [1, 2, 3] {
        release(fixture.order(number)).unwrap();
    }
    tamper(fixture.run(), "DELETE FROM entries WHERE sequence > 6");
    assert_eq!(history(fixture.run()).entries().len(), 6);
    let bytes = std::fs::read(fixture.run().join("releases/000003/certificate.json")).unwrap();
    let evidence = Evidence {
        run: Some(fixture.run().to_owned()),
        ..Evidence::default()
    };
    assert!(!verify(&bytes, &evidence).holds());
    let error = recover(fixture.run()).unwrap_err();
    assert!(matches!(error, LedgerError::Altered { .. }), "{error}");
}

#[test]
fn a_lost_release_is_reported() {
    let fixture = Fixture::new();
    release(fixture.order(1)).unwrap();
    std::fs::remove_dir_all(fixture.run().join("releases/000001")).unwrap();
    assert!(matches!(
        recover(fixture.run()),
        Err(LedgerError::ReleaseMissing { number: 1, .. })
    ));
}

#[test]
fn entries_tell_the_whole_story_in_order() {
    let fixture = Fixture::new();
    let certificate = release(fixture.order(1)).unwrap().certificate;
    let history = history(fixture.run());
    let kinds: Vec<&str> = history
        .entries()
        .iter()
        .map(|recorded| recorded.entry.kind())
        .collect();
    assert_eq!(kinds, ["request", "release", "certificate"]);
    let Entry::Certificate(entry) = &history.entries()[2].entry else {
        panic!()
    };
    assert_eq!(entry.document, certificate.to_json().unwrap());
    assert_eq!(history.certificate(1), Some(entry));
    assert!(history.certificate(2).is_none());
    assert_eq!(certificate.ledger.entries, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Whatever is released, an older request never stands better than a newer one, and a release
    /// never improves anybody's standing.
    #[test]
    fn standings_only_get_worse(sigmas in prop::collection::vec(0.5..500.0_f64, 1..4)) {
        let fixture = Fixture::new();
        let mut before: Vec<f64> = Vec::new();
        for (number, sigma) in (1..).zip(sigmas) {
            release(with_sigma(&fixture, number, sigma)).unwrap();
            let now: Vec<f64> =
                history(fixture.run()).standings().unwrap().iter().map(|s| s.mu.mu()).collect();
            prop_assert!(now.windows(2).all(|pair| pair[0] > pair[1]), "{:?}", now);
            prop_assert!(before.iter().zip(&now).all(|(before, now)| before < now));
            before = now;
        }
    }
}
