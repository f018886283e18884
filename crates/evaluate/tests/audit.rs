//! Audits find planted faults, let sound releases pass, and are right as often as they say.

mod common;

use common::{Convex, Planted, claim, released_run, run_with_a_false_promise};
use rescind::certificate::{FollowedBy, NoiseRecord};
use rescind::release::PrivateWeights;
use rescind::{ModelDescription, ModelError, Run, Sides, Smoothness, Tensor};
use rescind_evaluate::audit::{
    Audit, AuditError, AuditSettings, Claim, Extent, Projection, Rehearsed, Releases, Statistic,
    audit, of_run,
};
use rescind_network::{Activation, Network, zoo};
use rescind_privacy::noise::{Grid, NoiseSource, Origin, ReleaseFormat};
use rescind_privacy::sensitivity::{Constant, Provenance, SensitivityBound, Symbol, Theorem};
use rescind_privacy::{Delta, Epsilon, NoiseChoice, NoiseScale, Sensitivity, analytic};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

/// Audits by the projections that the network's layers suggest.
fn audited(network: &Network, claim: Claim, mut planted: Planted) -> Audit {
    let weights = |side: &[f32]| PrivateWeights::new(side.to_vec());
    let (unlearned, retrained) = (weights(&planted.unlearned), weights(&planted.retrained));
    let tensors = network.parameters().iter().map(|tensor| Tensor {
        name: tensor.name.clone(),
        shape: vec![tensor.range.len()],
        fan_in: 0,
        frozen: false,
    });
    let tensors: Vec<Tensor> = tensors.collect();
    let projections = Projection::of_sides(&tensors, &unlearned, &retrained);
    let statistics: Vec<&dyn Statistic> = projections.iter().map(|p| p as _).collect();
    let settings = AuditSettings::default();
    audit(claim, &mut planted, &statistics, &settings, &mut ()).unwrap()
}

/// A model of tensors of so many numbers, frozen or not.
fn described(tensors: Vec<(usize, bool)>) -> ModelDescription {
    let tensors = tensors.into_iter().enumerate();
    let tensors = tensors.map(|(at, (len, frozen))| Tensor {
        name: format!("tensor {at}"),
        shape: vec![len],
        fan_in: 0,
        frozen,
    });
    ModelDescription {
        kind: "numbers".to_owned(),
        linearised: false,
        loss: None,
        tensors: tensors.collect(),
        statistics: Vec::new(),
        smoothness: Smoothness::NotExamined,
        architecture: serde_json::Value::Null,
    }
}

/// Two sides exactly as far apart as the claim's bound allows, so that every fault is over it.
fn at_the_bound() -> (Network, Claim, Planted) {
    let description = zoo::mlp(&[4], &[8], 3, Activation::Tanh, zoo::Norm::None).unwrap();
    let network = Network::new(description).unwrap();
    let retrained: Vec<f32> = network.initialise(3);
    let other: Vec<f32> = network.initialise(4);
    let difference: Vec<f64> = other
        .iter()
        .zip(&retrained)
        .map(|(a, b)| f64::from(a - b))
        .collect();
    let (length, distance) = (rescind_curvature::norm(&difference), 0.01);
    let moved = retrained.iter().zip(difference);
    let unlearned = moved
        .map(|(&w, d)| (f64::from(w) + d / length * distance) as f32)
        .collect();
    let sensitivity = Sensitivity::new(distance * 1.0001).unwrap();
    let (epsilon, delta) = (Epsilon::new(1.0).unwrap(), Delta::new(1e-5).unwrap());
    let sigma = analytic::calibrate(epsilon, delta, sensitivity).unwrap();
    let planted = Planted::new(unlearned, retrained, sigma);
    (network, claim(sensitivity, sigma, delta), planted)
}

#[test]
fn noise_that_is_enough_passes() {
    let (network, claim, planted) = at_the_bound();
    let audit = audited(&network, claim, planted);
    assert!(audit.holds(), "{audit:?}");
    // ... and is seen for what it is: more than half of the distance shows.
    assert!(audit.mu.value > 0.2 * claim.mu, "{audit:?}");
    assert!(audit.epsilon_by_mu > 0.0 && audit.epsilon_by_mu < 1.0);
}

#[test]
fn noise_at_half_the_sigma_is_found() {
    let (network, claim, planted) = at_the_bound();
    let audit = audited(&network, claim, planted.with_share_of_sigma(0.5));
    assert!(!audit.holds() && audit.mu.value > claim.mu, "{audit:?}");
}

#[test]
fn a_layer_without_noise_is_found_and_named() {
    for layer in 0..4 {
        let (network, claim, planted) = at_the_bound();
        let tensor = network.parameters()[layer].clone();
        let audit = audited(&network, claim, planted.with_quiet(tensor.range));
        assert!(!audit.holds(), "{}: {audit:?}", tensor.name);
        assert!(audit.mu.statistic.ends_with(&tensor.name), "{audit:?}");
        // Without noise every release is told apart: both bounds are as large as they can be.
        assert!((audit.mu.value - audit.most_mu).abs() < 1e-12, "{audit:?}");
        assert!(
            (audit.epsilon.value - audit.most_epsilon).abs() < 1e-12 && audit.most_epsilon > 4.0
        );
    }
}

/// Softmax regression, whose bound is small and proved: noise for it hides what one Newton step
/// leaves, and not what leaving the step out does.
#[test]
fn a_skipped_newton_step_is_found_and_the_step_itself_passes() {
    let convex = Convex::digits();
    let trained = convex.minimise(convex.all(), &convex.zero());
    let retrained = convex.minimise(&convex.retained, &convex.zero());
    let unlearned = convex.step(&convex.retained, &trained);
    let (delta, one) = (Delta::new(1e-5).unwrap(), Epsilon::new(1.0).unwrap());
    let constant = |symbol, value, provenance| Constant::new(symbol, value, provenance, "a test");
    let gradient = convex.gradient_norm(&convex.retained, &unlearned);
    let bound = SensitivityBound::new(
        Theorem::StronglyConvex,
        vec![
            constant(Symbol::GradientNorm, gradient, Provenance::Measured).unwrap(),
            constant(Symbol::GradientBound, convex.stop, Provenance::Proved).unwrap(),
            constant(Symbol::Penalty, convex.penalty, Provenance::Proved).unwrap(),
        ],
    )
    .unwrap();
    let sensitivity = bound.value();
    let apart = |w: &[f32]| rescind::evaluation::distance(w, &retrained);
    assert!(apart(&unlearned) <= sensitivity.value(), "the theorem");
    assert!(
        apart(&trained) > 5.0 * sensitivity.value(),
        "{}",
        apart(&trained)
    );

    let sigma = analytic::calibrate(one, delta, sensitivity).unwrap();
    let claim = claim(sensitivity, sigma, delta);
    let sound = Planted::new(unlearned, retrained.clone(), sigma);
    let sound = audited(&convex.network, claim, sound);
    assert!(sound.holds(), "{sound:?}");
    let skipped = Planted::new(trained, retrained, sigma);
    let skipped = audited(&convex.network, claim, skipped);
    assert!(!skipped.holds(), "{skipped:?}");
    assert!(skipped.mu.value > claim.mu && skipped.epsilon.value > claim.epsilon);
}

/// The noise of a rehearsal is that of a release: its standard deviation is σ, on the grid.
#[test]
fn rehearsed_releases_carry_the_noise_of_the_certificate() {
    let sigma = NoiseScale::new(0.25).unwrap();
    let format = ReleaseFormat::F32;
    let grid = Grid::new(sigma, 4.0, format).unwrap();
    let noise = NoiseRecord {
        sigma,
        times: 1,
        choice: NoiseChoice::Sigma {
            sigma: 0.25,
            delta: 1e-5,
        },
        origin: Origin::OperatingSystem,
        largest: 4.0,
        format,
        grid,
        followed_by: FollowedBy::Nothing,
    };
    let side = |value| PrivateWeights::new(vec![value; 4000]);
    let sides = Sides {
        unlearned: side(1.0),
        retrained: side(-1.0),
    };
    let source = NoiseSource::insecure_from_seed(5);
    let mut rehearsed = Rehearsed::new(&described(vec![(4000, false)]), sides, &noise, source);
    let first = rehearsed.next(&mut ()).unwrap();
    let second = rehearsed.next(&mut ()).unwrap();
    let spread = |release: &[f32], centre: f64| {
        let squares = release.iter().map(|&w| (f64::from(w) - centre).powi(2));
        (squares.sum::<f64>() / release.len() as f64).sqrt()
    };
    for (release, centre) in [
        (&first.unlearned, 1.0),
        (&first.retrained, -1.0),
        (&second.unlearned, 1.0),
    ] {
        // 4000 values: the sample deviation is within 5 % but for a chance of 1e-5.
        assert!((spread(release, centre) / 0.25 - 1.0).abs() < 0.05);
        let cells = release.iter().map(|&w| f64::from(w) / grid.spacing());
        assert!(cells.into_iter().all(|cell| cell.fract().abs() <= 0.0));
    }
    assert!(first.unlearned != second.unlearned, "noise was used twice");
    let together = first.unlearned.iter().zip(&first.retrained);
    let product: f64 = together
        .map(|(&a, &b)| (f64::from(a) - 1.0) * (f64::from(b) + 1.0))
        .sum();
    // The correlation of independent noise over 4000 values has deviation 0.016.
    assert!((product / 4000.0 / 0.0625).abs() < 0.08, "shared noise");
}

/// Releases of Gaussian numbers that differ in the first.
struct Numbers {
    mu: f64,
    count: usize,
    source: NoiseSource,
}

impl Releases for Numbers {
    fn next(
        &mut self,
        _: &mut dyn rescind::Observer,
    ) -> Result<rescind_evaluate::audit::Pair, AuditError> {
        let mut draw = |first| {
            let mut numbers = vec![0.0; self.count];
            numbers[0] = first;
            let one = NoiseScale::new(1.0)?;
            self.source.add_gaussian_unrounded(one, &mut numbers)?;
            Ok::<_, AuditError>(numbers.into_iter().map(|value| value as f32).collect())
        };
        let (unlearned, retrained) = (draw(self.mu)?, draw(0.0)?);
        Ok(rescind_evaluate::audit::Pair {
            unlearned,
            retrained,
        })
    }
}

/// Among audits of a promise that is kept exactly, at most the stated share says it is broken.
#[test]
fn lower_bounds_exceed_the_truth_no_more_often_than_stated() {
    const REPEATS: usize = 300;
    let settings = AuditSettings {
        pairs: 200,
        confidence: 0.8,
    };
    // Many statistics that say nothing are many chances to be misled by the choice.
    for (mu, delta, count) in [(1.0, 0.05, 1), (2.0, 0.01, 1), (0.05, 0.01, 40)] {
        let coordinates: Vec<Projection> = (0..count)
            .filter_map(|i| Projection::within(i.to_string(), i..i + 1, &[1.0; 40], &[0.0; 40]))
            .collect();
        let statistics: Vec<&dyn Statistic> = coordinates.iter().map(|c| c as _).collect();
        let distance = Sensitivity::new(mu).unwrap();
        let one = NoiseScale::new(1.0).unwrap();
        let claim = claim(distance, one, Delta::new(delta).unwrap());
        let (mut broken, mut total) = (0, 0.0);
        for seed in 0..REPEATS as u64 {
            let source = NoiseSource::insecure_from_seed(seed);
            let mut releases = Numbers { mu, count, source };
            let found = audit(claim, &mut releases, &statistics, &settings, &mut ()).unwrap();
            broken += usize::from(!found.holds());
            total += found.mu.value;
        }
        let share = broken as f64 / REPEATS as f64;
        assert!(share <= 1.0 - settings.confidence, "{share} at mu = {mu}");
        // ... and not because the bounds say nothing.
        let mean = total / REPEATS as f64;
        assert!(mu < 1.0 || mean > 0.3 * mu, "{mean} at mu = {mu}");
    }
}

fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let name = path
                        .strip_prefix(root)
                        .unwrap()
                        .to_string_lossy()
                        .into_owned();
                    found.insert(name, std::fs::read(path).unwrap());
                }
            }
        }
    }
    found
}

#[test]
fn a_run_is_audited_without_leaving_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = released_run(folder.path());
    run.retrain(&mut ()).unwrap();
    let before = files(folder.path());
    let settings = AuditSettings {
        pairs: 100,
        ..AuditSettings::default()
    };
    let look = |run: &Run, seed| of_run(run, &settings, Extent::Noise, seed, &mut ()).unwrap();
    let found = look(&run, Some(7));
    assert!(found.holds(), "{found:?}");
    assert!(
        found == look(&run, Some(7)) && found != look(&run, Some(8)) && look(&run, None).holds()
    );
    let far = found.distance.unwrap();
    assert!(far.measured > 0.0 && far.measured < far.bound, "{far:?}");
    // Noise this small hides nothing, and the audit says as much as 50 draws can.
    assert!((found.mu.value - found.most_mu).abs() < 1e-12 && found.most_mu > 2.0);
    assert!(found.claim.epsilon > 1e6);
    assert_eq!(files(folder.path()), before);
}

/// A certificate says `assumed` and means it: an audit can show that the assumption is false.
#[test]
#[ignore = "slow tier: retrains and forgets forty times"]
fn a_promise_that_rests_on_a_false_assumption_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_with_a_false_promise(folder.path());
    let certificate = run.newest_certificate().unwrap();
    assert_eq!(certificate.guarantee.binding, Theorem::NewtonStep);
    let settings = AuditSettings {
        pairs: 200,
        ..AuditSettings::default()
    };
    let found = of_run(&run, &settings, Extent::Noise, Some(1), &mut ()).unwrap();
    let far = found.distance.unwrap();
    assert!(
        !found.holds() && far.measured > 5.0 * far.bound,
        "{found:?}"
    );
    assert!(found.epsilon.value > 1.0 && found.mu.value > found.claim.mu);
    let settings = AuditSettings {
        pairs: 40,
        ..settings
    };
    let full = of_run(&run, &settings, Extent::Full, Some(1), &mut ()).unwrap();
    assert!(!full.holds(), "{full:?}");
}

#[test]
fn a_run_is_audited_from_the_start_with_other_seeds() {
    let folder = tempfile::tempdir().unwrap();
    let run = released_run(folder.path());
    let settings = AuditSettings {
        pairs: 10,
        ..AuditSettings::default()
    };
    let found = of_run(&run, &settings, Extent::Full, Some(1), &mut ()).unwrap();
    assert!(found.holds() && found.distance.is_none(), "{found:?}");
    let again = of_run(&run, &settings, Extent::Full, Some(1), &mut ()).unwrap();
    assert_eq!(found, again);
    // Other seeds give other weights, on both sides.
    let [one, two] = [1, 2].map(|seed| run.sides_afresh(seed, &mut ()).unwrap());
    assert!(one.unlearned != two.unlearned && one.retrained != two.retrained);
    assert!(one.unlearned != one.retrained);
}

#[test]
fn what_cannot_be_audited_is_refused_with_a_reason() {
    let (_, claim, planted) = at_the_bound();
    let refuse = |settings: AuditSettings, statistics: &[&dyn Statistic]| {
        let mut planted = planted.clone();
        audit(claim, &mut planted, statistics, &settings, &mut ()).unwrap_err()
    };
    let sound = AuditSettings::default();
    for confidence in [0.0, 1.0, f64::NAN] {
        let error = refuse(
            AuditSettings {
                confidence,
                ..sound
            },
            &[],
        );
        assert!(matches!(error, AuditError::Setting { .. }), "{error}");
    }
    let error = refuse(AuditSettings { pairs: 9, ..sound }, &[]);
    assert!(matches!(error, AuditError::Setting { .. }), "{error}");
    let none = AuditSettings { pairs: 10, ..sound };
    let error = refuse(none, &[]);
    assert!(
        matches!(error, AuditError::NothingDiffers { .. }),
        "{error}"
    );

    let folder = tempfile::tempdir().unwrap();
    let mut run = released_run(folder.path());
    let mut stop = |_: &rescind::Progress| ControlFlow::Break(());
    let stopped = of_run(&run, &sound, Extent::Noise, None, &mut stop).unwrap_err();
    assert!(
        matches!(
            stopped,
            AuditError::Run(rescind::Error::Unlearn(ModelError::Interrupted { .. }))
        ),
        "{stopped}"
    );
    run.forget(&common::unreleased("random:10?seed=9"), &mut ())
        .unwrap();
    let error = of_run(&run, &sound, Extent::Noise, None, &mut ()).unwrap_err();
    assert!(
        error.to_string().contains("request 2 was not released"),
        "{error}"
    );

    let mut certificate = {
        let folder = tempfile::tempdir().unwrap();
        released_run(folder.path()).newest_certificate().unwrap()
    };
    Claim::of(&certificate).unwrap();
    certificate.guarantee.binding = Theorem::NoisyFineTuning;
    let error = Claim::of(&certificate).unwrap_err();
    assert!(matches!(error, AuditError::NoiseAtEveryStep), "{error}");
}
