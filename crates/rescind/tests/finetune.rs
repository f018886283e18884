//! Noisy fine-tuning and output perturbation: what is promised, and that the steps are those that
//! the promise is about.

mod common;

use common::{newton, parameters, private_weights, small};
use rescind::certificate::{AssumptionName, BatchNorm, Certificate, FollowedBy, NoiseChoice};
use rescind::forgetting::{ForgetRequest, Forgotten, Method, MethodReport, ReleaseChoice};
use rescind::ledger::{Budget, Ledger};
use rescind::methods::finetune::{FinetuneReport, FinetuneSchedule, FinetuneSettings};
use rescind::release::ReleaseError;
use rescind::run::ModelChoice;
use rescind::training::{Trainer, TrainingProgress, TrainingSettings, TrainingState};
use rescind::verify::{Evidence, VerificationReport, verify};
use rescind::{Error, NetworkModel, NetworkObjective, Objective, Phase, Progress, Run, RunConfig};
use rescind_data::{Selection, epoch_order, load};
use rescind_network::{Activation, Weights, zoo};
use rescind_privacy::noise::NoiseSource;
use rescind_privacy::sensitivity::{GuaranteeKind, Theorem};
use rescind_privacy::{Delta, Gdp, NoiseScale};
use std::ops::ControlFlow;
use std::path::Path;

fn trained(root: &Path, config: RunConfig) -> Run {
    let mut run = Run::create(root, config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    run
}

/// The digits with an MLP of width 32, trained for a blink.
fn mlp() -> RunConfig {
    let training = TrainingSettings {
        batch: 32,
        ..small().training
    };
    RunConfig {
        model: ModelChoice::default(),
        training,
        ..small()
    }
}

const PROMISE: NoiseChoice = NoiseChoice::Promise {
    epsilon: 1.0,
    delta: 1e-5,
    accept_noise: false,
};

fn sigma(sigma: f64) -> NoiseChoice {
    NoiseChoice::Sigma { sigma, delta: 1e-5 }
}

fn asked(
    request: &str,
    settings: FinetuneSettings,
    noise: NoiseChoice,
    seed: Option<u64>,
) -> ForgetRequest {
    let release = Some(ReleaseChoice {
        noise,
        insecure_noise_seed: seed,
        budget: None,
    });
    ForgetRequest {
        request: request.parse().unwrap(),
        method: Method::NoisyFinetune { settings },
        release,
    }
}

fn once(mut request: ForgetRequest) -> ForgetRequest {
    if let Method::NoisyFinetune { settings } = request.method {
        request.method = Method::OutputPerturbation { settings };
    }
    request
}

fn report(method: &MethodReport) -> &FinetuneReport {
    match method {
        MethodReport::NoisyFinetune { report } | MethodReport::OutputPerturbation { report } => {
            report
        }
        other => panic!("{other:?}"),
    }
}

fn certificate(answer: &Forgotten) -> &Certificate {
    &answer.release.as_ref().unwrap().certificate
}

/// The released parameters, as anybody reads them.
fn released(run: &Run, answer: &Forgotten) -> Vec<f32> {
    let folder = &answer.release.as_ref().unwrap().folder;
    let bytes = std::fs::read(folder.join("weights.safetensors")).unwrap();
    parameters(run, &bytes)
}

fn checked(run: &Run, release: u64) -> VerificationReport {
    let path = format!("releases/{release:06}/certificate.json");
    let evidence = Evidence {
        fingerprint: None,
        run: Some(run.root().to_owned()),
        recomputed: Some(run.recompute(release).unwrap()),
    };
    verify(&std::fs::read(run.root().join(path)).unwrap(), &evidence)
}

#[test]
fn a_promise_of_one_is_kept_proved_and_useful() {
    let folder = tempfile::tempdir().unwrap();
    let training = TrainingSettings {
        epochs: 30,
        ..mlp().training
    };
    let mut run = trained(folder.path(), RunConfig { training, ..mlp() });
    let ask = |request| asked(request, FinetuneSettings::default(), PROMISE, None);
    for (number, request) in [
        (1, ask("random:30?seed=1")),
        (2, once(ask("random:20?seed=2"))),
        (3, ask("class:7")),
    ] {
        let answer = run.forget(&request, &mut ()).unwrap();
        let certificate = certificate(&answer);
        let guarantee = &certificate.guarantee;
        assert!((guarantee.epsilon.value() - 1.0).abs() <= 0.0);
        assert_eq!(guarantee.kind, GuaranteeKind::Proved);
        let report = report(&answer.record.method);
        let theorem = match number {
            2 => Theorem::OutputPerturbation,
            _ => Theorem::NoisyFineTuning,
        };
        assert_eq!((guarantee.binding, certificate.bounds.len()), (theorem, 1));
        let times = report.schedule.noisy_steps.max(1);
        assert_eq!((certificate.noise.times, times > 1), (times, number != 2));
        // σ hides the bound of the schedule, by the closed form.
        let target = Gdp::for_promise(guarantee.epsilon, guarantee.delta).unwrap();
        let needed = report.schedule.accounted().noise_scale(target).unwrap();
        let sigma = certificate.noise.sigma.value();
        assert!((sigma / needed.value() - 1.0).abs() < 1e-9);
        assert_eq!(certificate.noise.followed_by, FollowedBy::Recovery);
        let reference = &certificate.assumptions[0];
        assert_eq!(reference.name, AssumptionName::Reference);
        assert!(
            reference.text.ends_with("the same recovery."),
            "{}",
            reference.text
        );
        assert!(certificate.method.settings.get("explanation").is_none());
        // Nothing is left of the start, and yet the model is of use.
        assert!(
            answer.record.effect.test_after.accuracy > 0.75,
            "{:?}",
            answer.record.effect
        );
        let verified = checked(&run, number);
        assert!(verified.holds(), "{verified}");
    }
    let evaluation = run.evaluate(&mut ()).unwrap();
    let (now, out) = (evaluation.current, evaluation.released.unwrap());
    assert!(
        (now.test.loss - out.test.loss).abs() < 1e-12,
        "state and release are the same"
    );
}

/// Without gradients to speak of, what is left is the noise of all steps together.
#[test]
fn every_step_adds_its_noise() {
    for (steps, decay) in [(1, 0.0), (9, 0.0), (9, 0.2)] {
        let folder = tempfile::tempdir().unwrap();
        let mut run = trained(folder.path(), mlp());
        let before = parameters(&run, &private_weights(folder.path()));
        let settings = FinetuneSettings {
            noisy_steps: Some(steps),
            start_radius: Some(2.0),
            step_size: Some(if decay > 0.0 { 1.0 } else { 1e-9 }),
            clip_norm: Some(1e-9),
            weight_decay: Some(decay),
            recovery_epochs: Some(0),
            ..FinetuneSettings::default()
        };
        let asked = asked("random:30", settings, sigma(0.05), Some(7));
        let answer = run.forget(&asked, &mut ()).unwrap();
        let after = released(&run, &answer);
        let length = before
            .iter()
            .map(|w| f64::from(w.powi(2)))
            .sum::<f64>()
            .sqrt();
        let a = 1.0 - decay;
        let (mut variance, mut start) = (0.0, 2.0 / length);
        for _ in 0..steps {
            variance = a * a * variance + 0.05_f64.powi(2);
            start *= a;
        }
        let noise: Vec<f64> = after
            .iter()
            .zip(&before)
            .map(|(a, b)| (f64::from(*a) - start * f64::from(*b)) / variance.sqrt())
            .collect();
        let n = noise.len() as f64;
        let mean = noise.iter().sum::<f64>() / n;
        let square = noise.iter().map(|z| z * z).sum::<f64>() / n;
        let within = |p: f64| noise.iter().filter(|z| z.abs() < p).count() as f64 / n;
        // Four standard deviations of each estimate; one step more or less is beyond them.
        assert!(mean.abs() < 4.0 / n.sqrt(), "{steps}: {mean}");
        assert!(
            (square - 1.0).abs() < 4.0 * (2.0 / n).sqrt(),
            "{steps}: {square}"
        );
        assert!((within(1.0) - 0.6827).abs() < 4.0 * (0.22 / n).sqrt());
        assert!(4.0 * (2.0 / n).sqrt() < 0.099);
        // The grid, and the figures about the noise.
        let noise = &certificate(&answer).noise;
        let off = after
            .iter()
            .find(|w| (f64::from(**w) / noise.grid.spacing()).fract().abs() > 0.0);
        assert_eq!((off, noise.clamped, noise.times), (None, 0, steps));
        assert!(checked(&run, 1).holds(), "{}", checked(&run, 1));
    }
}

/// The algorithm again, in twenty lines of its own.
#[test]
fn steps_are_those_of_the_theorem() {
    let folder = tempfile::tempdir().unwrap();
    let penalty = TrainingSettings {
        penalty: 0.01,
        ..mlp().training
    };
    let mut run = trained(
        folder.path(),
        RunConfig {
            training: penalty,
            ..mlp()
        },
    );
    let mut x: Vec<f64> = parameters(&run, &private_weights(folder.path()))
        .into_iter()
        .map(f64::from)
        .collect();
    let settings = FinetuneSettings {
        noisy_steps: Some(45),
        start_radius: Some(3.0),
        step_size: Some(0.3),
        clip_norm: Some(0.4),
        weight_decay: Some(0.1),
        minibatch: Some(50),
        recovery_epochs: Some(0),
        seed: 11,
    };
    let answer = run
        .forget(
            &asked("random:40", settings, sigma(0.002), Some(5)),
            &mut (),
        )
        .unwrap();
    let after = released(&run, &answer);

    let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let shrink = 3.0 / length(&x);
    assert!(shrink < 1.0);
    x.iter_mut().for_each(|x| *x *= shrink);
    let data = load(&run.config().data).unwrap().train;
    let mut model = NetworkModel::new(run.network());
    model.penalty = 0.01;
    let mut source = NoiseSource::insecure_from_seed(5);
    let retained = run.retained().clone();
    let order = |epoch| epoch_order(&retained, 11, epoch);
    let batches: Vec<Vec<usize>> = [order(0), order(1)]
        .iter()
        .flat_map(|order| order.chunks(50).map(<[usize]>::to_vec).collect::<Vec<_>>())
        .collect();
    assert!(batches.len() > 45 && order(0).len() < 45 * 50);
    let mut clipped = 0;
    for batch in &batches[..45] {
        let batch = Selection::new(data.len(), batch.clone()).unwrap();
        let objective = NetworkObjective::new(&model, &data, &batch).unwrap();
        let mut gradient = vec![0.0; x.len()];
        objective.exact_gradient(&x, &mut gradient).unwrap();
        let scale = (0.4 / length(&gradient)).min(1.0);
        clipped += u64::from(scale < 1.0);
        for (x, g) in x.iter_mut().zip(&gradient) {
            *x -= 0.3 * (scale * g + 0.1 * *x);
        }
        let noise = NoiseScale::new(0.002).unwrap();
        source.add_gaussian_unrounded(noise, &mut x).unwrap();
    }
    let furthest = x
        .iter()
        .zip(&after)
        .map(|(x, a)| (x - f64::from(*a)).abs())
        .fold(0.0, f64::max);
    assert!(furthest < 1e-4, "{furthest}");
    let report = report(&answer.record.method);
    assert!(report.start_projected && report.clipped == clipped && clipped > 0);
    assert!(clipped < 45, "some gradient must be left as it is");
}

/// What follows the noise is a function of the noised weights and the retained records: made again
/// from the former, as released, it comes out bit for bit the same, and costs no ε.
#[test]
fn recovery_knows_the_noised_weights_alone() {
    let mut outcomes = Vec::new();
    for recovery_epochs in [0, 2] {
        let folder = tempfile::tempdir().unwrap();
        let training = TrainingSettings {
            early_stopping: Some(1),
            ..mlp().training
        };
        let mut run = trained(folder.path(), RunConfig { training, ..mlp() });
        let settings = FinetuneSettings {
            recovery_epochs: Some(recovery_epochs),
            start_radius: Some(0.2),
            ..FinetuneSettings::default()
        };
        let asked = asked("random:40", settings, sigma(0.05), Some(9));
        let answer = run.forget(&asked, &mut ()).unwrap();
        let weights = released(&run, &answer);
        let report = report(&answer.record.method).clone();
        let guarantee = certificate(&answer).guarantee.clone();
        assert_eq!(report.recovery.len() as u64, recovery_epochs);
        assert!(
            report
                .recovery
                .iter()
                .all(|epoch| epoch.validation_loss.is_none())
        );
        outcomes.push((folder, run, weights, guarantee, report.schedule));
    }
    let [
        (_, run, noised, without, _),
        (_, _, recovered, with, schedule),
    ] = &outcomes[..]
    else {
        panic!()
    };
    assert_eq!(with, without);
    let settings: TrainingSettings = schedule.recovery(&run.config().training).unwrap();
    let data = load(&run.config().data).unwrap().train;
    let nobody = Selection::none(data.len());
    let trainer = Trainer {
        model: NetworkModel::new(run.network()),
        dataset: &data,
        train: run.retained(),
        validation: &nobody,
        settings: &settings,
        ball: run.ball(),
    };
    let mut start = noised.clone();
    run.ball().project(&mut start);
    let mut state = TrainingState {
        weights: Weights {
            parameters: start,
            statistics: Vec::new(),
        },
        exact: None,
        moments: Vec::new(),
        best: None,
        progress: TrainingProgress::default(),
    };
    trainer.reset(&mut state);
    trainer.run(&mut state, &mut |_| Ok(()), &mut ()).unwrap();
    assert!(state.weights.parameters == *recovered);
    assert!(noised != recovered);
}

/// No four consecutive private weights, whole or projected, lie in any file outside `private/`.
#[test]
fn nothing_without_noise_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let mut run = trained(root, mlp());
    let before = private_weights(root);
    let mut start = parameters(&run, &before);
    let start_radius = 0.25;
    rescind::training::Ball::new(start_radius, None)
        .unwrap()
        .project(&mut start);
    let projected: Vec<u8> = start.iter().flat_map(|w| w.to_le_bytes()).collect();
    let settings = FinetuneSettings {
        start_radius: Some(start_radius),
        recovery_epochs: Some(1),
        ..FinetuneSettings::default()
    };
    for request in ["random:40?seed=1", "random:40?seed=2"] {
        run.forget(&asked(request, settings.clone(), PROMISE, None), &mut ())
            .unwrap();
    }
    let known: std::collections::HashSet<&[u8]> = before[before.len() - 8000..]
        .windows(16)
        .chain(projected.windows(16))
        .collect();
    let mut open = vec![root.to_owned()];
    let mut seen = 0;
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path == root.join("private") {
                continue;
            }
            if path.is_dir() {
                open.push(path);
                continue;
            }
            seen += 1;
            let bytes = std::fs::read(&path).unwrap();
            // Weights that are zero say nothing.
            let mut windows = bytes.windows(16);
            let found = windows.find(|w| known.contains(w) && w.iter().any(|&b| b != 0));
            assert!(found.is_none(), "{}", path.display());
        }
    }
    assert!(seen > 10);
}

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
    let history = Ledger::open_existing(run.root())
        .unwrap()
        .history()
        .unwrap();
    let mus: Vec<Gdp> = history.releases().map(|release| release.mu).collect();
    let standings = history.standings().unwrap();
    let delta = Delta::new(1e-5).unwrap();
    for (standing, since) in standings
        .iter()
        .zip([&mus[..], &mus[1..], &mus[1..], &mus[2..]])
    {
        assert_eq!(standing.mu, Gdp::compose(since.iter().copied()).unwrap());
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
    assert!(run.evaluate(&mut ()).unwrap().current.test.accuracy > 0.6);
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
        assert!(matches!(error, Error::Setting { .. }), "{error}");
        assert!(error.to_string().contains(named), "{error}");
    };
    for radius in [0.0, -1.0, f64::NAN, f64::INFINITY, 20.5] {
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
        Err(Error::Privacy(_) | Error::Setting { .. })
    ));

    // Without a release there is no noise, and without noise no such method.
    for method in [with(default()), once(with(default()))] {
        let silent = ForgetRequest {
            release: None,
            ..method
        };
        assert!(matches!(
            run.forget(&silent, &mut ()),
            Err(Error::NoNoise { .. })
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
    assert!(private_weights(root) == before && run.retained().len() == 1296);
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
            Err(Error::Interrupted { phase }) => {
                phases.insert(phase);
                assert!(private_weights(root) == before && run.retained().len() == 1296);
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
    assert_eq!(run.retained().len(), 1276);
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
        let data = load(&run.config().data).unwrap().train;
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
    use rescind::methods::finetune::Surroundings;
    use rescind_network::Network;
    use rescind_privacy::Epsilon;
    let config = mlp();
    let data = load(&config.data).unwrap().train;
    let network = Network::new(config.model.describe(&data).unwrap()).unwrap();
    let ball = rescind::training::Ball::new(20.0, None).unwrap();
    let promise = |epsilon| NoiseChoice::Promise {
        epsilon,
        delta: 1e-5,
        accept_noise: false,
    };
    let choose = |noise: &NoiseChoice, settings: &FinetuneSettings, steps: bool| {
        let around = Surroundings {
            network: &network,
            ball: &ball,
            training: &config.training,
            noise,
        };
        let choose = match steps {
            true => FinetuneSchedule::choose,
            false => FinetuneSchedule::without_steps,
        };
        choose(settings, around).unwrap()
    };
    let fresh: Vec<f32> = network.initialise(config.training.seed);
    let length = fresh
        .iter()
        .map(|w| f64::from(w.powi(2)))
        .sum::<f64>()
        .sqrt();
    let length = 2.5 * length;
    let d = network.parameter_count() as f64;
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
