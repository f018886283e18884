//! Against independent values at 120 digits (reference/make_reference.py): never below the true
//! value where the answer must be rounded up, and hardly above it.

use rescind_privacy::{
    Delta, Epsilon, Gdp, NoiseScale, PrivacyError, Sensitivity, analytic, classical,
};
use serde::de::DeserializeOwned;

/// Relative accuracy asked of every direction. The worst case is ε = 1e-6 at δ = 0.5, which hangs on
/// the last bit of δ; elsewhere answers are off by a bit or two.
const ACCURACY: f64 = 1e-11;

fn table<Row: DeserializeOwned>(text: &str) -> Vec<Row> {
    serde_json::from_str(text).unwrap()
}

#[track_caller]
fn assert_just_above(what: &str, found: f64, ceil: f64) {
    assert!(
        found >= ceil,
        "{what}: {found:e} is below the true value {ceil:e}"
    );
    assert!(
        found <= ceil * (1.0 + ACCURACY),
        "{what}: {found:e} is far above {ceil:e}"
    );
}

#[derive(serde::Deserialize)]
struct Mechanism {
    epsilon: f64,
    delta: f64,
    sensitivity: f64,
    sigma_ceil: f64,
    sigma: f64,
    epsilon_ceil: f64,
    delta_ceil: f64,
}

#[test]
fn analytic_mechanism_in_all_three_directions() {
    let rows: Vec<Mechanism> = table(include_str!("reference/mechanism.json"));
    assert_eq!(rows.len(), 58);
    for row in rows {
        let case = format!("eps {:e}, delta {:e}", row.epsilon, row.delta);
        let epsilon = Epsilon::new(row.epsilon).unwrap();
        let delta = Delta::new(row.delta).unwrap();
        let sensitivity = Sensitivity::new(row.sensitivity).unwrap();
        let noise = NoiseScale::new(row.sigma).unwrap();

        let sigma = analytic::calibrate(epsilon, delta, sensitivity).unwrap();
        assert_just_above(&format!("sigma at {case}"), sigma.value(), row.sigma_ceil);
        let found = analytic::epsilon(delta, sensitivity, noise).unwrap();
        assert_just_above(
            &format!("epsilon at {case}"),
            found.value(),
            row.epsilon_ceil,
        );
        let found = analytic::delta(epsilon, sensitivity, noise).unwrap();
        assert_just_above(&format!("delta at {case}"), found.value(), row.delta_ceil);

        // What was calibrated keeps the promise in this crate's own arithmetic, to the last bit.
        assert!(
            analytic::delta(epsilon, sensitivity, sigma).unwrap() <= delta,
            "{case}"
        );
        assert!(
            analytic::epsilon(delta, sensitivity, sigma).unwrap() <= epsilon,
            "{case}"
        );
    }
}

#[derive(serde::Deserialize)]
struct Conversion {
    mu: f64,
    epsilon: f64,
    delta_ceil: f64,
    delta: f64,
    epsilon_ceil: f64,
    mu_floor: f64,
}

#[test]
fn gaussian_dp_conversions() {
    for row in table::<Conversion>(include_str!("reference/gdp.json")) {
        let case = format!(
            "mu {:e}, eps {:e}, delta {:e}",
            row.mu, row.epsilon, row.delta
        );
        let gdp = Gdp::new(row.mu).unwrap();
        let epsilon = Epsilon::new(row.epsilon).unwrap();
        let delta = Delta::new(row.delta).unwrap();
        assert_just_above(&case, gdp.delta(epsilon).value(), row.delta_ceil);
        assert_just_above(&case, gdp.epsilon(delta).unwrap().value(), row.epsilon_ceil);
        if row.delta < 1.0 {
            let mu = Gdp::for_promise(epsilon, delta).unwrap().mu();
            assert!(
                mu <= row.mu_floor,
                "{case}: {mu:e} exceeds {:e}",
                row.mu_floor
            );
            assert!(mu >= row.mu_floor * (1.0 - ACCURACY), "{case}: {mu:e}");
        }
    }
}

#[derive(serde::Deserialize)]
struct Classical {
    epsilon: f64,
    delta: f64,
    sigma_ceil: f64,
}

#[test]
fn classical_mechanism_needs_more_noise() {
    let unit = Sensitivity::new(1.0).unwrap();
    for row in table::<Classical>(include_str!("reference/classical.json")) {
        let (epsilon, delta) = (
            Epsilon::new(row.epsilon).unwrap(),
            Delta::new(row.delta).unwrap(),
        );
        let sigma = classical::calibrate(epsilon, delta, unit).unwrap();
        assert_just_above("classical sigma", sigma.value(), row.sigma_ceil);
        assert!(sigma > analytic::calibrate(epsilon, delta, unit).unwrap());
    }
}

#[test]
fn the_figures_everyone_quotes() {
    let (unit, delta) = (Sensitivity::new(1.0).unwrap(), Delta::new(1e-5).unwrap());
    let epsilon = Epsilon::new(1.0).unwrap();
    let analytic = analytic::calibrate(epsilon, delta, unit).unwrap().value();
    let classical = classical::calibrate(epsilon, delta, unit).unwrap().value();
    assert!((analytic - 3.7306).abs() < 5e-5);
    assert!((classical - 4.8448).abs() < 5e-5);
}

#[test]
fn refusals_name_the_thing_and_the_remedy() {
    let (unit, half) = (Sensitivity::new(1.0).unwrap(), Delta::new(0.5).unwrap());
    let classical = classical::calibrate(Epsilon::new(1.5).unwrap(), half, unit).unwrap_err();
    assert_eq!(
        classical.to_string(),
        "epsilon of the classical Gaussian mechanism is 1.5, but must be above 0 and at most 1, \
         where its formula is proved; use the analytic Gaussian mechanism, which holds for every \
         epsilon and needs less noise"
    );
    let certain = Delta::new(1.0).unwrap();
    for refused in [
        analytic::calibrate(Epsilon::new(1.0).unwrap(), certain, unit).map(|_| ()),
        Gdp::for_promise(Epsilon::new(1.0).unwrap(), certain).map(|_| ()),
        // so small a promise that no noise of this type keeps it
        analytic::calibrate(
            Epsilon::new(0.0).unwrap(),
            Delta::new(1e-300).unwrap(),
            Sensitivity::new(1e100).unwrap(),
        )
        .map(|_| ()),
        // so little noise that epsilon has no name
        analytic::epsilon(
            half,
            Sensitivity::new(1e100).unwrap(),
            NoiseScale::new(1e-100).unwrap(),
        )
        .map(|_| ()),
        Gdp::new(0.0).unwrap().noise_scale(unit).map(|_| ()),
    ] {
        assert!(
            matches!(refused, Err(PrivacyError::OutOfRange { .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn quantities_refuse_what_they_cannot_mean() {
    for bad in [f64::NAN, f64::INFINITY, -1.0] {
        assert!(Epsilon::new(bad).is_err());
        assert!(Delta::new(bad).is_err());
        assert!(Sensitivity::new(bad).is_err());
        assert!(NoiseScale::new(bad).is_err());
        assert!(Gdp::new(bad).is_err());
    }
    assert!(Delta::new(0.0).is_err() && Delta::new(1.0 + 1e-15).is_err());
    assert!(Sensitivity::new(0.0).is_err() && NoiseScale::new(0.0).is_err());
    assert!(
        serde_json::from_str::<Delta>("2.0")
            .unwrap_err()
            .to_string()
            .contains("delta is 2.0")
    );
}

#[test]
fn extremes_stay_on_the_safe_side() {
    let unit = Sensitivity::new(1.0).unwrap();
    let least = Delta::new(f64::MIN_POSITIVE).unwrap();
    let huge = Gdp::new(1e150).unwrap();
    // μ²/2 + μ·37.5: the last term is far below the last bit of the first
    assert_just_above("epsilon", huge.epsilon(least).unwrap().value(), 5e299);
    assert!((huge.delta(Epsilon::new(1e299).unwrap()).value() - 1.0).abs() < 1e-15);
    let none = Gdp::new(0.0).unwrap();
    assert!(none.epsilon(least).unwrap().value() <= 0.0);
    assert!(none.delta(Epsilon::new(0.0).unwrap()) <= least);
    // below every representable μ of the profile: δ is enlarged, never lost
    let tiny = Gdp::new(1e-290)
        .unwrap()
        .delta(Epsilon::new(0.0).unwrap())
        .value();
    assert!((1e-290..1e-150).contains(&tiny));
    let sigma = analytic::calibrate(Epsilon::new(1e290).unwrap(), least, unit).unwrap();
    assert!(sigma.value() > 0.0 && sigma.value() < 1e-144);
}

#[test]
fn failures_are_paid_from_delta() {
    let delta = Delta::new(1e-5).unwrap();
    let left = delta.less_failure(4e-6).unwrap().value();
    assert!(left < 1e-5 - 4e-6 && left > 5.999_999_999e-6, "{left:e}");
    let total = delta.plus_failure(4e-6).unwrap().value();
    assert!(
        (1e-5 + 4e-6..1.400_000_000_1e-5).contains(&total),
        "{total:e}"
    );
    assert_eq!(delta.less_failure(0.0).unwrap(), delta);
    assert_eq!(delta.plus_failure(0.0).unwrap(), delta);
    let spent = delta.less_failure(1e-5).unwrap_err();
    assert!(
        spent.to_string().contains("smaller failure probability"),
        "{spent}"
    );
    assert!(delta.less_failure(f64::NAN).is_err() && delta.plus_failure(-0.1).is_err());
    assert!(delta.plus_failure(1.0).unwrap() <= Delta::new(1.0).unwrap());
}
