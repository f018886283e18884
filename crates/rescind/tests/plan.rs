//! What is planned is what happens, and planning changes nothing.

mod common;

use common::{private_weights, promise, small};
use rescind::certificate::Certificate;
use rescind::methods::MethodChoice;
use rescind::plan::{MethodPlan, PlanRequest};
use rescind::release::ReleaseError;
use rescind::training::TrainingSettings;
use rescind::{Error, ModelChoice, ModelError, Request, Run, RunConfig};
use rescind_privacy::sensitivity::GuaranteeKind;
use std::ops::ControlFlow;

const EPOCHS: u64 = 12;

fn config() -> RunConfig {
    RunConfig {
        model: ModelChoice::default(),
        training: TrainingSettings {
            epochs: EPOCHS,
            batch: 32,
            ..small().training
        },
        ..small()
    }
}

fn asked(epsilon: f64) -> PlanRequest {
    PlanRequest {
        records: vec!["random:30?seed=1".parse().unwrap()],
        epsilon,
        delta: 1e-5,
    }
}

fn forget(method: &str, epsilon: f64) -> Request {
    let [records] = <[_; 1]>::try_from(asked(epsilon).records).unwrap();
    Request::of(records)
        .by(MethodChoice::named(method))
        .released(promise(epsilon))
}

fn near(found: Option<f64>, expected: f64) -> bool {
    found.is_some_and(|found| (found / expected - 1.0).abs() < 1e-4)
}

fn epochs_of_recovery(certificate: &Certificate) -> f64 {
    let settings = &certificate.method.settings;
    settings["recovery_epochs"].as_f64().unwrap()
}

#[test]
fn a_plan_says_what_requests_then_get() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::create(folder.path(), config(), None, &mut ()).unwrap();
    assert!(matches!(
        run.plan(&asked(1.0), &mut ()),
        Err(Error::NothingTrained { .. })
    ));
    run.train(&mut ()).unwrap();
    let before = private_weights(folder.path());
    let plan = run.plan(&asked(1.0), &mut ()).unwrap();
    assert!(private_weights(folder.path()) == before && run.retained().len() == 1299);
    assert!(!folder.path().join("releases").exists());
    assert_eq!((plan.forgotten, plan.retained), (30, 1269));
    let [newton, steps, once, retrain] = &plan.methods[..] else {
        panic!("{plan:?}")
    };
    // The diameter of 40 takes 149.2, which the model does not bear.
    assert!(near(newton.sensitivity, 40.0) && near(newton.sigma, 149.225));
    assert!(newton.refused.is_some() && newton.accuracy.unwrap() < 0.4);
    for (plan, name) in [(steps, "noisy-finetune"), (once, "output-perturbation")] {
        assert_eq!(
            (plan.method.as_str(), plan.kind),
            (name, Some(GuaranteeKind::Proved))
        );
        assert!(
            plan.refused.is_none() && plan.accuracy.unwrap() > 0.4,
            "{plan:?}"
        );
    }
    assert!(retrain.kind.is_none() && retrain.accuracy == Some(plan.accuracy));
    // As many epochs as training took, over the records that would stay.
    let history = &run.state().unwrap().progress.history;
    let training = history.last().unwrap();
    assert_eq!(training.epoch, EPOCHS);
    let share = 1269.0 / 1299.0;
    // And the waits for the disk and looks at records that every request takes.
    let beside = retrain.seconds - share * training.seconds;
    assert!(beside > 0.0 && beside < 5.0, "{beside}");
    for method in &plan.methods {
        assert!(method.how.contains("accuracy: ") && method.how.contains("time: "));
    }

    assert!(matches!(
        run.forget(&forget("newton", 1.0), &mut ()),
        Err(Error::Release(ReleaseError::Refused(_)))
    ));
    // Noisy steps come on top of the epochs of recovery, which are fewer than those of training.
    assert!(once.seconds < steps.seconds && once.seconds > beside);
    for (method, planned) in [("noisy-finetune", steps), ("output-perturbation", once)] {
        let answer = run.forget(&forget(method, 1.0), &mut ()).unwrap();
        let certificate = answer.release.unwrap().certificate;
        assert_eq!(planned.sigma, Some(certificate.noise.sigma.value()));
        assert_eq!(planned.sensitivity, Some(certificate.sensitivity()));
    }
}

#[test]
fn noise_that_a_model_bears_is_told_from_noise_that_it_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::create(folder.path(), config(), None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    // σ of about 0.001 and of about 1.
    let newton =
        |epsilon| -> MethodPlan { run.plan(&asked(epsilon), &mut ()).unwrap().methods[0].clone() };
    let (quiet, loud) = (newton(8e8), newton(1e3));
    let now = run.plan(&asked(1.0), &mut ()).unwrap().accuracy;
    assert!(quiet.refused.is_none() && (quiet.accuracy.unwrap() - now).abs() < 0.02);
    assert!(loud.refused.is_some() && loud.accuracy.unwrap() < now - 0.2);
    for bad in [f64::NAN, -1.0] {
        assert!(run.plan(&asked(bad), &mut ()).is_err());
    }
    let mut stop = |_: &rescind::Progress| ControlFlow::Break(());
    assert!(matches!(
        run.plan(&asked(1.0), &mut stop),
        Err(Error::Unlearn(ModelError::Interrupted { .. }))
    ));
}

#[test]
fn a_model_without_history_is_timed_by_probes() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let mut run = Run::create(&first, config(), None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    let weights = private_weights(&first);
    let mut run = Run::import(&second, config(), None, &weights, &mut ()).unwrap();
    let plan = run.plan(&asked(1.0), &mut ()).unwrap();
    let [_, steps, once, retrain] = &plan.methods[..] else {
        panic!("{plan:?}")
    };
    assert!(steps.accuracy.is_none() && once.accuracy.is_none());
    assert!(steps.how.contains("no history") && retrain.how.contains("minibatches took"));
    assert!(plan.recommendation.starts_with("retrain: "));
    let request = forget("output-perturbation", 1.0);
    let answer = run.forget(&request, &mut ()).unwrap();
    let recovery = epochs_of_recovery(&answer.release.unwrap().certificate) / EPOCHS as f64;
    assert!(recovery < 0.5, "{recovery}");
    assert!(once.seconds < retrain.seconds);
}

#[test]
fn a_plan_says_what_preparing_costs_and_what_squared_error_would_do() {
    let folder = tempfile::tempdir().unwrap();
    let network = common::trained(&folder.path().join("network"), small());
    let plan = network.plan(&asked(1.0), &mut ()).unwrap();
    assert!(plan.preparing.is_none() && plan.squared_error.is_none());

    let config = RunConfig {
        parameterisation: rescind::Parameterisation::Tangent,
        training: TrainingSettings {
            penalty: 1e-3,
            until_gradient: Some(1e-6),
            ..TrainingSettings::default()
        },
        ..small()
    };
    let mut run = common::trained(&folder.path().join("head"), config);
    let before = private_weights(run.root());
    let plan = run.plan(&asked(1.0), &mut ()).unwrap();
    assert!(private_weights(run.root()) == before);
    let preparing = plan.preparing.unwrap();
    assert!(preparing.seconds > 0.0 && preparing.request > 0.0 && !preparing.exact);
    // 55 blocks of 65 features in binary32, the factor of all of them, and moments.
    assert!(
        (1_500_000..3_500_000).contains(&preparing.bytes),
        "{preparing:?}"
    );
    let descent = plan
        .methods
        .iter()
        .find(|method| method.method == "descent");
    assert!(near(
        Some(preparing.unprepared_request),
        descent.unwrap().seconds
    ));
    let saved = preparing.unprepared_request - preparing.request;
    let pays = (saved > 0.0).then(|| (preparing.seconds / saved).ceil().max(1.0) as u64);
    assert_eq!(preparing.pays_from, pays);
    let other = plan.squared_error.unwrap();
    assert_eq!(other.records, plan.retained);
    assert!(
        other.squared_error > 0.85 && other.cross_entropy > 0.85,
        "{other:?}"
    );
    assert!((other.squared_error - other.cross_entropy).abs() > 0.0);

    run.refresh(&mut ()).unwrap();
    let plan = run.plan(&asked(1.0), &mut ()).unwrap();
    assert!(plan.preparing.is_none());
    let descent = plan
        .methods
        .iter()
        .find(|method| method.method == "descent");
    assert!(descent.unwrap().how.contains("from what was prepared"));
    run.forget(&forget("descent", 1.0), &mut ()).unwrap();
    let plan = run.plan(&asked(1.0), &mut ()).unwrap();
    let descent = plan
        .methods
        .iter()
        .find(|method| method.method == "descent");
    assert!(descent.unwrap().how.contains("the last such request"));
}
