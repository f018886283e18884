//! Releases that come later than the requests they cover.

mod common;

use common::{
    checked, evidence, network, newton, newton_with, numbers, parameters, private_weights, promise,
    released, small, standing, trained, weak,
};
use rescind::ledger::Budget;
use rescind::methods::MethodChoice;
use rescind::methods::newton::{Constants, Damping, HessianLipschitz, NewtonSettings};
use rescind::methods::noisy::FinetuneSettings;
use rescind::release::ReleaseError;
use rescind::training::TrainingSettings;
use rescind::{Error, ModelChoice, Phase, Progress, ReleaseChoice, Request, Run, RunConfig};
use rescind_network::{Activation, Weights, zoo};
use rescind_privacy::NoiseChoice;
use rescind_privacy::sensitivity::{Symbol, Theorem};
use std::ops::ControlFlow;

#[test]
fn a_later_release_covers_every_pending_request() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let mut run = trained(root, small());
    assert!(matches!(
        run.release(&weak(), &mut ()),
        Err(Error::Release(ReleaseError::NothingPending))
    ));
    for (seed, pending) in [(1, vec![1]), (2, vec![1, 2]), (3, vec![1, 2, 3])] {
        let asked = newton(&format!("random:10?seed={seed}"));
        assert!(run.forget(&asked, &mut ()).unwrap().release.is_none());
        assert_eq!(Run::inspect(root).unwrap().pending, pending);
    }
    assert!(!root.join("releases").exists());
    drop(run);
    let mut run = Run::open(root).unwrap();
    let (before, retained) = (private_weights(root), run.retained().clone());
    let late = run.release(&weak(), &mut ()).unwrap();
    assert_eq!(late.certificate.release, 3);
    assert_eq!(numbers(&late.certificate), [1, 2, 3]);
    let earlier = late.certificate.earlier;
    assert_eq!((earlier.requests, earlier.releases), (0, 0));
    assert_eq!(Run::inspect(root).unwrap().pending, [0; 0]);
    assert!(checked(&run, 3).holds(), "{}", checked(&run, 3));
    // Nothing else moved: the weights are those that were there, and no request was made.
    assert!(private_weights(root) == before && *run.retained() == retained);
    assert_eq!(run.ledger().history().request_count(), 3);
    let noised: Vec<f64> = parameters(&run, &before)
        .iter()
        .zip(late.weights.parameters())
        .map(|(w, n)| f64::from(n - w))
        .collect();
    let spread = (noised.iter().map(|n| n * n).sum::<f64>() / noised.len() as f64).sqrt();
    assert!((spread / 1e-3 - 1.0).abs() < 0.2, "{spread}");

    let stands = standing(&run);
    assert!(matches!(
        run.release(&weak(), &mut ()),
        Err(Error::Release(ReleaseError::NothingPending))
    ));
    assert_eq!(standing(&run), stands);
    // The next covers what came since, in one go with its own request or later.
    run.forget(&newton("random:10?seed=4"), &mut ()).unwrap();
    let asked = released("random:10?seed=5");
    let answer = run.forget(&asked, &mut ()).unwrap();
    assert_eq!(numbers(&answer.release.unwrap().certificate), [4, 5]);
    run.forget(&newton("random:10?seed=6"), &mut ()).unwrap();
    let last = run.release(&weak(), &mut ()).unwrap().certificate;
    assert_eq!(numbers(&last), [6]);
    assert_eq!((last.earlier.requests, last.earlier.releases), (5, 2));
    for release in [3, 5, 6] {
        assert!(checked(&run, release).holds(), "{}", checked(&run, release));
    }
    let standings = run.ledger().history().standings().unwrap();
    let counts: Vec<u64> = standings.iter().map(|s| s.releases).collect();
    assert_eq!(counts, [3, 3, 3, 2, 2, 1]);
}

/// A release that comes later is the one that would have come at once, to the bit.
#[test]
fn a_later_release_rests_on_the_bounds_of_the_request() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (folder.path().join("later"), folder.path().join("at once"));
    let mut later = trained(&here, small());
    let mut at_once = later.fork(&there).unwrap();
    for run in [&mut later, &mut at_once] {
        run.forget(&newton("random:20?seed=1"), &mut ()).unwrap();
    }
    let asked = with_theorem("random:30?seed=2");
    later.forget(&asked, &mut ()).unwrap();
    drop(later);
    let mut later = Run::open(&here).unwrap();
    let one = later.release(&weak(), &mut ()).unwrap();
    let other = at_once.forget(&asked.released(weak()), &mut ()).unwrap();
    let other = other.release.unwrap();
    assert_eq!(one.weights, other.weights);
    let (one, other) = (one.certificate, other.certificate);
    assert_eq!(one.bounds, other.bounds);
    assert_eq!(one.guarantee, other.guarantee);
    assert_eq!(one.noise, other.noise);
    assert_eq!(one.model.weights, other.model.weights);
    assert_eq!(one.data, other.data);
    assert_eq!(one.method, other.method);
    let measured = [&later, &at_once].map(|run| {
        let evidence = evidence(run, 2);
        assert_eq!(evidence.bounds.len(), 2);
        (evidence.measured.solve, evidence.bounds)
    });
    assert_eq!(measured[0].0, measured[1].0);
    // But for the least eigenvalue, whose measurement starts anywhere, and secretly.
    for (one, other) in measured[0].1.iter().zip(&measured[1].1) {
        assert_eq!((one.theorem, one.kind), (other.theorem, other.kind));
        for (one, other) in one.constants.iter().zip(&other.constants) {
            match one.symbol() {
                Symbol::LeastEigenvalue => assert_eq!(one.symbol(), other.symbol()),
                _ => assert_eq!(one, other),
            }
        }
    }
    assert!(measured[0].0.as_ref().unwrap().theorem_residual.is_some());
    for run in [&later, &at_once] {
        assert!(checked(run, 2).holds(), "{}", checked(run, 2));
    }
}

#[test]
fn a_later_release_that_is_refused_leaves_its_requests_pending() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(folder.path(), small());
    run.forget(&released("random:10?seed=1"), &mut ()).unwrap();
    run.forget(&newton("random:10?seed=2"), &mut ()).unwrap();
    let stands = standing(&run);
    assert!(matches!(
        run.release(&promise(1.0), &mut ()),
        Err(Error::Release(ReleaseError::Refused(_)))
    ));
    let spent = ReleaseChoice {
        budget: Some(Budget {
            epsilon: 1.0,
            delta: 1e-5,
        }),
        ..weak()
    };
    assert!(matches!(
        run.release(&spent, &mut ()),
        Err(Error::Release(ReleaseError::Budget(_)))
    ));
    assert_eq!(standing(&run), stands);
    assert_eq!(Run::inspect(folder.path()).unwrap().pending, [2]);
    let released = run.release(&weak(), &mut ()).unwrap();
    assert_eq!(numbers(&released.certificate), [2]);
}

/// Training that went on after a request leads to other weights: what was measured of the step no
/// longer holds for them, and what training itself proves does.
#[test]
fn a_release_after_further_training_rests_on_training() {
    let folder = tempfile::tempdir().unwrap();
    let training = TrainingSettings {
        epochs: 6,
        ..small().training
    };
    let config = RunConfig {
        training,
        ..small()
    };
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
    run.forget(&with_theorem("random:30?seed=1"), &mut ())
        .unwrap();
    let step = private_weights(folder.path());
    run.train(&mut ()).unwrap();
    assert!(private_weights(folder.path()) != step);
    let certificate = run.release(&weak(), &mut ()).unwrap().certificate;
    assert_eq!(certificate.bounds.len(), 1);
    assert_eq!(certificate.guarantee.binding, Theorem::BallDiameter);
    let measured = evidence(&run, 1).measured;
    assert!(!measured.training_finished && measured.solve.is_none());
    assert_eq!(
        (measured.gradient_norm_before, measured.gradient_norm_after),
        (None, None)
    );
    assert!(checked(&run, 1).holds(), "{}", checked(&run, 1));
}

#[test]
fn a_later_release_recomputes_batch_norm_statistics_for_its_own_noise() {
    let folder = tempfile::tempdir().unwrap();
    let model = ModelChoice::Mlp {
        hidden: vec![8],
        activation: Activation::Tanh,
        norm: zoo::Norm::Batch,
    };
    let mut run = trained(folder.path(), RunConfig { model, ..small() });
    run.forget(&newton("class:3"), &mut ()).unwrap();
    let released = run.release(&weak(), &mut ()).unwrap();
    let again = run.statistics_on(run.retained(), released.weights.parameters());
    assert_eq!(released.weights.statistics(), again.unwrap());
    let bytes = std::fs::read(released.folder.join("weights.safetensors")).unwrap();
    let read: Weights<f32> = Weights::from_safetensors(network(&run), &bytes).unwrap();
    assert_eq!(read.statistics, released.weights.statistics());
    let private = run.private_weights().unwrap();
    assert_ne!(private.statistics, released.weights.statistics());
}

/// What goes on from noised weights carries its noise: a Newton step after it is released on its
/// own bounds, and what was noised within is covered already.
#[test]
fn noise_within_a_method_is_released_at_once_and_what_follows_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(folder.path(), small());
    let settings = FinetuneSettings {
        noisy_steps: Some(2),
        recovery_epochs: Some(1),
        ..FinetuneSettings::default()
    };
    let method = MethodChoice::with("noisy-finetune", &settings).unwrap();
    let noise = NoiseChoice::Sigma {
        sigma: 0.05,
        delta: 1e-5,
    };
    let asked = newton("random:20?seed=1")
        .by(method)
        .released(ReleaseChoice::new(noise))
        .keyed("noisy");
    let first = run.forget(&asked, &mut ()).unwrap();
    assert!(matches!(
        run.release(&weak(), &mut ()),
        Err(Error::Release(ReleaseError::NothingPending))
    ));
    run.forget(&newton("random:20?seed=2"), &mut ()).unwrap();
    let certificate = run.release(&weak(), &mut ()).unwrap().certificate;
    assert_eq!(numbers(&certificate), [2]);
    assert_eq!(certificate.guarantee.binding, Theorem::BallDiameter);
    for release in [1, 2] {
        assert!(checked(&run, release).holds(), "{}", checked(&run, release));
    }
    let again = run.forget(&asked, &mut ()).unwrap();
    assert!(again.repeated);
    let (first, again) = (first.release.unwrap(), again.release.unwrap());
    assert_eq!(again.weights, first.weights);
    assert_eq!(again.certificate, first.certificate);
}

/// A step whose theorem gives a bound, looked at in double precision.
fn with_theorem(request: &str) -> Request {
    let settings = NewtonSettings {
        damping: Damping::Given { value: 50.0 },
        constants: Constants {
            hessian_lipschitz: Some(HessianLipschitz::Assumed { value: 0.01 }),
            ..Constants::default()
        },
        check: true,
        ..NewtonSettings::default()
    };
    newton_with(request, &settings)
}

/// That noise was refused at first is a fact about weights without noise: a certificate that came with its
/// request and one that came later differ in what chance decides, and in nothing else.
#[test]
fn a_certificate_does_not_tell_whether_it_came_with_its_request() {
    let folder = tempfile::tempdir().unwrap();
    let made = |name: &str| trained(&folder.path().join(name), small());
    let plain = |mut certificate: rescind::certificate::Certificate| {
        let nothing = rescind_data::Digest::from([0; 32]);
        certificate.model.weights = nothing;
        certificate.model.configuration = None;
        certificate.data.manifest = nothing;
        certificate.ledger.head = nothing;
        certificate.requests[0].commitment = nothing;
        certificate.key.public_key = nothing;
        certificate.key.fingerprint.clear();
        certificate
    };
    for budget in [
        None,
        Some(Budget {
            epsilon: 1e9,
            delta: 1e-5,
        }),
    ] {
        let choice = ReleaseChoice {
            budget,
            insecure_noise_seed: None,
            ..weak()
        };
        let name = |which: &str| format!("{which} {}", budget.is_some());
        let mut with = made(&name("with"));
        let answer = with
            .forget(&newton("0-9").released(choice), &mut ())
            .unwrap();
        let with = plain(answer.release.unwrap().certificate);
        let mut later = made(&name("later"));
        later.forget(&newton("0-9"), &mut ()).unwrap();
        let later = plain(later.release(&choice, &mut ()).unwrap().certificate);
        assert_eq!(with, later);
    }
}
