//! What a release promises, and what it refuses.

#[path = "../../run/tests/support/mod.rs"]
mod support;

use rescind::certificate::{
    AssumptionName, Certificate, EvidenceRecord, Exclusion, InputScaling, TermsError, epsilon_by,
    statement,
};
use rescind::release::{Ball, PrivateWeights, ReleaseError};
use rescind_network::{Activation, zoo};
use rescind_privacy::sensitivity::{GuaranteeKind, Provenance, SensitivityBound, Symbol, Theorem};
use rescind_privacy::{Delta, NoiseChoice, NoiseScale, Sensitivity, analytic};
use support::*;

fn assumes(certificate: &Certificate, name: AssumptionName) -> bool {
    let mut all = certificate.assumptions.iter();
    all.any(|assumption| assumption.name == name)
}

fn evidence(fixture: &Fixture, release: u64) -> EvidenceRecord {
    let path = format!("private/evidence/{release:06}.json");
    serde_json::from_slice(&std::fs::read(fixture.run().join(path)).unwrap()).unwrap()
}

/// Names of everything below a run.
fn files(run: &std::path::Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut open = vec![run.to_owned()];
    while let Some(folder) = open.pop() {
        for item in std::fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                open.push(path)
            } else {
                names.push(path)
            }
        }
    }
    let mut names: Vec<String> = names
        .iter()
        .map(|p| p.strip_prefix(run).unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn noise_picked_by_hand_gets_its_true_epsilon() {
    let fixture = Fixture::new();
    let mut order = fixture.order(1);
    order.basis.noise = NoiseChoice::Sigma {
        sigma: 0.001,
        delta: 1e-5,
    };
    let certificate = fixture.release(order).unwrap().certificate;
    // docs/theory.md §2: sigma = 0.001 and delta = 2R = 40 is mu = 40 000, epsilon about 8e8.
    assert!((certificate.guarantee.gdp.mu() / 40_000.0 - 1.0).abs() < 1e-9);
    assert!((8.0e8..8.01e8).contains(&certificate.guarantee.epsilon.value()));
    assert_eq!(certificate.guarantee.kind, GuaranteeKind::Proved);
    assert!(assumes(&certificate, AssumptionName::VacuousEpsilon));
    let said = statement(&certificate);
    assert!(said.contains("protects nobody"), "{said}");
    assert_eq!(
        files(fixture.run()),
        [
            "ledger.sqlite",
            "private/evidence/000001.json",
            "private/manifest",
            "private/requests.sqlite",
            "private/signing.key",
            "releases/000001/certificate.json",
            "releases/000001/certificate.md",
            "releases/000001/certificate.txt",
            "releases/000001/model.json",
            "releases/000001/weights.safetensors",
            "run.json",
        ]
    );
}

#[test]
fn destructive_noise_is_refused_with_numbers_and_leaves_nothing() {
    let fixture = Fixture::new();
    let mut order = fixture.order(1);
    order.basis.noise = NoiseChoice::Promise {
        epsilon: 1.0,
        delta: 1e-5,
    };
    let ReleaseError::Refused(refusal) = fixture.release(order).unwrap_err() else {
        panic!()
    };
    // 3.7306 times the diameter 40.
    assert!((refusal.sigma / 149.225 - 1.0).abs() < 1e-4, "{refusal:?}");
    let norm = fixture
        .weights()
        .iter()
        .map(|w| f64::from(*w).powi(2))
        .sum::<f64>()
        .sqrt();
    let d = fixture.network.parameter_count() as f64;
    assert!((refusal.weights_norm / norm - 1.0).abs() < 1e-9);
    assert!((refusal.noise_norm / (refusal.sigma * d.sqrt()) - 1.0).abs() < 1e-12);
    assert_eq!(
        (refusal.binding, refusal.kind),
        (Theorem::BallDiameter, GuaranteeKind::Proved)
    );
    // What it offers is true.
    let bearable = NoiseScale::new(refusal.bearable_sigma).unwrap();
    let delta = Delta::new(1e-5).unwrap();
    let offered = analytic::epsilon(delta, Sensitivity::new(40.0).unwrap(), bearable).unwrap();
    assert!((refusal.bearable_epsilon.unwrap() / offered.value() - 1.0).abs() < 1e-9);
    let small = Sensitivity::new(refusal.bearable_sensitivity).unwrap();
    let epsilon = analytic::epsilon(delta, small, bearable).unwrap();
    assert!((epsilon.value() - 1.0).abs() < 1e-9);
    let text = refusal.to_string();
    for part in [
        "refused",
        "149.225",
        "ball_diameter",
        "sigma itself",
        "strongly convex",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(
        files(fixture.run()),
        [
            "ledger.sqlite",
            "private/manifest",
            "private/requests.sqlite",
            "private/signing.key",
            "run.json"
        ]
    );

    let mut order = fixture.order(1);
    order.basis.noise = NoiseChoice::Promise {
        epsilon: 1.0,
        delta: 1e-5,
    };
    order.basis.accept_noise = true;
    let certificate = fixture.release(order).unwrap().certificate;
    assert!((certificate.guarantee.epsilon.value() - 1.0).abs() <= 0.0);
    assert!(!assumes(&certificate, AssumptionName::VacuousEpsilon));
    // Whether its noise outweighs the weights is a fact about weights without noise.
    let said = serde_json::to_string(&certificate).unwrap();
    assert!(!said.contains("accept"), "{said}");
}

#[test]
fn the_smaller_bound_binds_and_the_weakest_constant_names_the_kind() {
    let fixture = Fixture::new();
    let mut order = fixture.order(1);
    order.method = with_theorem();
    order.candidates = vec![ball_bound(), newton_bound(failing(1e-6))];
    let certificate = fixture.release(order).unwrap().certificate;
    assert_eq!(certificate.guarantee.binding, Theorem::NewtonStep);
    assert_eq!(certificate.guarantee.kind, GuaranteeKind::Assumed);
    assert_eq!(certificate.bounds.len(), 2);
    // Whoever accepts only what is proved reads what the ball gives.
    let ball = &certificate.bounds[1];
    assert_eq!(
        (ball.theorem, ball.kind),
        (Theorem::BallDiameter, GuaranteeKind::Proved)
    );
    let guarantee = &certificate.guarantee;
    let epsilon = epsilon_by(ball, guarantee.delta, certificate.noise.sigma);
    assert!(epsilon.unwrap() > guarantee.epsilon);
    // What binds rests on measurements, which are quoted and named.
    let quoted = certificate.assumptions.iter();
    let mut quoted = quoted.filter(|a| a.name == AssumptionName::QuotedMeasurements);
    let quoted = quoted.next().unwrap();
    assert_eq!(
        quoted.constants,
        [Symbol::Residual, Symbol::LeastEigenvalue]
    );
    assert!(quoted.text(&certificate).contains("carry no noise"));
    assert!(assumes(&certificate, AssumptionName::AssumedConstants));
    assert!(assumes(
        &certificate,
        AssumptionName::EpsilonDependsOnRecords
    ));
    assert!(!assumes(&certificate, AssumptionName::HessianNotLipschitz));
}

#[test]
fn nothing_rests_on_a_theorem_that_does_not_apply() {
    let fixture = Fixture::with(Activation::Relu, zoo::Norm::None);
    let mut order = fixture.order(1);
    order.method = with_theorem();
    order.candidates = vec![newton_bound(failing(1e-6)), ball_bound()];
    let certificate = fixture.release(order).unwrap().certificate;
    assert_eq!(certificate.guarantee.binding, Theorem::BallDiameter);
    // It rests on measurements for nothing, so that only the run hears of it.
    assert_eq!(certificate.bounds.len(), 1);
    assert!(!assumes(&certificate, AssumptionName::QuotedMeasurements));
    let bounds = evidence(&fixture, 1).bounds;
    assert_eq!(bounds[0].theorem, Theorem::NewtonStep);
    assert_eq!(bounds[0].excluded, Some(Exclusion::HessianNotLipschitz));

    let mut order = fixture.order(2);
    order.method = with_theorem();
    order.candidates = vec![newton_bound(failing(1e-6))];
    let error = fixture.release(order).unwrap_err();
    assert!(error.to_string().contains("no bound"), "{error}");
}

#[test]
fn failure_probabilities_are_paid_out_of_delta() {
    let fixture = Fixture::new();
    let order = |number, failure, candidates: fn(Provenance) -> Vec<_>| {
        let mut order = fixture.order(number);
        order.method = with_failure(failure);
        order.candidates = candidates(failing(failure));
        order.basis.noise = NoiseChoice::Promise {
            epsilon: 1.0,
            delta: 1e-5,
        };
        order.basis.accept_noise = true;
        fixture.release(order).map(|released| released.certificate)
    };
    let with = order(1, 4e-6, |p| vec![newton_bound(p), ball_bound()]).unwrap();
    let guarantee = &with.guarantee;
    let failure = with.binding().unwrap().failure_probability;
    assert!((failure / 4e-6 - 1.0).abs() < 1e-9);
    let rest = guarantee.delta.less_failure(failure).unwrap();
    assert!((rest.value() / 6e-6 - 1.0).abs() < 1e-9);
    let sensitivity = Sensitivity::new(with.sensitivity()).unwrap();
    let expected = analytic::calibrate(guarantee.epsilon, rest, sensitivity);
    assert_eq!(with.noise.sigma, expected.unwrap());
    assert!(assumes(&with, AssumptionName::NoiseDependsOnRecords));

    // A bound whose constants may fail with probability delta cannot be relied on at all.
    let without = order(2, 2e-5, |p| vec![newton_bound(p), ball_bound()]).unwrap();
    assert_eq!(without.guarantee.binding, Theorem::BallDiameter);
    assert_eq!(
        evidence(&fixture, 2).bounds[0].excluded,
        Some(Exclusion::FailureExceedsDelta)
    );
    assert!(order(3, 2e-5, |p| vec![newton_bound(p)]).is_err());
}

#[test]
fn a_fixed_seed_is_an_assumption_that_the_certificate_puts_first() {
    let fixture = Fixture::new();
    let mut order = fixture.order(1);
    order.basis.insecure_noise_seed = Some(5);
    let first = fixture.release(order).unwrap();
    assert_eq!(
        first.certificate.assumptions[0].name,
        AssumptionName::InsecureNoise
    );
    assert_eq!(first.certificate.guarantee.kind, GuaranteeKind::Assumed);
    assert!(statement(&first.certificate).contains("certifies nothing"));
    let other = Fixture::new();
    let mut order = other.order(1);
    order.basis.insecure_noise_seed = Some(5);
    assert_eq!(other.release(order).unwrap().weights, first.weights);
}

#[test]
fn weights_outside_the_ball_are_refused() {
    let fixture = Fixture::new();
    let norm = fixture
        .weights()
        .iter()
        .map(|w| f64::from(*w).powi(2))
        .sum::<f64>()
        .sqrt();
    let mut order = fixture.order(1);
    order.basis.ball.radius = norm * (1.0 - 1e-9);
    assert!(matches!(
        fixture.release(order),
        Err(ReleaseError::OutsideBall { .. })
    ));
    let mut order = fixture.order(1);
    order.basis.ball.radius = f64::NAN;
    assert!(matches!(
        fixture.release(order),
        Err(ReleaseError::OutsideBall { .. })
    ));
    // The radius of the check must be that of the bound.
    let mut order = fixture.order(1);
    order.basis.ball.radius = RADIUS / 2.0;
    let error = fixture.release(order).unwrap_err();
    assert!(
        matches!(&error, ReleaseError::Inconsistent { field, .. } if field == "/bounds/0/constants/0/value"),
        "{error}"
    );

    let centre: Vec<f32> = fixture.weights().iter().map(|w| w + 30.0).collect();
    let mut order = fixture.order(1);
    order.basis.ball = Ball {
        radius: RADIUS,
        centre: Some(&centre),
        seed: None,
    };
    assert!(matches!(
        fixture.release(order),
        Err(ReleaseError::OutsideBall { .. })
    ));
    let centre: Vec<f32> = fixture.weights().iter().map(|w| w + 0.01).collect();
    let mut order = fixture.order(1);
    order.basis.ball = Ball {
        radius: RADIUS,
        centre: Some(&centre),
        seed: None,
    };
    let error = fixture.release(order).unwrap_err();
    assert!(
        matches!(&error, ReleaseError::Inconsistent { field, .. } if field == "/declarations"),
        "{error}"
    );
    let mut order = fixture.order(1);
    order.basis.ball = Ball {
        radius: RADIUS,
        centre: Some(&centre),
        seed: None,
    };
    order.basis.declarations = public_centre();
    let certificate = fixture.release(order).unwrap().certificate;
    assert!(certificate.model.ball.centre.is_some());
    assert_eq!(certificate.guarantee.kind, GuaranteeKind::Declared);
    assert!(assumes(&certificate, AssumptionName::PublicCentre));
}

#[test]
fn a_radius_is_not_enough_for_a_smaller_proved_distance() {
    let fixture = Fixture::new();
    let mut constants = newton_bound(failing(1e-6)).constants().to_vec();
    constants[0] = constant(Symbol::Distance, RADIUS, Provenance::Proved);
    let mut order = fixture.order(1);
    order.method = with_theorem();
    order.candidates = vec![SensitivityBound::new(Theorem::NewtonStep, constants).unwrap()];
    let error = fixture.release(order).unwrap_err().to_string();
    assert!(error.contains("only the ball proves a distance"), "{error}");
}

#[test]
fn constants_of_a_newton_step_cannot_be_proved() {
    let fixture = Fixture::new();
    for (position, symbol) in [
        (1, Symbol::HessianLipschitz),
        (3, Symbol::GradientBound),
        (5, Symbol::LeastEigenvalue),
    ] {
        let mut constants = newton_bound(failing(1e-6)).constants().to_vec();
        let value = constants[position].value();
        constants[position] = constant(symbol, value, Provenance::Proved);
        let mut order = fixture.order(1);
        order.method = with_theorem();
        order.candidates = vec![
            ball_bound(),
            SensitivityBound::new(Theorem::NewtonStep, constants).unwrap(),
        ];
        let error = fixture.release(order).unwrap_err();
        assert!(
            matches!(&error, ReleaseError::Inconsistent { field, .. }
                if field.ends_with(&format!("/constants/{position}/provenance"))),
            "{error}"
        );
    }
}

#[test]
fn a_newton_step_with_batch_norm_has_no_theorem() {
    let fixture = Fixture::with(Activation::Tanh, zoo::Norm::Batch);
    let count = fixture.network.statistic_count();
    let mut compute = |_: &[f32]| Ok(vec![0.5; count]);
    let mut order = fixture.order(1);
    order.basis.statistics = Some(&mut compute);
    order.method = with_theorem();
    order.candidates = vec![ball_bound(), newton_bound(failing(1e-6))];
    let error = fixture.release(order).unwrap_err().to_string();
    assert!(error.contains("two functions"), "{error}");
}

#[test]
fn bounds_of_fine_tuning_are_not_for_weights_that_are_only_noised() {
    let fixture = Fixture::new();
    for (theorem, symbols) in [
        (Theorem::OutputPerturbation, &[Symbol::StartRadius][..]),
        (Theorem::NoisyFineTuning, Theorem::NoisyFineTuning.symbols()),
    ] {
        let constants = symbols
            .iter()
            .map(|&symbol| constant(symbol, 0.5, Provenance::Proved))
            .map(|known| match known.symbol() {
                Symbol::NoisySteps => constant(Symbol::NoisySteps, 3.0, Provenance::Proved),
                _ => known,
            });
        let mut order = fixture.order(1);
        order.candidates = vec![SensitivityBound::new(theorem, constants.collect()).unwrap()];
        let error = fixture.release(order).unwrap_err();
        assert!(
            matches!(
                &error,
                ReleaseError::Terms(TermsError::OtherMechanism { .. })
            ),
            "{error}"
        );
    }
}

#[test]
fn bounds_must_use_what_the_method_reports() {
    let fixture = Fixture::tangent();
    let centre = vec![0.001_f32; fixture.network.parameter_count()];
    let try_with = |number, norm, provenance| {
        let mut order = fixture.order(number);
        order.basis.ball.centre = Some(&centre);
        order.basis.declarations = public_centre();
        order.method = descent();
        order.candidates = vec![convex_bound(norm, provenance)];
        fixture.release(order)
    };
    assert!(try_with(1, 0.18, Provenance::Measured).is_err());
    assert!(try_with(1, 0.2, Provenance::Measured).is_err());
    assert!(try_with(1, 0.18, Provenance::Proved).is_err());
    assert!(try_with(1, 0.19, Provenance::Measured).is_ok());
    // A ceiling declared beforehand.
    let declared = try_with(2, 0.2, Provenance::Proved).unwrap().certificate;
    assert!(!assumes(&declared, AssumptionName::EpsilonDependsOnRecords));
}

#[test]
fn what_no_noise_covers_must_not_hold_forgotten_records() {
    let fixture = Fixture::new();
    let mut order = fixture.order(1);
    order.basis.data.input_scaling = InputScaling::FromRecords;
    assert!(matches!(
        fixture.release(order),
        Err(ReleaseError::ScalingFromRecords)
    ));

    let fixture = Fixture::with(Activation::Tanh, zoo::Norm::Batch);
    let error = fixture.release(fixture.order(1)).unwrap_err();
    assert!(matches!(error, ReleaseError::Statistics { .. }), "{error}");
    // They are computed for the noised weights, not for the private ones.
    let mut seen = Vec::new();
    let count = fixture.network.statistic_count();
    let mut compute = |noised: &[f32]| {
        seen = noised.to_vec();
        Ok(vec![0.5; count])
    };
    let mut order = fixture.order(1);
    order.basis.statistics = Some(&mut compute);
    let released = fixture.release(order).unwrap();
    assert_eq!(seen, released.weights.parameters());
    assert_eq!(released.weights.statistics(), vec![0.5; count]);
    assert!(assumes(
        &released.certificate,
        AssumptionName::BatchNormStatistics
    ));
    // A failure to compute them releases nothing.
    let mut fails = |_: &[f32]| Err("no records".to_owned());
    let mut order = fixture.order(2);
    order.basis.statistics = Some(&mut fails);
    assert!(
        matches!(fixture.release(order), Err(ReleaseError::Statistics { reason }) if reason == "no records")
    );
    assert!(!fixture.run().join("releases/000002").exists());
}

#[test]
fn orders_that_make_no_sense_are_refused() {
    let fixture = Fixture::new();
    let mut order = fixture.order(1);
    order.weights = PrivateWeights::new(vec![0.0; 3]);
    assert!(matches!(
        fixture.release(order),
        Err(ReleaseError::Vector { .. })
    ));
    let mut order = fixture.order(1);
    let mut weights = fixture.weights();
    weights[3] = f32::NAN;
    order.weights = PrivateWeights::new(weights);
    assert!(matches!(
        fixture.release(order),
        Err(ReleaseError::Vector { .. })
    ));
    let mut order = fixture.order(1);
    order.basis.request.as_mut().unwrap().records.clear();
    assert!(matches!(
        fixture.release(order),
        Err(ReleaseError::NoRecords { number: 1 })
    ));
    let mut order = fixture.order(1);
    order.basis.request.as_mut().unwrap().number = 0;
    assert!(matches!(
        fixture.release(order),
        Err(ReleaseError::OutOfTurn { number: 0, last: 0 })
    ));
    for time in ["yesterday", "2026-13-01T00:00:00Z"] {
        let mut order = fixture.order(1);
        order.basis.request.as_mut().unwrap().requested_at = time.to_owned();
        assert!(
            matches!(
                fixture.release(order),
                Err(ReleaseError::Inconsistent { .. })
            ),
            "{time}"
        );
    }
    for delta in [0.0, 1.0, f64::NAN] {
        let mut order = fixture.order(1);
        order.basis.noise = NoiseChoice::Sigma { sigma: 0.01, delta };
        assert!(fixture.release(order).is_err(), "{delta}");
    }
    let mut order = fixture.order(1);
    order.method.measured.seconds = f64::INFINITY;
    assert!(matches!(
        fixture.release(order),
        Err(ReleaseError::Inconsistent { .. })
    ));
    let mut order = fixture.order(1);
    order.basis.data.retained = 1430;
    assert!(matches!(
        fixture.release(order),
        Err(ReleaseError::Inconsistent { .. })
    ));
    assert!(!fixture.run().join("releases").exists());
    fixture.release(fixture.order(1)).unwrap();
    assert!(matches!(
        fixture.release(fixture.order(1)),
        Err(ReleaseError::OutOfTurn { number: 1, last: 1 })
    ));
    // Requests are numbered one by one.
    assert!(matches!(
        fixture.release(fixture.order(3)),
        Err(ReleaseError::Inconsistent { field, .. }) if field == "/requests/0/number"
    ));
}
