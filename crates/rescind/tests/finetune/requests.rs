//! Requests one after another, during training, refused and stopped; statistics and schedules.

use crate::asking::{PROMISE, asked, certificate, mlp, once, released, sigma, trained};
use crate::common::{checked, network, newton, parameters, private_weights, small};
use rescind::certificate::BatchNorm;
use rescind::ledger::{Budget, Ledger};
use rescind::methods::MethodChoice;
use rescind::methods::noisy::{FinetuneSchedule, FinetuneSettings};
use rescind::release::ReleaseError;
use rescind::training::TrainingSettings;
use rescind::{Error, ModelChoice, ModelError, Phase, Progress, Request, Run, RunConfig};
use rescind_data::load;
use rescind_network::{Activation, zoo};
use rescind_privacy::sensitivity::GuaranteeKind;
use rescind_privacy::{Delta, Gdp, NoiseChoice};
use std::ops::ControlFlow;

#[test]
fn requests_one_after_another_compose() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(folder.path(), mlp());
    let settings = FinetuneSettings {
        recovery_epochs: Some(1),
        ..FinetuneSettings::default()
    };
    let ask = |request: &str| asked(request, settings.clone(), PROMISE, None);
    run.forget(&ask("random:20?seed=1"), &mut ()).unwrap();
    // A request that stays private, covered by the release after it.
    run.forget(&newton("random:20?seed=2"), &mut ()).unwrap();
    let loud = FinetuneSettings {
        recovery_epochs: Some(0),
        ..settings.clone()
    };
    // Far more noise than the ball is wide: what goes on from it is brought back.
    let third = asked("random:20?seed=3", loud, sigma(5.0), None);
    let answer = run.forget(&third, &mut ()).unwrap();
    assert_eq!(certificate(&answer).requests.len(), 2);
    let out = released(&run, &answer);
    assert!(run.ball().distance(&out) > 20.0);
    let kept = parameters(&run, &private_weights(folder.path()));
    assert!(run.ball().distance(&kept) <= 20.0);
    assert!(checked(&run, 3).holds(), "{}", checked(&run, 3));
    run.forget(&once(ask("random:20?seed=4")), &mut ()).unwrap();
    for release in [1, 3, 4] {
        assert!(checked(&run, release).holds(), "{}", checked(&run, release));
    }
    let ledger = Ledger::open_existing(run.root()).unwrap();
    let history = ledger.history();
    let mus: Vec<Gdp> = history
        .releases()
        .map(|release| release.spent.gdp().unwrap())
        .collect();
    let standings = history.standings().unwrap();
    let delta = Delta::new(1e-5).unwrap();
    for (standing, since) in standings
        .iter()
        .zip([&mus[..], &mus[1..], &mus[1..], &mus[2..]])
    {
        let mu = Gdp::compose(since.iter().copied()).unwrap().mu();
        let found = standing.gdp().mu();
        assert!((found / mu - 1.0).abs() < 1e-12, "{found} {mu}");
        assert_eq!(standing.kind, Some(GuaranteeKind::Proved));
    }
    assert!(standings[0].epsilon(delta).unwrap().value() > 1.0);
    assert!((standings[3].epsilon(delta).unwrap().value() - 1.0).abs() < 1e-9);
}

#[test]
fn during_training_the_rest_goes_on_from_the_noised_weights() {
    let folder = tempfile::tempdir().unwrap();
    let training = TrainingSettings {
        epochs: 8,
        ..mlp().training
    };
    let config = RunConfig { training, ..mlp() };
    let mut run = Run::create(folder.path(), config, None, &mut ()).unwrap();
    let mut steps = 0;
    let mut stop = |progress: &Progress| {
        steps += u64::from(progress.phase == Phase::Train && progress.epoch.is_none());
        match steps {
            50 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    };
    run.train(&mut stop).unwrap_err();
    let settings = FinetuneSettings {
        recovery_epochs: Some(0),
        start_radius: Some(0.1),
        ..FinetuneSettings::default()
    };
    let asked = asked("random:20", settings, sigma(0.05), Some(1));
    let answer = run.forget(&asked, &mut ()).unwrap();
    assert!(!answer.record.training_finished && !run.is_trained());
    assert!(released(&run, &answer) == parameters(&run, &private_weights(folder.path())));
    assert!(checked(&run, 1).holds(), "{}", checked(&run, 1));
    run.train(&mut ()).unwrap();
    assert!(run.evaluate(&mut ()).unwrap().current.test.share_right() > 0.6);
}

#[test]
fn what_cannot_be_promised_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let mut run = trained(root, mlp());
    let before = private_weights(root);
    let default = FinetuneSettings::default;
    let with = |settings| asked("random:20", settings, PROMISE, None);
    let setting = |settings: FinetuneSettings, named: &str, run: &mut Run| {
        let error = run.forget(&with(settings), &mut ()).unwrap_err();
        assert!(
            matches!(error, Error::Unlearn(ModelError::Setting { .. })),
            "{error}"
        );
        assert!(error.to_string().contains(named), "{error}");
    };
    for radius in [f64::NAN, f64::INFINITY] {
        let settings = FinetuneSettings {
            start_radius: Some(radius),
            ..default()
        };
        let refused = MethodChoice::with("noisy-finetune", &settings);
        assert!(
            matches!(&refused, Err(ModelError::MethodSettings { reason, .. })
                if reason.contains("not finite")),
            "{refused:?}"
        );
    }
    for radius in [0.0, -1.0, 20.5] {
        let start_radius = Some(radius);
        setting(
            FinetuneSettings {
                start_radius,
                ..default()
            },
            "start radius",
            &mut run,
        );
    }
    let noisy_steps = Some(0);
    setting(
        FinetuneSettings {
            noisy_steps,
            ..default()
        },
        "noisy steps",
        &mut run,
    );
    let clip_norm = Some(0.0);
    setting(
        FinetuneSettings {
            clip_norm,
            ..default()
        },
        "clipping norm",
        &mut run,
    );
    let weight_decay = Some(-0.1);
    setting(
        FinetuneSettings {
            weight_decay,
            ..default()
        },
        "weight decay",
        &mut run,
    );
    let overshooting = FinetuneSettings {
        step_size: Some(0.5),
        weight_decay: Some(2.0),
        ..default()
    };
    setting(overshooting, "gamma lambda", &mut run);
    let minibatch = Some(0);
    setting(
        FinetuneSettings {
            minibatch,
            ..default()
        },
        "minibatch",
        &mut run,
    );
    assert!(matches!(
        run.forget(
            &with(FinetuneSettings {
                noisy_steps: Some(u64::MAX),
                ..default()
            }),
            &mut ()
        ),
        Err(Error::Unlearn(
            ModelError::Privacy(_) | ModelError::Setting { .. }
        ))
    ));

    // Without a release there is no noise, and without noise no such method.
    for method in [with(default()), once(with(default()))] {
        let silent = Request {
            release: None,
            ..method
        };
        assert!(matches!(
            run.forget(&silent, &mut ()),
            Err(Error::Unlearn(ModelError::NoNoise { .. }))
        ));
    }
    // Noise that outweighs the weights is what would be released, unless recovery follows.
    let bare = FinetuneSettings {
        recovery_epochs: Some(0),
        start_radius: Some(5.0),
        ..default()
    };
    for request in [with(bare.clone()), once(with(bare))] {
        let error = run.forget(&request, &mut ()).unwrap_err();
        let Error::Release(ReleaseError::Refused(refusal)) = &error else {
            panic!("{error}")
        };
        assert!(
            refusal.weights_norm <= 5.0 && refusal.noise_norm > 5.0,
            "{refusal}"
        );
        assert!(refusal.to_string().contains("recovery"), "{refusal}");
    }
    // Past promises bind this mechanism too.
    let mut strict = with(default());
    strict.release.as_mut().unwrap().budget = Some(Budget {
        epsilon: 0.5,
        delta: 1e-5,
    });
    assert!(matches!(
        run.forget(&strict, &mut ()),
        Err(Error::Release(ReleaseError::Budget(_)))
    ));
    assert!(private_weights(root) == before && run.retained().len() == 1299);
    assert!(!root.join("releases").exists());
    run.forget(&with(default()), &mut ()).unwrap();
}

#[test]
fn stopping_anywhere_leaves_the_run_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let mut run = trained(root, small());
    let before = private_weights(root);
    let settings = FinetuneSettings {
        noisy_steps: Some(3),
        recovery_epochs: Some(1),
        ..FinetuneSettings::default()
    };
    let mut phases = std::collections::HashSet::new();
    for at in 1.. {
        let mut calls = 0;
        let mut stop = |_: &Progress| {
            calls += 1;
            match calls >= at {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let request = asked("random:20", settings.clone(), PROMISE, None);
        match run.forget(&request, &mut stop) {
            Err(Error::Unlearn(ModelError::Interrupted { phase })) => {
                phases.insert(phase);
                assert!(private_weights(root) == before && run.retained().len() == 1299);
                assert!(!root.join("releases").exists());
            }
            Ok(_) => break,
            Err(other) => panic!("{other}"),
        }
    }
    for phase in [
        Phase::Evaluate,
        Phase::NoisySteps,
        Phase::Train,
        Phase::Release,
    ] {
        assert!(phases.contains(&phase), "{phases:?}");
    }
    assert_eq!(run.retained().len(), 1279);
}

#[test]
fn batch_norm_statistics_begin_afresh_and_follow_the_noise() {
    let folder = tempfile::tempdir().unwrap();
    let model = ModelChoice::Mlp {
        hidden: vec![16],
        activation: Activation::Tanh,
        norm: zoo::Norm::Batch,
    };
    let training = TrainingSettings {
        batch: 2000, // one minibatch, so that the statistics are the plain ones
        epochs: 20,
        ..mlp().training
    };
    let mut run = trained(
        folder.path(),
        RunConfig {
            model,
            training,
            ..mlp()
        },
    );
    for recovery_epochs in [0, 3] {
        let settings = FinetuneSettings {
            recovery_epochs: Some(recovery_epochs),
            start_radius: Some(0.5),
            ..FinetuneSettings::default()
        };
        let request = asked("random:20", settings, sigma(0.1), Some(3));
        let answer = run.forget(&request, &mut ()).unwrap();
        assert_eq!(
            certificate(&answer).model.batch_norm,
            BatchNorm::RecomputedAfterNoise
        );
        let out = &answer.release.as_ref().unwrap().weights;
        // The first layer by hand: the mean over the retained records.
        let data = load(&run.config().unwrap().data, None).unwrap().train;
        let kept = run.retained().positions();
        for unit in 0..16 {
            let row = &out.parameters()[unit * 64..][..64];
            let bias = f64::from(out.parameters()[16 * 64 + unit]);
            let dot = |i: &usize| {
                let pairs = row.iter().zip(data.input(*i).unwrap());
                pairs.map(|(w, x)| f64::from(w * x)).sum::<f64>()
            };
            let mean = kept.iter().map(dot).sum::<f64>() / kept.len() as f64 + bias;
            let stated = f64::from(out.statistics()[unit]);
            assert!((mean - stated).abs() < 1e-3, "{unit}: {mean} {stated}");
        }
        let number = answer.record.number;
        assert!(checked(&run, number).holds(), "{}", checked(&run, number));
    }
}

/// The choice of a schedule sees public things only, and says what it chose.
#[test]
fn a_schedule_is_chosen_from_the_promise() {
    use rescind::methods::noisy::Surroundings;
    use rescind_privacy::Epsilon;
    let config = mlp();
    let folder = tempfile::tempdir().unwrap();
    let run = Run::create(folder.path(), config.clone(), None, &mut ()).unwrap();
    let promise = |epsilon| NoiseChoice::Promise {
        epsilon,
        delta: 1e-5,
    };
    let choose = |noise: &NoiseChoice, settings: &FinetuneSettings, steps: bool| {
        let around = Surroundings {
            model: run.model(),
            ball: run.ball(),
            training: &config.training,
            noise,
        };
        let choose = match steps {
            true => FinetuneSchedule::choose,
            false => FinetuneSchedule::without_steps,
        };
        choose(settings, around).unwrap()
    };
    let fresh: Vec<f32> = network(&run).initialise(config.training.seed);
    let length = fresh
        .iter()
        .map(|w| f64::from(w.powi(2)))
        .sum::<f64>()
        .sqrt();
    let length = 2.5 * length;
    let d = fresh.len() as f64;
    for epsilon in [0.1, 1.0, 10.0, 1e7] {
        let target = Gdp::for_promise(Epsilon::new(epsilon).unwrap(), Delta::new(1e-5).unwrap());
        for steps in [true, false] {
            let schedule = choose(&promise(epsilon), &FinetuneSettings::default(), steps);
            let accounted = schedule.accounted();
            let sigma = accounted
                .noise_scale(target.clone().unwrap())
                .unwrap()
                .value();
            let times = schedule.noisy_steps.max(1) as f64;
            let noise = sigma * (times * d).sqrt();
            if epsilon < 1e6 {
                assert!((noise / length - 1.0).abs() < 1e-6, "{noise} {length}");
            } else {
                assert!((schedule.start_radius - 20.0).abs() < 1e-12 && noise < length);
            }
            // No other step size gives these steps more room for the same noise.
            if steps {
                let reach = accounted.step_size * accounted.clip_norm * times;
                assert!((reach / schedule.start_radius - 1.0).abs() < 1e-12);
            }
            for part in ["start radius", "1 epoch", "no epsilon"] {
                let said = schedule.explanation.replace("1 epochs", "1 epoch");
                assert!(said.contains(part), "{said}");
            }
        }
    }
    let given = FinetuneSettings {
        weight_decay: Some(1e3),
        recovery_epochs: Some(0),
        ..FinetuneSettings::default()
    };
    let schedule = choose(&sigma(0.1), &given, true);
    assert!((schedule.start_radius - 20.0).abs() < 1e-12);
    assert!(schedule.step_size * schedule.weight_decay <= 0.5);
    assert!(schedule.explanation.contains("no recovery"));
}
