//! The measurements of a release beside its certificate.

mod common;

use common::{assumed, certificate, derived, diameter, document, evidence, network, proved};
use rescind_certificate::verify::{Checks, Recomputed, VerificationReport, evidence_fits, repeat};
use rescind_certificate::{Certificate, EvidenceRecord, digest_of};
use rescind_privacy::NoiseChoice;
use rescind_privacy::sensitivity::{Constant, Provenance, SensitivityBound, Symbol, Theorem};
use serde_json::json;

fn fits(evidence: &EvidenceRecord) -> VerificationReport {
    let mut checks = Checks::default();
    let digest = digest_of(document().as_bytes());
    evidence_fits(&certificate(), evidence, digest, &mut checks);
    checks.report(None)
}

#[test]
fn measurements_are_of_the_release_its_day_and_its_bounds() {
    assert!(fits(&evidence()).holds(), "{}", fits(&evidence()));
    let mut more = evidence();
    let mut other = more.bounds[1].clone();
    other.value *= 2.0;
    more.bounds.push(other);
    assert!(fits(&more).holds(), "other bounds may be known too");
    type Change = fn(&mut EvidenceRecord);
    let changes: [(&str, Change); 7] = [
        ("/release", |e| e.release = 3),
        ("/released_at", |e| {
            e.released_at = "2026-03-01T23:59:59Z".to_owned()
        }),
        ("/released_at", |e| e.released_at = "2026-03-02".to_owned()),
        ("/released_at", |e| e.released_at = String::new()),
        ("/bounds", |e| e.bounds.clear()),
        ("/bounds", |e| drop(e.bounds.remove(1))),
        ("/bounds", |e| {
            e.bounds[0].value = e.bounds[0].value.next_down()
        }),
    ];
    for (field, change) in changes {
        let mut changed = evidence();
        change(&mut changed);
        let report = fits(&changed);
        let failed: Vec<&str> = report.failures().map(|check| &*check.field).collect();
        assert!(!failed.is_empty(), "{field}: {report}");
        assert!(
            failed.iter().all(|f| f.starts_with(field)),
            "{field}: {report}"
        );
    }
}

/// A Newton step whose measured bound binds.
fn stepped() -> Certificate {
    let mut stepped = network();
    stepped.method.settings = common::settings(
        json!({"damping": 0.001, "constants": {"hessian_lipschitz": {"kind": "assumed", "value": 0.1}}}),
    );
    stepped.noise.choice = NoiseChoice::Sigma {
        sigma: 1.0,
        delta: 1e-5,
    };
    let measured = |symbol, value, provenance| {
        Constant::new(symbol, value, provenance, "by the test").unwrap()
    };
    let failing = Provenance::Probabilistic {
        failure_probability: 1e-6,
    };
    let constants = vec![
        proved(Symbol::Distance, 140.0),
        assumed(Symbol::HessianLipschitz, 0.1),
        proved(Symbol::Damping, 0.001),
        assumed(Symbol::GradientBound, 0.2),
        measured(Symbol::Residual, 0.0004, Provenance::Measured),
        measured(Symbol::LeastEigenvalue, 100.0, failing),
    ];
    let step = SensitivityBound::new(Theorem::NewtonStep, constants).unwrap();
    derived(stepped, vec![step, diameter(70.0)])
}

#[test]
fn constants_that_are_quoted_and_not_computed_again_are_named() {
    let again = Recomputed {
        records: true,
        retained: 1380,
        distance_from_centre: 1.0,
        gradient_norm_before: None,
        gradient_norm_after: None,
        residual: None,
        theorem_residual: Some(0.0004),
    };
    let unchecked = |certificate: &Certificate, again: Option<&Recomputed>| {
        let mut measured = evidence();
        measured.measured.gradient_norm_after = None;
        if let Some(solve) = &mut measured.measured.solve {
            (solve.residual, solve.theorem_residual) = (None, Some(0.0004));
        }
        let mut checks = Checks::default();
        repeat(certificate, Some(&measured), again, &mut checks);
        let report = checks.report(None);
        assert!(report.holds(), "{report}");
        let all: Vec<String> = report.unchecked().map(str::to_owned).collect();
        all
    };
    let said = unchecked(&stepped(), Some(&again));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("lambda_min"), "{said:?}");
    let said = unchecked(&stepped(), None).concat();
    assert!(
        said.contains("lambda_min") && said.contains("residual"),
        "{said}"
    );
    // Whether the records were read is said by itself.
    let unread = Recomputed {
        records: false,
        ..again.clone()
    };
    let said = unchecked(&network(), Some(&unread)).concat();
    assert!(said.starts_with("the records: "), "{said}");
    // Nothing measured is quoted: nothing is left.
    assert!(unchecked(&network(), Some(&again)).is_empty());
}
