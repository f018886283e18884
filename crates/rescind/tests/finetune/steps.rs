//! What is promised, and that the steps are those that the promise is about.

use crate::asking::{PROMISE, asked, certificate, mlp, once, released, report, sigma, trained};
use crate::common::{checked, network, parameters, private_weights};
use rescind::certificate::{AssumptionName, FollowedBy};
use rescind::methods::noisy::FinetuneSettings;
use rescind::training::{Trainer, TrainingProgress, TrainingSettings, TrainingState};
use rescind::{NetworkModel, NetworkObjective, Objective, RunConfig};
use rescind_data::{Selection, epoch_order, load};
use rescind_network::Weights;
use rescind_privacy::noise::NoiseSource;
use rescind_privacy::sensitivity::{GuaranteeKind, Theorem};
use rescind_privacy::{Gdp, NoiseScale};

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
        let text = reference.text(certificate);
        assert!(text.ends_with("the same recovery."), "{text}");
        assert!(certificate.method.settings.get("explanation").is_none());
        // Nothing is left of the start, and yet the model is of use.
        assert!(
            answer.record.effect.unwrap().test_after.share_right() > 0.75,
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
        assert_eq!((off, noise.times), (None, steps));
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
    let data = load(&run.config().unwrap().data, None).unwrap().train;
    let mut model = NetworkModel::new(network(&run));
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
        let report = report(&answer.record.method);
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
    let settings: TrainingSettings = schedule.recovery(&run.settings().training).unwrap();
    let data = load(&run.config().unwrap().data, None).unwrap().train;
    let nobody = Selection::none(data.len());
    let trainer = Trainer {
        model: run.model(),
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
    rescind::Ball::new(start_radius, None)
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
