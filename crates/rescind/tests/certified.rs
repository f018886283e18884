//! From training to a verified certificate.

mod common;

use common::{checked, evidence, newton, newton_with, released, small, weak};
use rescind::certificate::{AssumptionName, Exclusion};
use rescind::ledger::{Budget, Ledger};
use rescind::methods::MethodChoice;
use rescind::methods::newton::{Constants, Damping, HessianLipschitz, NewtonSettings};
use rescind::release::ReleaseError;
use rescind::verify::Outcome;
use rescind::{Error, ModelChoice, ReleaseChoice, Request, Run, RunConfig};
use rescind_network::{Activation, zoo};
use rescind_privacy::NoiseChoice;
use rescind_privacy::sensitivity::{GuaranteeKind, Theorem};

fn trained(root: &std::path::Path, config: RunConfig) -> Run {
    let mut run = Run::create(root, config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    run
}

/// Settings under which the theorem of the Newton step gives a bound.
fn with_theorem(request: &str) -> Request {
    let settings = NewtonSettings {
        damping: Damping::Given { value: 50.0 },
        constants: Constants {
            hessian_lipschitz: Some(HessianLipschitz::Assumed { value: 0.01 }),
            ..Constants::default()
        },
        ..NewtonSettings::default()
    };
    newton_with(request, &settings).released(weak())
}

/// The default step, looked at in double precision.
fn with_check(request: &str) -> Request {
    let settings = NewtonSettings {
        check: true,
        ..NewtonSettings::default()
    };
    newton_with(request, &settings).released(weak())
}

#[test]
fn a_release_is_verified_down_to_its_norms() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(folder.path(), small());
    run.forget(&with_theorem("random:30?seed=1"), &mut ())
        .unwrap();
    run.forget(&with_check("random:20?seed=2"), &mut ())
        .unwrap();
    run.forget(&released("random:10?seed=3"), &mut ()).unwrap();
    for release in [1, 2, 3] {
        let report = checked(&run, release);
        assert!(report.holds(), "{report}");
        // Nothing was left out but what is the signer's word: the run names its key itself. The
        // noise is compared with the newest private state alone.
        let unchecked: Vec<&str> = report.unchecked().collect();
        let words = ["clock", "this program ran", "noise was added"];
        let known = |what: &&str| words.iter().any(|word| what.contains(word));
        assert!(unchecked.iter().all(known), "{unchecked:?}");
    }
    let certificate = checked(&run, 1).certificate().unwrap().clone();
    assert_eq!(certificate.requests[0].records, 30);
    // The bound that rests on measurements does not bind: it is told to nobody.
    assert_eq!(certificate.bounds.len(), 1);
    assert_eq!(evidence(&run, 1).bounds.len(), 2);
    // What was not computed is not stated.
    let stated = [1, 2, 3].map(|release| {
        let measured = evidence(&run, release).measured;
        let residual = measured.solve.unwrap().residual;
        assert_eq!(residual.is_some(), measured.gradient_norm_after.is_some());
        residual.is_some()
    });
    assert_eq!(stated, [true, true, false]);
    let solve = evidence(&run, 1).measured.solve.unwrap();
    // The default right-hand side and curvature are not those of the theorem's system.
    assert!(
        solve.theorem_residual.unwrap() > 10.0 * solve.residual.unwrap(),
        "{solve:?}"
    );
    assert!(certificate.model.configuration.is_some());
}

#[test]
fn the_true_epsilon_of_noise_picked_by_hand_is_enormous() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(folder.path(), small());
    let answer = run.forget(&released("random:30"), &mut ()).unwrap();
    let certificate = answer.release.unwrap().certificate;
    assert!((8.0e8..8.01e8).contains(&certificate.guarantee.epsilon.value()));
    assert_eq!(certificate.guarantee.binding, Theorem::BallDiameter);
    // ... and the seed of these tests is fixed.
    assert_eq!(certificate.guarantee.kind, GuaranteeKind::Assumed);
    assert_eq!(
        certificate.assumptions[0].name,
        AssumptionName::InsecureNoise
    );
}

#[test]
fn relu_leaves_the_newton_bound_without_its_theorem() {
    let folder = tempfile::tempdir().unwrap();
    let model = ModelChoice::Mlp {
        hidden: vec![8],
        activation: Activation::Relu,
        norm: zoo::Norm::None,
    };
    let mut run = trained(folder.path(), RunConfig { model, ..small() });
    let answer = run.forget(&with_theorem("random:30"), &mut ()).unwrap();
    let certificate = answer.release.unwrap().certificate;
    assert_eq!(certificate.guarantee.binding, Theorem::BallDiameter);
    let bounds = evidence(&run, 1).bounds;
    let newton = bounds.iter().find(|b| b.theorem == Theorem::NewtonStep);
    assert_eq!(
        newton.unwrap().excluded,
        Some(Exclusion::HessianNotLipschitz)
    );
    assert!(checked(&run, 1).holds());
}

#[test]
fn requests_during_training_are_covered_by_the_release_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(folder.path(), small());
    run.forget(&newton("random:10?seed=1"), &mut ()).unwrap();
    run.forget(&newton("random:10?seed=2"), &mut ()).unwrap();
    let answer = run.forget(&released("random:10?seed=3"), &mut ()).unwrap();
    let numbers: Vec<u64> = answer
        .release
        .unwrap()
        .certificate
        .requests
        .iter()
        .map(|request| request.number)
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert!(checked(&run, 3).holds(), "{}", checked(&run, 3));
}

#[test]
fn retraining_is_released_and_verified_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(folder.path(), small());
    let asked = released("random:10").by(MethodChoice::named("retrain"));
    run.forget(&asked, &mut ()).unwrap();
    let report = checked(&run, 1);
    assert!(report.holds(), "{report}");
}

#[test]
fn a_promise_to_earlier_requests_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(folder.path(), small());
    let release = |sigma| ReleaseChoice {
        budget: Some(Budget {
            epsilon: 1.0,
            delta: 1e-5,
        }),
        ..ReleaseChoice::new(NoiseChoice::Sigma { sigma, delta: 1e-5 })
    };
    let ask = |request: &str, sigma| newton(request).released(release(sigma));
    run.forget(&ask("random:10?seed=1", 150.0), &mut ())
        .unwrap();
    let refused = run.forget(&ask("random:10?seed=2", 150.0), &mut ());
    assert!(matches!(
        refused,
        Err(Error::Release(ReleaseError::Budget(_)))
    ));
    assert_eq!(run.answers().unwrap().len(), 1);
    run.forget(&ask("random:10?seed=2", 1e5), &mut ()).unwrap();
    let ledger = Ledger::open_existing(run.root()).unwrap();
    let delta = rescind_privacy::Delta::new(1e-5).unwrap();
    for standing in ledger.history().standings().unwrap() {
        assert!(standing.epsilon(delta).unwrap().value() <= 1.0);
    }
}

#[test]
fn private_weights_that_are_not_kept_cannot_be_computed_with() {
    let folder = tempfile::tempdir().unwrap();
    let config = RunConfig {
        keep_iterates: false,
        ..small()
    };
    let mut run = trained(folder.path(), config);
    for seed in [1, 2] {
        run.forget(&with_check(&format!("random:10?seed={seed}")), &mut ())
            .unwrap();
    }
    assert!(matches!(
        run.recompute(1),
        Err(Error::IterateGone { release: 1 })
    ));
    // The newest are, but not what came before them.
    let report = checked(&run, 2);
    assert!(report.holds(), "{report}");
    let skipped = report
        .checks()
        .iter()
        .filter(|check| check.outcome == Outcome::Skipped);
    assert!(skipped.count() > 1);
}
