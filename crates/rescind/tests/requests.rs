//! Requests, one after another: who can be forgotten, what is kept, what is told apart.

mod common;

use common::{
    checked, network, newton, newton_with, parameters, private_weights, promise, released, small,
};
use rescind::evaluation::distance;
use rescind::methods::newton::{NewtonReport, NewtonSettings, Preconditioning};
use rescind::methods::{MethodChoice, MethodReport};
use rescind::release::ReleaseError;
use rescind::training::{TrainingEnding, TrainingSettings};
use rescind::{
    Amendment, Code, Error, ModelChoice, ModelError, Phase, Progress, ReleaseChoice, Run, RunConfig,
};
use rescind_data::{DataSource, load, record_hash};
use rescind_network::{Activation, Weights, zoo};
use rescind_privacy::NoiseChoice;
use std::ops::ControlFlow;
use std::path::Path;

fn trained(root: &Path, config: RunConfig) -> Run {
    drop(Run::create(root, config, None, &mut ()).unwrap());
    let mut run = Run::open(root).unwrap();
    run.train(&mut ()).unwrap();
    run
}

fn report(method: &MethodReport) -> NewtonReport {
    assert_eq!(method.method, "newton");
    method.details().unwrap()
}

#[test]
fn records_never_trained_on_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(folder.path(), small());
    let (held_out, gone) = (
        run.split().validation.clone(),
        run.split().train.positions()[3],
    );
    assert_eq!(held_out.len(), 141);

    // A draw is of records trained on and not yet forgotten.
    let mut drawn = 0;
    for seed in 0..4 {
        let asked = newton(&format!("random:200?seed={seed}"));
        let record = run.forget(&asked, &mut ()).unwrap().record;
        let before = run.retained().union(&record.forgotten).unwrap();
        drawn += record.forgotten.len();
        assert!(
            record
                .forgotten
                .positions()
                .iter()
                .all(|&i| !held_out.contains(i))
        );
        assert_eq!(run.retained().len(), 1299 - drawn);
        assert_eq!(before.len(), 1299 - drawn + 200);
    }

    let validation = held_out.positions()[5];
    let named = |request: String, run: &Run| match run.resolve(&[request.parse().unwrap()]) {
        Err(Error::NotTrainedOn {
            held_out,
            forgotten,
        }) => (held_out, forgotten),
        other => panic!("{other:?}"),
    };
    let here = run.retained().positions()[0];
    let (held, _) = named(validation.to_string(), &run);
    assert_eq!(held, validation.to_string());
    // One that is trained on is forgotten, whatever else is named.
    let both = format!("{here},{validation}").parse().unwrap();
    let both = run.resolve(&[both]).unwrap();
    assert_eq!(both.held_out.positions(), [validation]);
    assert_eq!(both.forget.positions(), [here]);
    if run.retained().contains(gone) {
        run.forget(&newton(&gone.to_string()), &mut ()).unwrap();
    }
    assert_eq!(
        named(gone.to_string(), &run),
        (String::new(), gone.to_string())
    );
    let data = load(&DataSource::Digits, None).unwrap().train;
    let class = &data.class_names()[data.labels()[validation] as usize];
    let input = data.input(validation).unwrap();
    let hash = record_hash(data.input_shape(), class, input);
    assert_eq!(
        named(format!("hash:{hash}"), &run),
        (validation.to_string(), String::new())
    );

    // A class has some of each: those held out are reported, not counted as forgotten.
    let resolved = run.resolve(&["class:4".parse().unwrap()]).unwrap();
    assert!(!resolved.held_out.is_empty() && !resolved.forget.is_empty());
    assert!(
        resolved
            .held_out
            .positions()
            .iter()
            .all(|&i| held_out.contains(i))
    );

    let all: Vec<String> = run
        .retained()
        .positions()
        .iter()
        .map(usize::to_string)
        .collect();
    let everything = run.resolve(&[all.join(",").parse().unwrap()]);
    assert!(
        matches!(everything, Err(Error::ForgetsEverything { .. })),
        "{everything:?}"
    );
    let code = |request: &str| {
        let asked = run.resolve(&[request.parse().unwrap()]);
        asked.unwrap_err().code()
    };
    assert_eq!(code(&gone.to_string()), Code::AlreadyForgotten);
    assert_eq!(code(&validation.to_string()), Code::NotTrainedOn);
}

/// The weights depend on what they were stopped by, whoever was never trained on.
#[test]
fn records_that_chose_the_epoch_are_not_said_to_be_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let training = TrainingSettings {
        early_stopping: Some(2),
        ..small().training
    };
    let config = RunConfig {
        training,
        ..small()
    };
    let mut run = trained(folder.path(), config);
    let held_out = run.split().validation.positions()[5];
    let trained = run.retained().positions()[0];
    for request in [held_out.to_string(), format!("{trained},{held_out}")] {
        let before = private_weights(folder.path());
        let refused = run.forget(&newton(&request), &mut ()).unwrap_err();
        assert_eq!(refused.code(), Code::ChoseTheEpoch, "{refused}");
        assert!(refused.to_string().contains(&held_out.to_string()));
        assert_eq!(private_weights(folder.path()), before);
    }
    run.forget(&newton(&trained.to_string()), &mut ()).unwrap();
}

#[test]
fn later_requests_start_from_the_last_iterate_and_reuse_the_preconditioner() {
    let folder = tempfile::tempdir().unwrap();
    let config = RunConfig {
        model: ModelChoice::default(),
        ..small()
    };
    let mut run = trained(folder.path(), config);
    let mut before = parameters(&run, &private_weights(folder.path()));
    for number in 1..=3 {
        let asked = newton(&format!("random:30?seed={number}"));
        let record = run.forget(&asked, &mut ()).unwrap().record;
        assert_eq!(record.number, number);
        let report = report(&record.method);
        assert_eq!(report.retained, run.retained().len());
        assert_eq!(
            report.preconditioner_products,
            if number == 1 { 32 } else { 0 }
        );
        assert!(report.preconditioner_rank > 0);
        let after = parameters(&run, &private_weights(folder.path()));
        let moved = distance(&before, &after);
        assert!(
            (moved - report.step_norm).abs() < 1e-4 * report.step_norm,
            "{moved}"
        );
        before = after;
        // Across processes too.
        drop(run);
        run = Run::open(folder.path()).unwrap();
    }
    assert_eq!(run.answers().unwrap().len(), 3);
    assert_eq!(run.retained().len(), 1299 - 90);

    // Another sketch is asked for: the kept one does not serve.
    let settings = NewtonSettings {
        preconditioning: Preconditioning::Nystrom {
            rank: 16,
            records: None,
        },
        ..NewtonSettings::default()
    };
    let asked = newton_with("random:30?seed=9", &settings);
    let record = run.forget(&asked, &mut ()).unwrap().record;
    assert_eq!(report(&record.method).preconditioner_products, 16);
}

#[test]
fn a_request_during_training_leaves_the_rest_to_the_retained() {
    let folder = tempfile::tempdir().unwrap();
    let training = TrainingSettings {
        epochs: 6,
        ..small().training
    };
    let config = RunConfig {
        model: ModelChoice::default(),
        training,
        ..small()
    };
    drop(Run::create(folder.path(), config, None, &mut ()).unwrap());
    let mut run = Run::open(folder.path()).unwrap();
    let mut steps = 0;
    let mut stop = |progress: &Progress| {
        steps += u64::from(progress.phase == Phase::Train && progress.epoch.is_none());
        if steps == 50 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    assert!(matches!(
        run.train(&mut stop),
        Err(Error::Unlearn(ModelError::Interrupted { .. }))
    ));
    let record = run
        .forget(&newton("random:60?seed=2"), &mut ())
        .unwrap()
        .record;
    assert!(!record.training_finished && !run.is_trained());
    let state = run.state().unwrap();
    // 21 minibatches an epoch: the third, begun and not ended, is not gone on with.
    assert_eq!((state.progress.epoch, state.progress.step), (3, 0));
    assert_eq!(state.progress.optimiser_steps, 0);
    drop(run);

    // A copy of the run, to finish twice: once straight, once after a break.
    let mut finals = Vec::new();
    for pause in [false, true] {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(folder.path(), copy.path());
        Run::amend(copy.path(), Amendment::Adopt).unwrap();
        let mut run = Run::open(copy.path()).unwrap();
        if pause {
            let mut steps = 0;
            let mut stop = |progress: &Progress| {
                steps += u64::from(progress.phase == Phase::Train);
                if steps == 30 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            };
            run.train(&mut stop).unwrap_err();
            drop(run);
            run = Run::open(copy.path()).unwrap();
        }
        let progress = run.train(&mut ()).unwrap();
        assert_eq!(progress.ending, Some(TrainingEnding::EpochsDone));
        // 1239 records of the 1299: 20 minibatches an epoch, three epochs.
        assert_eq!(progress.optimiser_steps, 60);
        assert_eq!(run.retained().len(), 1239);
        assert!(run.evaluate(&mut ()).unwrap().original.is_some());
        finals.push(private_weights(copy.path()));
    }
    assert!(finals[0] == finals[1]);
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_folder(&entry.path(), &target);
            let permissions = entry.metadata().unwrap().permissions();
            std::fs::set_permissions(&target, permissions).unwrap();
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn retraining_as_a_request_is_training_without_the_records() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(folder.path(), small());
    let asked = newton("random:40?seed=5").by(MethodChoice::named("retrain"));
    run.forget(&asked, &mut ()).unwrap();
    // The reference for the same records is the same model, and is not trained again.
    let (seconds, mut trained) = (run.retrain(&mut ()).unwrap().seconds, false);
    let mut watch = |progress: &Progress| {
        trained |= progress.phase == Phase::Train;
        ControlFlow::Continue(())
    };
    assert!((run.retrain(&mut watch).unwrap().seconds - seconds).abs() < 1e-12 && !trained);
    let evaluation = run.evaluate(&mut ()).unwrap();
    let retrained = evaluation.retrained.unwrap();
    assert!(retrained.to_retrained.unwrap() <= 0.0);
    assert!(evaluation.current.to_retrained.unwrap() <= 0.0);
    assert!(evaluation.original.unwrap().to_retrained.unwrap() > 1e-3);
    assert_eq!(evaluation.current.forgotten.records, 40);
    assert_eq!(evaluation.current.retained.records, 1259);
    assert_eq!(evaluation.current.test.records, 357);
}

#[test]
fn a_refused_release_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    drop(trained(root, small()));
    let before = private_weights(root);
    let mut run = Run::open(root).unwrap();
    let asked = released("random:9").released(promise(1.0));
    assert!(matches!(
        run.forget(&asked, &mut ()),
        Err(Error::Release(ReleaseError::Refused(_)))
    ));
    assert!(private_weights(root) == before && run.retained().len() == 1299);
    assert_eq!(run.answers().unwrap().len(), 0);
    // The same run can go on at once.
    run.forget(&newton("random:9"), &mut ()).unwrap();
    assert_eq!(run.retained().len(), 1290);
}

#[test]
fn stopping_a_request_at_any_point_leaves_the_run_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let mut run = trained(
        root,
        RunConfig {
            model: ModelChoice::default(),
            ..small()
        },
    );
    let before = private_weights(root);
    let mut phases = std::collections::HashSet::new();
    for at in 1.. {
        let mut calls = 0;
        let mut last = None;
        let mut stop = |progress: &Progress| {
            calls += 1;
            last = Some(progress.phase);
            if calls >= at {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let settings = NewtonSettings {
            check: true,
            ..NewtonSettings::default()
        };
        let request = newton_with("random:20", &settings);
        match run.forget(&request, &mut stop) {
            Err(Error::Unlearn(ModelError::Interrupted { phase })) => {
                phases.insert(phase);
                assert_eq!(Some(phase), last);
                assert!(private_weights(root) == before && run.retained().len() == 1299);
            }
            Ok(_) => break,
            Err(other) => panic!("{other}"),
        }
    }
    for phase in [
        Phase::Evaluate,
        Phase::Solve,
        Phase::Precondition,
        Phase::Check,
    ] {
        assert!(phases.contains(&phase), "{phases:?}");
    }
    assert_eq!(run.retained().len(), 1279);
}

#[test]
fn iterates_of_before_are_removed_where_asked() {
    for (keep, states) in [(true, 3), (false, 1)] {
        let folder = tempfile::tempdir().unwrap();
        let mut run = trained(
            folder.path(),
            RunConfig {
                keep_iterates: keep,
                ..small()
            },
        );
        run.forget(&newton("random:9?seed=1"), &mut ()).unwrap();
        run.forget(&newton("random:9?seed=2"), &mut ()).unwrap();
        let found = std::fs::read_dir(folder.path().join("private").join("state")).unwrap();
        assert_eq!(found.count(), states);
        assert_eq!(run.evaluate(&mut ()).unwrap().original.is_some(), keep);
    }
}

#[test]
fn requests_without_a_release_leave_no_weights_behind() {
    let folder = tempfile::tempdir().unwrap();
    let config = RunConfig {
        keep_iterates: true,
        ..small()
    };
    let mut run = trained(folder.path(), config);
    let states = |run: &Run| {
        let found = std::fs::read_dir(run.root().join("private/state")).unwrap();
        found.count()
    };
    for record in 0..4 {
        run.forget(&newton(&record.to_string()), &mut ()).unwrap();
        // Those before the first request, before the last, and in force.
        assert_eq!(states(&run), (record + 2).min(3));
    }
    run.forget(&released("4"), &mut ()).unwrap(); // number 5, as its request
    for record in 5..9 {
        run.forget(&newton(&record.to_string()), &mut ()).unwrap();
    }
    // The release's, and those before its request, from which it is computed again.
    assert_eq!(states(&run), 5);
    let report = checked(&run, 5);
    assert!(report.holds(), "{report}");
    assert!(run.evaluate(&mut ()).unwrap().original.is_some());
}

#[test]
fn batch_norm_statistics_are_those_of_the_records_that_stay() {
    let folder = tempfile::tempdir().unwrap();
    let model = ModelChoice::Mlp {
        hidden: vec![16],
        activation: Activation::Tanh,
        norm: zoo::Norm::Batch,
    };
    let batch = 2000; // one minibatch, so that the statistics are the plain ones
    let training = TrainingSettings {
        batch,
        epochs: 30,
        ..small().training
    };
    let mut run = trained(
        folder.path(),
        RunConfig {
            model,
            training,
            ..small()
        },
    );
    let noise = NoiseChoice::Sigma {
        sigma: 1e-3,
        delta: 1e-5,
    };
    let asked = newton("class:3").released(ReleaseChoice::new(noise));
    let answer = run.forget(&asked, &mut ()).unwrap();

    let bytes = std::fs::read(answer.release.unwrap().folder.join("weights.safetensors"));
    let out: Weights<f32> = Weights::from_safetensors(network(&run), &bytes.unwrap()).unwrap();
    let data = rescind_data::load(&run.config().unwrap().data, None)
        .unwrap()
        .train;
    let mean_and_variance = |on: &rescind_data::Selection| {
        // The first layer by hand: x W^T + b, then mean and unbiased variance over the records.
        let values: Vec<Vec<f64>> = on
            .positions()
            .iter()
            .map(|&i| {
                let x = data.input(i).unwrap();
                let row = |k: usize| out.parameters[k * 64..][..64].iter().zip(x);
                let dot = |k: usize| row(k).map(|(w, x)| f64::from(w * x)).sum::<f64>();
                (0..16)
                    .map(|k| dot(k) + f64::from(out.parameters[16 * 64 + k]))
                    .collect()
            })
            .collect();
        let n = values.len() as f64;
        let mean: Vec<f64> = (0..16)
            .map(|k| values.iter().map(|v| v[k]).sum::<f64>() / n)
            .collect();
        let spread = |k: usize| values.iter().map(|v| (v[k] - mean[k]).powi(2)).sum::<f64>();
        let variance: Vec<f64> = (0..16).map(|k| spread(k) / (n - 1.0)).collect();
        [mean, variance].concat()
    };
    let furthest = |expected: &[f64]| {
        let pairs = out.statistics.iter().zip(expected);
        pairs
            .map(|(s, e)| (f64::from(*s) - e).abs())
            .fold(0.0, f64::max)
    };
    assert!(furthest(&mean_and_variance(run.retained())) < 1e-4);
    assert!(furthest(&mean_and_variance(&run.split().train)) > 1e-2);
}
