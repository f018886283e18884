//! Bounds as values: what they give, what binds, and that nothing false survives a file.

use rescind_privacy::sensitivity::{
    CandidateBounds, Constant, GuaranteeKind, Provenance, SensitivityBound, Symbol, Theorem,
};
use rescind_privacy::{NoisyFineTuning, PrivacyError};
use serde_json::{Value, json};

fn constant(symbol: Symbol, value: f64, provenance: Provenance) -> Constant {
    Constant::new(symbol, value, provenance, "for this test").unwrap()
}

fn newton(radius: f64, lipschitz: f64, damping: f64, least: f64) -> Vec<Constant> {
    let failure_probability = 1e-7;
    vec![
        constant(Symbol::Distance, 2.0 * radius, Provenance::Proved),
        constant(Symbol::HessianLipschitz, lipschitz, Provenance::Assumed),
        constant(Symbol::Damping, damping, Provenance::Proved),
        constant(Symbol::GradientBound, 0.25, Provenance::Proved),
        constant(Symbol::Residual, 0.125, Provenance::Measured),
        constant(
            Symbol::LeastEigenvalue,
            least,
            Provenance::Probabilistic {
                failure_probability,
            },
        ),
    ]
}

fn ball(radius: f64) -> SensitivityBound {
    let constants = vec![constant(Symbol::BallRadius, radius, Provenance::Proved)];
    SensitivityBound::new(Theorem::BallDiameter, constants).unwrap()
}

#[track_caller]
fn assert_just_above(bound: &SensitivityBound, exact: f64) {
    let value = bound.value().value();
    assert!(
        value > exact && value < exact * (1.0 + 1e-14),
        "{value} against {exact}"
    );
}

#[test]
fn theorems_give_their_formulas() {
    let step = SensitivityBound::new(Theorem::NewtonStep, newton(1.0, 0.5, 3.0, -1.0)).unwrap();
    // (2 (0.5·2/2 + 3) + 0.25 + 0.125) / (3 − 1)
    assert_just_above(&step, 7.375 / 2.0);
    assert_just_above(&ball(20.0), 40.0);
    let convex = vec![
        constant(Symbol::Penalty, 1e-4, Provenance::Proved),
        constant(Symbol::GradientNorm, 2.5e-9, Provenance::Measured),
        constant(Symbol::GradientBound, 1e-9, Provenance::Proved),
    ];
    let convex = SensitivityBound::new(Theorem::StronglyConvex, convex).unwrap();
    assert_just_above(&convex, 3.5e-5);
    let output = vec![constant(Symbol::StartRadius, 0.75, Provenance::Proved)];
    let output = SensitivityBound::new(Theorem::OutputPerturbation, output).unwrap();
    assert_just_above(&output, 1.5);
}

fn fine_tuning(steps: f64) -> Result<SensitivityBound, PrivacyError> {
    let constants = [
        (Symbol::NoisySteps, steps),
        (Symbol::StartRadius, 2.0),
        (Symbol::WeightDecay, 0.2),
        (Symbol::StepSize, 0.05),
        (Symbol::ClipNorm, 1.5),
    ];
    let proved = |(symbol, value)| constant(symbol, value, Provenance::Proved);
    SensitivityBound::new(
        Theorem::NoisyFineTuning,
        constants.into_iter().map(proved).collect(),
    )
}

#[test]
fn noisy_fine_tuning_is_the_same_in_both_rooms() {
    let method = NoisyFineTuning {
        radius: 2.0,
        step_size: 0.05,
        clip_norm: 1.5,
        weight_decay: 0.2,
        noisy_steps: 300,
    };
    assert_eq!(
        fine_tuning(300.0).unwrap().value(),
        method.effective_sensitivity().unwrap()
    );
    assert!(fine_tuning(300.5).is_err() && fine_tuning(1e16).is_err());
}

#[test]
fn kind_is_the_weakest_and_failures_add_up() {
    let step = SensitivityBound::new(Theorem::NewtonStep, newton(1.0, 0.5, 3.0, -1.0)).unwrap();
    assert_eq!(step.kind(), GuaranteeKind::Assumed);
    assert!(step.failure_probability() >= 1e-7 && step.failure_probability() < 1.000_001e-7);
    assert_eq!(ball(1.0).kind(), GuaranteeKind::Proved);
    assert!(ball(1.0).failure_probability() <= 0.0);

    let strongest_first = [
        GuaranteeKind::Proved,
        GuaranteeKind::Measured,
        GuaranteeKind::Probabilistic,
        GuaranteeKind::Estimated,
        GuaranteeKind::Assumed,
    ];
    assert!(strongest_first.is_sorted());
}

#[test]
fn the_smaller_bound_binds_and_says_so() {
    // λ_min far above Mρ/2: the Newton step beats the ball. At λ_min < 0 it never does.
    let good = SensitivityBound::new(Theorem::NewtonStep, newton(1.0, 0.5, 3.0, 9.0)).unwrap();
    let bounds = CandidateBounds::new(vec![ball(1.0), good]).unwrap();
    assert_eq!(bounds.binding().theorem(), Theorem::NewtonStep);
    for damping in [0.2, 1.0, 50.0, 1e6] {
        let constants = newton(1.0, 0.5, damping, -0.1);
        let step = SensitivityBound::new(Theorem::NewtonStep, constants).unwrap();
        let bounds = CandidateBounds::new(vec![step, ball(1.0)]).unwrap();
        assert_eq!(bounds.binding().theorem(), Theorem::BallDiameter);
        assert_eq!(bounds.ascending().count(), 2);
    }
}

#[test]
fn of_equal_bounds_the_better_founded_binds() {
    let output = vec![constant(Symbol::StartRadius, 1.0, Provenance::Assumed)];
    let output = SensitivityBound::new(Theorem::OutputPerturbation, output).unwrap();
    let bounds = CandidateBounds::new(vec![output, ball(1.0)]).unwrap();
    assert_eq!(bounds.binding().theorem(), Theorem::BallDiameter);
}

#[test]
fn candidates_that_cannot_be_compared_are_refused() {
    for bad in [
        vec![],
        vec![ball(1.0), ball(2.0)],
        vec![ball(1.0), fine_tuning(300.0).unwrap()],
    ] {
        let error = CandidateBounds::new(bad).unwrap_err();
        assert!(
            matches!(error, PrivacyError::BadCandidates { .. }),
            "{error}"
        );
    }
}

#[test]
fn theorems_refuse_what_they_do_not_cover() {
    let indefinite = SensitivityBound::new(Theorem::NewtonStep, newton(1.0, 0.5, 0.06, -0.07));
    let error = indefinite.unwrap_err().to_string();
    assert!(
        error.contains("raise the damping above -lambda_min"),
        "{error}"
    );
    assert!(SensitivityBound::new(Theorem::NewtonStep, newton(1.0, 0.5, 0.07, -0.07)).is_err());

    let flat = vec![
        constant(Symbol::GradientNorm, 1.0, Provenance::Measured),
        constant(Symbol::GradientBound, 0.0, Provenance::Proved),
        constant(Symbol::Penalty, 0.0, Provenance::Proved),
    ];
    assert!(SensitivityBound::new(Theorem::StronglyConvex, flat).is_err());
    // overflow is an error, not a bound
    assert!(SensitivityBound::new(Theorem::NewtonStep, newton(1e200, 1e200, 1.0, 0.0)).is_err());

    let mut twice = newton(1.0, 0.5, 3.0, 0.0);
    twice.push(twice[0].clone());
    let mut missing = newton(1.0, 0.5, 3.0, 0.0);
    missing.pop();
    for constants in [twice, missing, vec![]] {
        let error = SensitivityBound::new(Theorem::NewtonStep, constants).unwrap_err();
        assert!(matches!(error, PrivacyError::WrongConstants { .. }));
        assert!(
            error
                .to_string()
                .contains("rho, M, lambda, G, residual, lambda_min"),
            "{error}"
        );
    }
}

#[test]
fn constants_refuse_what_nobody_could_check() {
    let new = |value, provenance, how| Constant::new(Symbol::Damping, value, provenance, how);
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e-300] {
        assert!(new(value, Provenance::Proved, "set").is_err(), "{value}");
    }
    assert!(new(1.0, Provenance::Proved, "  ").is_err());
    for failure_probability in [f64::NAN, 0.0, 1.0, -0.1] {
        assert!(
            new(
                1.0,
                Provenance::Probabilistic {
                    failure_probability
                },
                "guess"
            )
            .is_err()
        );
    }
    assert!(
        Constant::new(
            Symbol::LeastEigenvalue,
            -0.07,
            Provenance::Estimated,
            "Ritz"
        )
        .is_ok()
    );
    let infinite = f64::INFINITY;
    assert!(Constant::new(Symbol::LeastEigenvalue, infinite, Provenance::Proved, "x").is_err());
}

#[test]
fn symbols_are_written_as_they_are_shown() {
    for theorem in [
        Theorem::NewtonStep,
        Theorem::BallDiameter,
        Theorem::StronglyConvex,
        Theorem::OutputPerturbation,
        Theorem::NoisyFineTuning,
        Theorem::RewindToDelete,
    ] {
        assert_eq!(
            serde_json::to_value(theorem).unwrap(),
            json!(theorem.as_str())
        );
        for symbol in theorem.symbols() {
            assert_eq!(
                serde_json::to_value(symbol).unwrap(),
                json!(symbol.as_str())
            );
            assert!(
                theorem.formula().contains(symbol.as_str()),
                "{theorem} leaves out {symbol}"
            );
        }
    }
}

fn step() -> SensitivityBound {
    SensitivityBound::new(Theorem::NewtonStep, newton(1.0, 0.5, 3.0, -1.0)).unwrap()
}

#[test]
fn the_wire_format_is_pinned() {
    let written = serde_json::to_value(ball(1.0)).unwrap();
    let expected = json!({
        "theorem": "ball_diameter",
        "constants": [{
            "symbol": "R",
            "value": 1.0,
            "provenance": {"kind": "proved"},
            "how": "for this test"
        }],
        "value": 2.000_000_000_000_007
    });
    assert_eq!(written, expected);
    let written = serde_json::to_string(&step()).unwrap();
    assert!(written.contains(r#"{"kind":"probabilistic","failure_probability":1e-7}"#));
    let read: SensitivityBound = serde_json::from_str(&written).unwrap();
    assert_eq!(read, step());
}

#[test]
fn nothing_false_is_read() {
    let refused = |bound: SensitivityBound, change: &dyn Fn(&mut Value)| {
        let mut written = serde_json::to_value(bound).unwrap();
        change(&mut written);
        let read = serde_json::from_value::<SensitivityBound>(written);
        read.unwrap_err().to_string()
    };
    let smaller = refused(ball(1.0), &|v| v["value"] = json!(1.999));
    assert!(
        smaller.contains("stated as 1.999, but its inputs give 2.00"),
        "{smaller}"
    );
    // larger would be safe, but is not what was computed
    refused(step(), &|v| v["value"] = json!(100.0));
    refused(ball(1.0), &|v| v["constants"][0]["value"] = json!(0.5));
    refused(ball(1.0), &|v| v["constants"][0]["value"] = json!(-1.0));
    refused(ball(1.0), &|v| v["constants"][0]["extra"] = json!(1));
    refused(ball(1.0), &|v| v["constants"] = json!([]));
    refused(ball(1.0), &|v| v["theorem"] = json!("newton_step"));
    // a provenance is part of the record: the untouched one is read
    let same = serde_json::from_value::<SensitivityBound>(serde_json::to_value(step()).unwrap());
    assert_eq!(same.unwrap(), step());
}

/// `e ← κe + 2ηmG/n` for N − K steps, then `e ← κe` for K.
fn rewound(constants: &[f64; 9]) -> f64 {
    let [
        eta,
        penalty,
        trained,
        again,
        records,
        removed,
        lipschitz,
        gradient,
        rounding,
    ] = *constants;
    let kappa = 1.0 + eta * (lipschitz - penalty);
    let kick = 2.0 * eta * removed * gradient / records;
    let (kick, apart) = (kick + 2.0 * rounding, 2.0 * rounding);
    let before = (0..(trained - again) as u64).fold(0.0, |e, _| kappa * e + kick);
    (0..again as u64).fold(before, |e, _| kappa * e + apart)
}

fn rewinding(values: &[f64; 9]) -> Result<SensitivityBound, PrivacyError> {
    let constants = Theorem::RewindToDelete.symbols().iter().zip(values);
    let constants = constants.map(|(&symbol, &value)| constant(symbol, value, Provenance::Assumed));
    SensitivityBound::new(Theorem::RewindToDelete, constants.collect())
}

#[test]
fn rewinding_bounds_its_recursion() {
    for values in [
        // eta, penalty, N, K, n, m, L, G, r
        [0.1, 0.0, 23.0, 0.0, 60_000.0, 1.0, 10.0, 1.0, 0.0],
        [0.1, 0.0, 100.0, 99.0, 60_000.0, 1.0, 10.0, 1.0, 1e-3],
        [0.01, 0.1, 1000.0, 700.0, 500.0, 20.0, 3.0, 2.0, 0.0],
        // κ = 1, and a contraction
        [0.5, 2.0, 50.0, 20.0, 100.0, 5.0, 2.0, 1.0, 1e-3],
        [0.5, 2.0, 50.0, 20.0, 100.0, 5.0, 1.0, 1.0, 0.0],
        [0.1, 0.0, 1.0, 0.0, 10.0, 10.0, 1.0, 1.0, 1e-3],
    ] {
        let (bound, exact) = (
            rewinding(&values).unwrap().value().value(),
            rewound(&values),
        );
        assert!(
            bound >= exact * (1.0 - 1e-13),
            "{values:?}: {bound} < {exact}"
        );
        assert!(
            bound <= exact * (1.0 + 1e-9),
            "{values:?}: {bound} > {exact}"
        );
    }
    // Retraining is at no distance from itself.
    let retraining = [0.1, 0.0, 30.0, 30.0, 100.0, 5.0, 10.0, 1.0, 0.0];
    assert!(rewinding(&retraining).unwrap().value().value() <= 1e-149);
    for refused in [
        [0.1, 0.0, 30.0, 31.0, 100.0, 5.0, 10.0, 1.0, 1e-3],
        [0.1, 0.0, 30.5, 3.0, 100.0, 5.0, 10.0, 1.0, 0.0],
        [0.1, 0.0, 30.0, 3.0, 100.0, 101.0, 10.0, 1.0, 1e-3],
        [0.1, 11.0, 30.0, 3.0, 100.0, 5.0, 10.0, 1.0, 0.0],
        [1.0, 0.0, 9000.0, 3.0, 100.0, 5.0, 10.0, 1.0, 1e-3],
    ] {
        let error = rewinding(&refused).unwrap_err();
        assert!(
            matches!(error, PrivacyError::OutOfRange { .. }),
            "{refused:?}: {error}"
        );
    }
}
