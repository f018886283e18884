//! The ledger: what holds today, what may not be broken, and what edits leave behind.

#[path = "../../run/tests/support/mod.rs"]
mod support;

use proptest::prelude::*;
use rescind::certificate::digest_of;
use rescind::ledger::{Budget, BudgetExceeded, Entry, Ledger, LedgerError};
use rescind::release::ReleaseError;
use rescind::verify::{Evidence, verify};
use rescind_privacy::sensitivity::GuaranteeKind;
use rescind_privacy::{Delta, Gdp, NoiseChoice};
use std::path::Path;
use support::*;

fn with_sigma(fixture: &Fixture, number: u64, sigma: f64) -> rescind::release::ReleaseOrder<'_> {
    let mut order = fixture.order(number);
    order.basis.noise = NoiseChoice::Sigma { sigma, delta: 1e-5 };
    order
}

fn history(run: &Path) -> rescind::ledger::History {
    Ledger::open_existing(run).unwrap().history().clone()
}

#[test]
fn every_request_stands_as_all_releases_since_leave_it() {
    let fixture = Fixture::new();
    let sigmas = [10.0, 20.0, 40.0];
    for (number, sigma) in (1..).zip(sigmas) {
        fixture
            .release(with_sigma(&fixture, number, sigma))
            .unwrap();
    }
    let standings = history(fixture.run()).standings().unwrap();
    assert_eq!(standings.len(), 3);
    let delta = Delta::new(1e-5).unwrap();
    for (index, standing) in standings.iter().enumerate() {
        // docs/theory.md §5, written out: the root of the sum of (40/sigma)² over this and later releases.
        let mu = sigmas[index..]
            .iter()
            .map(|s| (40.0 / s).powi(2))
            .sum::<f64>()
            .sqrt();
        assert!(
            (standing.gdp().mu() / mu - 1.0).abs() < 1e-9,
            "{standing:?}"
        );
        assert_eq!(
            (standing.releases, standing.first_release),
            (3 - index as u64, Some(index as u64 + 1))
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
        order.method = with_failure(failure_probability);
        order.candidates = vec![newton_bound(failing(failure_probability))];
        fixture.release(order).unwrap();
    }
    let mut order = with_sigma(&fixture, 3, 100.0);
    order.basis.insecure_noise_seed = Some(1);
    fixture.release(order).unwrap();
    let standings = history(fixture.run()).standings().unwrap();
    assert!((standings[0].failure_probability() / 3e-6 - 1.0).abs() < 1e-9);
    assert!(standings[0].failure_probability() >= 3e-6);
    assert_eq!(standings[0].kind, Some(GuaranteeKind::Assumed));
    assert!(standings.iter().all(|standing| standing.insecure_noise));
    let spent = standings[0].epsilon(Delta::new(2.5e-6).unwrap());
    assert!(spent.is_err());
    let epsilon = standings[0].epsilon(Delta::new(1e-5).unwrap()).unwrap();
    let by_hand = Gdp::compose(
        history(fixture.run())
            .releases()
            .map(|r| r.spent.gdp().unwrap()),
    )
    .unwrap();
    let by_hand = by_hand.epsilon(Delta::new(7e-6).unwrap()).unwrap();
    assert!((epsilon.value() / by_hand.value() - 1.0).abs() < 1e-9);
}

#[test]
fn requests_without_a_release_are_covered_by_the_next() {
    let fixture = Fixture::new();
    for number in [1, 2] {
        fixture.record(number);
    }
    let standings = history(fixture.run()).standings().unwrap();
    assert!(
        standings
            .iter()
            .all(|standing| standing.releases == 0 && standing.kind.is_none())
    );
    assert!(
        standings[0]
            .epsilon(Delta::new(1e-5).unwrap())
            .unwrap()
            .value()
            <= 0.0
    );
    let last = history(fixture.run()).last_request().map(|r| r.state);
    assert_eq!(last, Some(state(2)));
    let certificate = fixture.release(fixture.order(3)).unwrap().certificate;
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
    let next = fixture.release(fixture.order(4)).unwrap().certificate;
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
        order.basis.budget = budget;
        order
    };
    // One release at sigma = 3.74 Δ keeps (1, 1e-5); request 1 has nothing left for a second.
    fixture.release(order(1, 149.6)).unwrap();
    let head = history(fixture.run()).head();
    let error = fixture.release(order(2, 149.6)).unwrap_err();
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
    assert_eq!(fixture.ledger().answer(2).unwrap(), None);
    // Enough noise, or no release, is fine; a release too weak for its own request is not.
    fixture.record(2);
    fixture.release(order(3, 1e5)).unwrap();
    let fresh = Fixture::new();
    let mut weak = with_sigma(&fresh, 1, 1.0);
    weak.basis.budget = budget;
    assert!(matches!(
        fresh.release(weak),
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
        order.basis.budget = Some(broken);
        assert!(matches!(
            fresh.release(order),
            Err(ReleaseError::Budget(BudgetExceeded::Unusable(_)))
        ));
    }
}

#[test]
fn a_lost_release_is_reported() {
    let fixture = Fixture::new();
    fixture.release(fixture.order(1)).unwrap();
    std::fs::remove_dir_all(fixture.run().join("releases/000001")).unwrap();
    assert!(matches!(
        fixture.recover(),
        Err(LedgerError::ReleaseMissing { number: 1, .. })
    ));
}

#[test]
fn entries_tell_the_whole_story_in_order() {
    let fixture = Fixture::new();
    let certificate = fixture.release(fixture.order(1)).unwrap().certificate;
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
    let path = fixture.run().join("releases/000001/certificate.json");
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(entry.document, digest_of(text.as_bytes()));
    assert_eq!(history.certificate(1), Some(entry));
    let key = rescind::RunKey::open(fixture.run()).unwrap();
    assert_eq!(entry.signer, key.identity().public_key);
    assert_eq!(fixture.ledger().document(1).unwrap(), Some(text));
    assert!(history.certificate(2).is_none());
    assert_eq!(fixture.ledger().document(2).unwrap(), None);
    // Its own request.
    assert_eq!(certificate.ledger.entries, 1);
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
            fixture.release(with_sigma(&fixture, number, sigma)).unwrap();
            let now: Vec<f64> =
                history(fixture.run()).standings().unwrap().iter().map(|s| s.gdp().mu()).collect();
            prop_assert!(now.windows(2).all(|pair| pair[0] > pair[1]), "{:?}", now);
            prop_assert!(before.iter().zip(&now).all(|(before, now)| before < now));
            before = now;
        }
    }
}
