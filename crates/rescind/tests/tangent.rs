//! Tangent models: trained, forgotten from and released with a proved promise.

mod common;

use common::{checked, network, newton, parameters, private_weights, promise};
use rescind::certificate::AssumptionName;
use rescind::methods::MethodChoice;
use rescind::methods::descent::DescentReport;
use rescind::training::{TrainingEnding, TrainingSettings};
use rescind::{
    Error, ModelChoice, ModelError, NetworkModel, Parameterisation, Phase, Progress, Request, Run,
    RunConfig,
};
use rescind_network::{Activation, Weights, zoo};
use rescind_privacy::sensitivity::{GuaranteeKind, Theorem};
use std::ops::ControlFlow;
use std::path::Path;

const MU: f64 = 1e-3;
const G: f64 = 1e-8;

fn config() -> RunConfig {
    RunConfig {
        model: ModelChoice::Mlp {
            hidden: vec![8],
            activation: Activation::Relu,
            norm: zoo::Norm::None,
        },
        parameterisation: Parameterisation::Tangent,
        training: TrainingSettings {
            penalty: MU,
            until_gradient: Some(G),
            ..TrainingSettings::default()
        },
        ..RunConfig::default()
    }
}

fn trained(root: &Path) -> Run {
    let mut run = Run::create(root, config(), None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    run
}

fn asked(request: &str) -> Request {
    newton(request).by(MethodChoice::named("tangent"))
}

fn promised(request: &str) -> Request {
    asked(request).released(promise(1.0))
}

/// The private weights of the newest iterate in a folder, in double precision.
fn exact(run: &Run, folder: &str) -> Vec<f64> {
    let states = run.root().join("private").join(folder);
    let names = std::fs::read_dir(&states).unwrap();
    let names = names.filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let newest = names.filter(|name| name.parse::<u64>().is_ok()).max();
    let bytes = std::fs::read(states.join(newest.unwrap()).join("exact.safetensors")).unwrap();
    Weights::from_safetensors(network(run), &bytes)
        .unwrap()
        .parameters
}

fn apart(a: &[f64], b: &[f64]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| (a - b).powi(2));
    squares.sum::<f64>().sqrt()
}

#[test]
fn forgetting_is_released_with_a_proved_promise_and_keeps_the_accuracy() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(folder.path());
    let answer = run.forget(&promised("random:50?seed=1"), &mut ()).unwrap();
    let certificate = answer.release.unwrap().certificate;
    let guarantee = &certificate.guarantee;
    assert_eq!(guarantee.kind, GuaranteeKind::Proved);
    assert_eq!(guarantee.binding, Theorem::StronglyConvex);
    assert!((certificate.sensitivity() / (2.0 * G / MU) - 1.0).abs() < 1e-9);
    assert!(certificate.model.linearised);
    assert_eq!(certificate.model.ball.seed, Some(42));
    let names = certificate.assumptions.iter().map(|a| a.name);
    let names: Vec<_> = names.collect();
    assert!(!names.contains(&AssumptionName::PublicCentre), "{names:?}");
    assert!(!names.contains(&AssumptionName::NoiseDependsOnRecords));
    let report = checked(&run, 1);
    assert!(report.holds(), "{report}");

    // What a stranger needs is in the folder.
    let release = folder.path().join("releases/000001");
    let read = |name: &str| -> Vec<f32> {
        let bytes = std::fs::read(release.join(name)).unwrap();
        let weights = Weights::from_safetensors(network(&run), &bytes).unwrap();
        weights.parameters
    };
    let (w, centre) = (read("weights.safetensors"), read("centre.safetensors"));
    let model = NetworkModel {
        linearised: true,
        centre: Some(centre.into()),
        ..NetworkModel::new(network(&run))
    };
    let data = rescind_data::load(&run.config().unwrap().data, None)
        .unwrap()
        .test;
    let all = rescind_data::Selection::all(data.len());
    let seen = rescind::evaluation::measure(&model, &w, &data, &all, &mut ()).unwrap();
    run.retrain(&mut ()).unwrap();
    let evaluation = run.evaluate(&mut ()).unwrap();
    let released = evaluation.released.unwrap().test;
    assert!((seen.share_right() - released.share_right()).abs() < 1e-9);
    let retrained = evaluation.retrained.unwrap().test.share_right();
    assert!(retrained > 0.8, "{retrained}");
    assert!((released.share_right() - retrained).abs() < 0.003);

    // Another centre is found out, and so is one the seed did not draw.
    let path = release.join("centre.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let failures = checked(&run, 1).to_string();
    assert!(failures.contains("centre"), "{failures}");
}

#[test]
fn every_request_ends_within_the_bound_of_the_retrained_solution() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(folder.path());
    let bound = 2.0 * G / MU;
    let requests = [
        "random:1?seed=3",
        "random:10?seed=4",
        "class:7",
        "random:100?seed=5",
        "random:200?seed=6",
        "random:2?seed=7",
    ];
    for (number, request) in (1..).zip(requests) {
        let before = exact(&run, "state");
        let record = run.forget(&asked(request), &mut ()).unwrap().record;
        assert_eq!(record.number, number);
        assert_eq!(record.method.method, "descent");
        let report: DescentReport = record.method.details().unwrap();
        let reached = record.method.gradient_norm_after.unwrap();
        assert!(reached <= G, "{reached:e}, {report:?}");
        assert!(report.effort.preconditioners <= 2, "{report:?}");
        run.retrain(&mut ()).unwrap();
        let (now, reference) = (exact(&run, "state"), exact(&run, "reference"));
        let distance = apart(&now, &reference);
        assert!(distance <= bound, "{request}: {distance:e} above {bound:e}");
        // ... and the bound says something: the solution moved much further.
        assert!(apart(&before, &now) > 10.0 * bound, "{request}");
    }
}

#[test]
fn training_goes_on_where_it_was_broken_off_to_the_same_bits() {
    let whole = tempfile::tempdir().unwrap();
    trained(whole.path());
    let expected = private_weights(whole.path());

    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::create(folder.path(), config(), None, &mut ()).unwrap();
    let mut steps = 0;
    loop {
        // Broken off in turn after a step, and in the midst of one.
        let mut seen = 0;
        let mut stop = |progress: &Progress| {
            seen += 1;
            let midst = steps % 2 == 1 && progress.phase == Phase::Solve && seen > 2;
            match progress.phase == Phase::Train && steps % 2 == 0 || midst {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        match run.train(&mut stop) {
            Ok(_) => break,
            Err(Error::Unlearn(ModelError::Interrupted { .. })) => steps += 1,
            Err(other) => panic!("{other}"),
        }
        drop(run);
        run = Run::open(folder.path()).unwrap();
    }
    assert!(steps >= 4, "{steps}");
    assert!(private_weights(folder.path()) == expected);
    assert_eq!(
        exact(&run, "state")
            .iter()
            .map(|&w| w as f32)
            .collect::<Vec<_>>(),
        parameters(&run, &expected)
    );
}

#[test]
fn a_request_during_training_ends_it_on_the_records_that_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::create(folder.path(), config(), None, &mut ()).unwrap();
    let mut first = |progress: &Progress| match progress.phase {
        Phase::Train => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    assert!(run.train(&mut first).is_err());
    let record = run
        .forget(&asked("random:50?seed=1"), &mut ())
        .unwrap()
        .record;
    assert!(!record.training_finished);
    let progress = &run.state().unwrap().progress;
    assert!(matches!(
        progress.ending,
        Some(TrainingEnding::GradientReached { .. })
    ));
    run.retrain(&mut ()).unwrap();
    assert!(apart(&exact(&run, "state"), &exact(&run, "reference")) <= 2.0 * G / MU);
}

#[test]
fn what_could_not_be_proved_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let centre = std::fs::read({
        drop(Run::create(&folder.path().join("a"), config(), None, &mut ()).unwrap());
        folder.path().join("a/centre.safetensors")
    })
    .unwrap();
    let refused = |change: &dyn Fn(&mut RunConfig), centre: Option<&[u8]>| {
        let mut config = config();
        change(&mut config);
        let fresh = tempfile::tempdir().unwrap();
        match Run::create(fresh.path(), config, centre, &mut ()) {
            Err(Error::Unlearn(ModelError::NotProvable { reason })) => reason,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("accepted"),
        }
    };
    assert!(refused(&|c| c.training.penalty = 0.0, None).contains("penalty is 0"));
    assert!(refused(&|_| (), Some(&centre)).contains("nobody declares"));
    let tiny = |c: &mut RunConfig| c.training.until_gradient = Some(1e-11);
    assert!(refused(&tiny, None).contains("rounding"));
    let batch_norm = |c: &mut RunConfig| {
        c.model = ModelChoice::Mlp {
            hidden: vec![16],
            activation: Activation::Relu,
            norm: zoo::Norm::Batch,
        };
    };
    assert!(refused(&batch_norm, None).contains("batch norm"));
    let early = |c: &mut RunConfig| {
        c.training.validation = 0.1;
        c.training.early_stopping = Some(3);
    };
    assert!(refused(&early, None).contains("early stopping"));

    // Declared public, the same centre is taken, and the certificate says who vouches for it.
    let declared = RunConfig {
        declared_by: Some("A. Smith".to_owned()),
        ..config()
    };
    let root = folder.path().join("b");
    let mut run = Run::create(&root, declared, Some(&centre), &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    let answer = run.forget(&promised("random:5"), &mut ()).unwrap();
    let certificate = answer.release.unwrap().certificate;
    assert_eq!(certificate.model.ball.seed, None);
    let assumed = |name| certificate.assumptions.iter().any(|a| a.name == name);
    assert!(assumed(AssumptionName::PublicCentre));
    assert!(checked(&run, 1).holds(), "{}", checked(&run, 1));

    // A Newton step would work on another objective; the tangent method on a network proves nothing.
    let newton_step = run.forget(&newton("random:5"), &mut ());
    assert!(matches!(
        newton_step,
        Err(Error::Unlearn(ModelError::NotProvable { .. }))
    ));
    let root = folder.path().join("c");
    let mut run = Run::create(&root, common::small(), None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    let tangent = run.forget(&asked("random:5"), &mut ());
    assert!(matches!(
        tangent,
        Err(Error::Unlearn(ModelError::NotProvable { .. }))
    ));
}

#[test]
fn retraining_and_imported_models_carry_the_bound_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(&folder.path().join("a"));
    let again = promised("random:20?seed=2").by(MethodChoice::named("retrain"));
    let answer = run.forget(&again, &mut ()).unwrap();
    let certificate = answer.release.unwrap().certificate;
    assert_eq!(certificate.guarantee.binding, Theorem::StronglyConvex);
    assert!(checked(&run, 1).holds(), "{}", checked(&run, 1));

    // Weights from elsewhere are anywhere in the ball; the descent finds its way all the same.
    let zero = vec![0.0; network(&run).parameter_count()];
    let start = Weights::<f32> {
        parameters: zero,
        statistics: Vec::new(),
    };
    let bytes = start.to_safetensors(network(&run)).unwrap();
    let root = folder.path().join("b");
    let mut run = Run::import(&root, config(), None, &bytes, &mut ()).unwrap();
    run.forget(&asked("random:20?seed=2"), &mut ()).unwrap();
    run.retrain(&mut ()).unwrap();
    assert!(apart(&exact(&run, "state"), &exact(&run, "reference")) <= 2.0 * G / MU);
}

#[test]
fn the_same_configuration_opens_the_same_run() {
    let folder = tempfile::tempdir().unwrap();
    drop(trained(folder.path()));
    let run = Run::create_or_open(folder.path(), config(), None, &mut ()).unwrap();
    assert!(run.is_trained());
    drop(run);
    let other = RunConfig {
        parameterisation: Parameterisation::Full,
        ..config()
    };
    let opened = Run::create_or_open(folder.path(), other, None, &mut ());
    assert!(matches!(opened, Err(Error::OtherConfig { .. })));
    // A configuration written before there were parameterisations.
    let mut old = serde_json::to_value(common::small()).unwrap();
    let fields = old.as_object_mut().unwrap();
    fields.remove("parameterisation").unwrap();
    let read: RunConfig = serde_json::from_value(old).unwrap();
    assert_eq!(read, common::small());
}
