//! The promise that bounds and noise make, over random settings.

use proptest::prelude::*;
use rescind_certificate::{BoundChoice, MOST_DELTA, TermsError, terms, upward};
use rescind_privacy::accounting::{Accountant, GaussianAccountant, Spending};
use rescind_privacy::noise::Origin;
use rescind_privacy::sensitivity::{Constant, Provenance, SensitivityBound, Symbol, Theorem};
use rescind_privacy::{Delta, NoiseChoice, analytic};

fn magnitude(low: f64, high: f64) -> impl Strategy<Value = f64> {
    (low..high).prop_map(|x| 10f64.powf(x))
}

/// The ball's diameter, or a Newton step whose last constant fails with this probability.
fn bound(size: f64, failure: Option<f64>) -> SensitivityBound {
    let constant = |symbol, value, provenance| {
        Constant::new(symbol, value, provenance, "by the test").unwrap()
    };
    let Some(failure_probability) = failure else {
        let radius = constant(Symbol::BallRadius, size, Provenance::Proved);
        return SensitivityBound::new(Theorem::BallDiameter, vec![radius]).unwrap();
    };
    let least = Provenance::Probabilistic {
        failure_probability,
    };
    let constants = vec![
        constant(Symbol::Distance, size, Provenance::Proved),
        constant(Symbol::HessianLipschitz, 0.5, Provenance::Assumed),
        constant(Symbol::Damping, 0.25, Provenance::Proved),
        constant(Symbol::GradientBound, 1e-3, Provenance::Assumed),
        constant(Symbol::Residual, 1e-4, Provenance::Measured),
        constant(Symbol::LeastEigenvalue, 0.125, least),
    ];
    SensitivityBound::new(Theorem::NewtonStep, constants).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The ε printed is at least the true one, and at most the one asked for; a budget of that ε
    /// takes the first release.
    #[test]
    fn no_promise_is_less_than_the_truth_and_none_more_than_was_asked(
        asked in magnitude(-3.0, 2.0),
        delta in magnitude(-18.0, -1.1),
        size in magnitude(-8.0, 4.0),
        fails in any::<bool>(),
        sigma in magnitude(-4.0, 6.0),
        given in any::<bool>(),
    ) {
        let failure = fails.then_some(delta / 3.0);
        let choice = match given {
            true => NoiseChoice::Sigma { sigma, delta },
            false => NoiseChoice::Promise { epsilon: asked, delta },
        };
        let candidates = vec![bound(size, failure)];
        let terms = terms(&choice, candidates, &[], &[], Origin::OperatingSystem, BoundChoice::Public).unwrap();
        // What constants may fail with is rounded up: nothing is left out of delta.
        let (failure, taken) = (failure.unwrap_or(0.0), terms.failure_probability);
        prop_assert!(taken >= failure && taken <= failure * (1.0 + 1e-12));
        let rest = Delta::new(delta).unwrap().less_failure(taken).unwrap();
        prop_assert_eq!(terms.mechanism_delta, rest);
        let left = Delta::new(delta - failure).unwrap();
        let truth = analytic::epsilon(left, terms.sensitivity, terms.sigma).unwrap().value();
        let stated = terms.guarantee.epsilon.value();
        prop_assert!(stated >= truth, "{} {}", stated, truth);
        let printed: f64 = upward(stated).parse().unwrap();
        prop_assert!(printed >= truth);
        prop_assert!(terms.guarantee.gdp.epsilon(rest).unwrap().value() <= stated);
        let spending = Spending::Gaussian {
            sensitivity: terms.sensitivity,
            sigma: terms.sigma,
            failure_probability: terms.failure_probability,
        };
        let accountant = GaussianAccountant::of(&[spending]).unwrap();
        let counted = accountant.epsilon(Delta::new(delta).unwrap()).unwrap().value();
        prop_assert!(counted <= stated, "{} {}", counted, stated);
        if !given {
            prop_assert!(stated.to_bits() == asked.to_bits());
        }
    }
}

#[test]
fn a_delta_that_says_nothing_is_refused() {
    let at = |delta| {
        let choice = NoiseChoice::Promise {
            epsilon: 1.0,
            delta,
        };
        terms(
            &choice,
            vec![bound(1.0, None)],
            &[],
            &[],
            Origin::OperatingSystem,
            BoundChoice::Public,
        )
    };
    for delta in [MOST_DELTA, 0.5, 1.0] {
        let found = at(delta);
        assert!(
            matches!(found, Err(TermsError::DeltaTooLarge { delta: d }) if d >= delta),
            "{found:?}"
        );
    }
    // The noise has no end: however small δ is, some noise keeps it.
    for delta in [MOST_DELTA.next_down(), 1e-20, 1e-34, 1e-300] {
        assert!(at(delta).is_ok(), "{delta}");
    }
}
