//! Runs on disk: training resumed bitwise, one process at a time, what is refused and why.

mod common;

use common::{network, newton, parameters, private_weights, small};
use rescind::training::{Optimiser, Schedule, TrainingEnding, TrainingSettings};
use rescind::{Error, ModelChoice, ModelError, Phase, Progress, Run, RunConfig, Scaling};
use rescind_data::{DataSource, load};
use rescind_network::{Activation, zoo};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

fn settings() -> TrainingSettings {
    TrainingSettings {
        epochs: 4,
        batch: 96,
        validation: 0.1,
        schedule: Schedule::Cosine {
            warmup: 1,
            last: 0.1,
        },
        penalty: 1e-3,
        ..TrainingSettings::default()
    }
}

/// Trains in sittings of so many minibatches, the run opened afresh for each.
fn in_sittings(root: &Path, config: &RunConfig, minibatches: u64) -> u64 {
    for sitting in 1.. {
        let mut run = Run::create_or_open(root, config.clone(), None, &mut ()).unwrap();
        let mut left = minibatches;
        let mut stop = |progress: &Progress| {
            if progress.phase == Phase::Train && progress.epoch.is_none() {
                left -= 1;
            }
            if left == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        match run.train(&mut stop) {
            Ok(progress) => {
                assert_eq!(progress.epoch, 4);
                return sitting;
            }
            Err(Error::Unlearn(ModelError::Interrupted {
                phase: Phase::Train,
            })) => assert!(!run.is_trained()),
            Err(other) => panic!("{other}"),
        }
    }
    unreachable!()
}

#[test]
fn training_in_sittings_gives_bitwise_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    let sgd = Optimiser::Sgd {
        learning_rate: 0.05,
        momentum: 0.9,
    };
    let batch_norm = ModelChoice::Mlp {
        hidden: vec![12],
        activation: Activation::Tanh,
        norm: zoo::Norm::Batch,
    };
    let stopping = TrainingSettings {
        early_stopping: Some(3),
        ..settings()
    };
    let cases = [
        ("adam", ModelChoice::Logistic, settings()),
        (
            "sgd",
            ModelChoice::default(),
            TrainingSettings {
                optimiser: sgd,
                ..settings()
            },
        ),
        ("batch norm", batch_norm, settings()),
        ("early stopping", ModelChoice::Logistic, stopping),
    ];
    for (name, model, training) in cases {
        let config = RunConfig {
            model,
            training,
            ..small()
        };
        let whole = folder.path().join(format!("{name} whole"));
        let sat = in_sittings(&whole, &config, u64::MAX);
        let expected = private_weights(&whole);
        for minibatches in [1, 5, 14, 17] {
            let root = folder.path().join(format!("{name} {minibatches}"));
            let sittings = in_sittings(&root, &config, minibatches);
            assert!(sat == 1 && sittings > 2, "{sittings} sittings");
            assert!(
                private_weights(&root) == expected,
                "{name}, {minibatches} at a time"
            );
        }
        let states = fs::read_dir(whole.join("private").join("state")).unwrap();
        assert_eq!(states.count(), 1, "checkpoints are replaced");
    }
}

#[test]
fn every_step_ends_in_the_ball() {
    let folder = tempfile::tempdir().unwrap();
    let centre = rescind_network::Weights {
        parameters: vec![0.25_f32; 650],
        statistics: Vec::new(),
    };
    let optimiser = Optimiser::adam(0.1);
    let training = TrainingSettings {
        optimiser,
        ..small().training
    };
    let config = RunConfig {
        radius: Some(0.8),
        training,
        ..small()
    };
    let mut run = Run::create(&folder.path().join("zero"), config.clone(), None, &mut ()).unwrap();
    // Fresh weights of 650 parameters lie further out than that.
    assert!(matches!(
        run.train(&mut ()),
        Err(Error::Unlearn(ModelError::StartOutsideBall { .. }))
    ));
    let bytes = centre.to_safetensors(network(&run)).unwrap();
    let root = folder.path().join("centred");
    let config = RunConfig {
        declared_by: Some("A. Smith".to_owned()),
        ..config
    };
    let mut run = Run::create(&root, config, Some(&bytes), &mut ()).unwrap();
    let history = run.train(&mut ()).unwrap().history.clone();
    assert!(
        history
            .iter()
            .all(|epoch| epoch.projected && epoch.norm <= 0.8),
        "{history:?}"
    );
    assert!(history.iter().all(|epoch| epoch.norm > 0.79), "{history:?}");
    run.forget(&newton("random:30"), &mut ()).unwrap();
    let w = parameters(&run, &private_weights(&root));
    assert!(run.ball().distance(&w) <= 0.8);
    drop(run);
    // The centre is part of the run.
    let run = Run::open(&root).unwrap();
    assert_eq!(run.ball().centre().map(|c| c[7]), Some(0.25));
}

#[test]
fn training_stops_at_the_gradient_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let training = TrainingSettings {
        epochs: 400,
        batch: 1440,
        penalty: 0.1,
        until_gradient: Some(1e-2),
        optimiser: Optimiser::Sgd {
            learning_rate: 0.5,
            momentum: 0.5,
        },
        ..TrainingSettings::default()
    };
    let config = RunConfig {
        training: training.clone(),
        ..small()
    };
    let mut run = Run::create(&folder.path().join("a"), config, None, &mut ()).unwrap();
    let progress = run.train(&mut ()).unwrap();
    let Some(TrainingEnding::GradientReached { gradient_norm }) = progress.ending else {
        panic!("{:?}", progress.ending)
    };
    assert!(gradient_norm <= 1e-2 && progress.epoch < 400 && progress.epoch > 3);
    let before = &progress.history[progress.history.len() - 2];
    assert!(before.gradient_norm.unwrap() > 1e-2);

    let config = RunConfig {
        training: TrainingSettings {
            epochs: 2,
            ..training
        },
        ..small()
    };
    let mut run = Run::create(&folder.path().join("b"), config, None, &mut ()).unwrap();
    let ending = run.train(&mut ()).unwrap().ending;
    assert!(
        matches!(ending, Some(TrainingEnding::GradientNotReached { .. })),
        "{ending:?}"
    );
}

#[test]
fn early_stopping_goes_back_to_the_best_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let training = TrainingSettings {
        epochs: 60,
        early_stopping: Some(2),
        validation: 0.2,
        optimiser: Optimiser::adam(0.3),
        ..settings()
    };
    let config = RunConfig {
        model: ModelChoice::default(),
        training,
        ..small()
    };
    let mut run = Run::create(folder.path(), config, None, &mut ()).unwrap();
    let progress = run.train(&mut ()).unwrap().clone();
    let Some(TrainingEnding::EarlyStopped { best_epoch }) = progress.ending else {
        panic!("{:?}", progress.ending)
    };
    let losses: Vec<f64> = progress
        .history
        .iter()
        .map(|epoch| epoch.validation_loss.unwrap())
        .collect();
    let best = losses[best_epoch as usize - 1];
    assert!(losses.iter().all(|&loss| loss >= best));
    assert_eq!(progress.epoch, best_epoch + 2);
    let now = run.evaluate(&mut ()).unwrap().current.validation;
    assert!((now.loss - best).abs() < 1e-12, "{} {best}", now.loss);
}

#[test]
fn two_at_once_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::create(folder.path(), small(), None, &mut ()).unwrap();
    let me = std::process::id().to_string();
    match Run::open(folder.path()) {
        Err(Error::Busy { holder, .. }) => assert_eq!(holder, me),
        other => panic!("{:?}", other.err()),
    }
    assert_eq!(Run::inspect(folder.path()).unwrap().busy, Some(me));
    drop(run);
    assert_eq!(Run::inspect(folder.path()).unwrap().busy, None);
    Run::open(folder.path()).unwrap();
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_what_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::create(folder.path(), small(), None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    run.forget(&newton("random:20"), &mut ()).unwrap();
    run.retrain(&mut ()).unwrap();
    let mut files = 0;
    let mut folders = vec![folder.path().join("private")];
    while let Some(inner) = folders.pop() {
        let mode = fs::metadata(&inner).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{}", inner.display());
        for entry in fs::read_dir(&inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
                assert_eq!(mode, 0o600, "{}", path.display());
                files += 1;
            }
        }
    }
    assert!(files >= 6, "only {files} files");
    // And nothing else of the run holds weights.
    let names = fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name());
    let mut names: Vec<String> = names.map(|n| n.into_string().unwrap()).collect();
    names.sort();
    assert_eq!(
        names,
        ["ledger.sqlite", "model.json", "private", "run.json"]
    );
}

#[test]
fn damage_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::create(folder.path(), small(), None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    drop(run);
    let state = folder.path().join("private").join("state");
    let newest = fs::read_dir(&state)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let weights = newest.join("weights.safetensors");
    let good = fs::read(&weights).unwrap();
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    fs::write(&weights, bad).unwrap();
    match Run::open(folder.path()) {
        Err(Error::Damaged { path, .. }) => assert_eq!(path, weights),
        other => panic!("{:?}", other.err()),
    }
    fs::write(&weights, good).unwrap();
    Run::open(folder.path()).unwrap();

    let json = folder.path().join("run.json");
    let text = fs::read_to_string(&json).unwrap();
    fs::write(&json, text.replacen("\"format\": 2", "\"format\": 3", 1)).unwrap();
    let found = Run::open(folder.path()).err();
    assert!(
        matches!(
            found,
            Some(Error::Format {
                found: 3,
                expected: 2,
                ..
            })
        ),
        "{found:?}"
    );
    fs::write(&json, &text[..text.len() / 2]).unwrap();
    let found = Run::open(folder.path()).err();
    assert!(matches!(found, Some(Error::Damaged { .. })), "{found:?}");
}

#[test]
fn folders_and_configurations_that_do_not_suit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let create = |path: &str, config: RunConfig| {
        Run::create(&folder.path().join(path), config, None, &mut ()).err()
    };
    assert!(create("a", small()).is_none());
    assert!(matches!(
        create("a", small()),
        Some(Error::RunExists { .. })
    ));
    fs::create_dir(folder.path().join("b")).unwrap();
    fs::write(folder.path().join("b").join("letter.txt"), "dear").unwrap();
    assert!(matches!(create("b", small()), Some(Error::NotEmpty { .. })));
    assert!(matches!(
        Run::open(&folder.path().join("b")).err(),
        Some(Error::NoRun { .. })
    ));
    let other = RunConfig {
        radius: Some(21.0),
        ..small()
    };
    let found = Run::create_or_open(&folder.path().join("a"), other, None, &mut ()).err();
    assert!(
        matches!(found, Some(Error::OtherConfig { .. })),
        "{found:?}"
    );

    let wrong = [
        RunConfig {
            radius: Some(0.0),
            ..small()
        },
        RunConfig {
            training: TrainingSettings {
                batch: 0,
                ..settings()
            },
            ..small()
        },
        RunConfig {
            training: TrainingSettings {
                epochs: 0,
                ..settings()
            },
            ..small()
        },
        RunConfig {
            training: TrainingSettings {
                penalty: -1.0,
                ..settings()
            },
            ..small()
        },
        RunConfig {
            training: TrainingSettings {
                validation: 1.0,
                ..settings()
            },
            ..small()
        },
        RunConfig {
            training: TrainingSettings {
                validation: 0.0,
                early_stopping: Some(2),
                ..settings()
            },
            ..small()
        },
        RunConfig {
            training: TrainingSettings {
                optimiser: Optimiser::adam(f64::NAN),
                ..settings()
            },
            ..small()
        },
    ];
    for (index, config) in wrong.into_iter().enumerate() {
        let found = create(&format!("wrong {index}"), config);
        assert!(
            matches!(found, Some(Error::Unlearn(ModelError::Setting { .. }))),
            "{index}: {found:?}"
        );
    }
    let network = zoo::mlp(&[9], &[4], 10, Activation::Relu, zoo::Norm::None).unwrap();
    let config = RunConfig {
        model: ModelChoice::Description { network },
        ..small()
    };
    assert!(matches!(
        create("misfit", config),
        Some(Error::Unlearn(ModelError::ModelDoesNotFit { .. }))
    ));
}

#[test]
fn an_imported_model_is_forgotten_from() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    let mut run = Run::create(&from, small(), None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    let weights = private_weights(&from);
    let mut imported = Run::import(&to, small(), None, &weights, &mut ()).unwrap();
    assert!(private_weights(&to) == weights);
    assert_eq!(
        imported.train(&mut ()).unwrap().ending,
        Some(TrainingEnding::Imported)
    );
    let (a, b) = (newton("random:25?seed=1"), newton("random:25?seed=1"));
    run.forget(&a, &mut ()).unwrap();
    imported.forget(&b, &mut ()).unwrap();
    assert!(private_weights(&to) == private_weights(&from));

    let tight = RunConfig {
        radius: Some(0.1),
        ..small()
    };
    let outside = Run::import(&folder.path().join("tight"), tight, None, &weights, &mut ());
    assert!(matches!(
        outside.err(),
        Some(Error::Unlearn(ModelError::StartOutsideBall { .. }))
    ));
}

#[test]
fn computed_scaling_is_of_the_records_that_stay() {
    let folder = tempfile::tempdir().unwrap();
    let config = RunConfig {
        scaling: Scaling::Computed,
        ..small()
    };
    let mut run = Run::create(folder.path(), config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    let before = run.scaling().unwrap().clone();
    run.forget(&newton("class:7"), &mut ()).unwrap();
    let after = run.scaling().unwrap().clone();
    let raw = load(&DataSource::Digits, None).unwrap().train;
    let expected = rescind_data::Standardisation::computed_on(&raw, run.retained()).unwrap();
    assert_eq!(after, expected);
    assert_ne!(after.mean(), before.mean());
    drop(run);
    assert_eq!(Run::open(folder.path()).unwrap().scaling(), Some(&expected));
}
