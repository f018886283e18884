//! What must hold for all numbers: order, inverses, composition, and never too little noise.

use proptest::prelude::*;
use rescind_privacy::{Delta, Epsilon, Gdp, NoiseScale, Sensitivity, analytic};

/// 10^x for x in a range: a number of any magnitude.
fn magnitude(low: f64, high: f64) -> impl Strategy<Value = f64> {
    (low..high).prop_map(|x| 10f64.powf(x))
}

fn eps() -> impl Strategy<Value = Epsilon> {
    prop_oneof![magnitude(-7.0, 1.0), magnitude(1.0, 12.0)].prop_map(|v| Epsilon::new(v).unwrap())
}

fn del() -> impl Strategy<Value = Delta> {
    prop_oneof![magnitude(-305.0, -2.0), magnitude(-12.0, -0.01)]
        .prop_map(|v| Delta::new(v).unwrap())
}

fn sens() -> impl Strategy<Value = Sensitivity> {
    magnitude(-12.0, 6.0).prop_map(|v| Sensitivity::new(v).unwrap())
}

fn noise() -> impl Strategy<Value = NoiseScale> {
    magnitude(-12.0, 6.0).prop_map(|v| NoiseScale::new(v).unwrap())
}

fn gdp() -> impl Strategy<Value = Gdp> {
    magnitude(-8.0, 6.0).prop_map(|v| Gdp::new(v).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn calibration_never_overshoots_and_wastes_nothing(e in eps(), d in del(), s in sens()) {
        let sigma = analytic::calibrate(e, d, s).unwrap();
        prop_assert!(analytic::delta(e, s, sigma).unwrap() <= d);
        prop_assert!(analytic::epsilon(d, s, sigma).unwrap() <= e);
        // also from the parameter as it is written down, by which a budget counts
        prop_assert!(Gdp::of_release(s, sigma).unwrap().epsilon(d).unwrap() <= e);
        // the very next smaller sigma would break the promise
        let less = NoiseScale::new(sigma.value() * (1.0 - 1e-13)).unwrap();
        prop_assert!(analytic::delta(e, s, less).unwrap() > d);
    }

    #[test]
    fn epsilon_and_delta_are_inverse(d in del(), s in sens(), n in noise()) {
        let e = analytic::epsilon(d, s, n).unwrap();
        prop_assert!(analytic::delta(e, s, n).unwrap() <= d);
        if e.value() > 0.0 {
            let less = Epsilon::new(e.value().next_down()).unwrap();
            prop_assert!(analytic::delta(less, s, n).unwrap() > d);
        }
    }

    #[test]
    fn promise_and_mu_are_inverse(e in eps(), d in del(), s in sens()) {
        let gdp = Gdp::for_promise(e, d).unwrap();
        prop_assert!(gdp.delta(e) <= d);
        let sigma = analytic::calibrate(e, d, s).unwrap();
        let through_mu = gdp.noise_scale(s).unwrap();
        prop_assert!(through_mu >= sigma);
        prop_assert!(through_mu.value() <= sigma.value() * (1.0 + 1e-14));
        prop_assert!(Gdp::of_release(s, through_mu).unwrap() <= gdp);
    }

    #[test]
    fn what_a_guesser_finds_grows_with_mu_and_keeps_to_every_promise(
        g in (0.0..40f64).prop_map(|v| Gdp::new(v).unwrap()), d in del(), a in 1e-12..1.0f64
    ) {
        let found = g.found(a);
        prop_assert!(found >= a && found <= 1.0);
        prop_assert!(Gdp::new(g.mu() + 0.1).unwrap().found(a) >= found);
        // (ε, δ) allows at most e^ε a + δ.
        let allowed = g.epsilon(d).unwrap().value().exp() * a + d.value();
        prop_assert!(found <= allowed.min(1.0) * (1.0 + 1e-9), "{found} {allowed}");
    }

    #[test]
    fn more_noise_means_less_loss(d in del(), e in eps(), s in sens(), n in noise(), k in 1.0..9f64) {
        let more = NoiseScale::new(n.value() * k).unwrap();
        prop_assert!(analytic::epsilon(d, s, more).unwrap() <= analytic::epsilon(d, s, n).unwrap());
        prop_assert!(analytic::delta(e, s, more).unwrap() <= analytic::delta(e, s, n).unwrap());
        let wider = Sensitivity::new(s.value() * k).unwrap();
        prop_assert!(analytic::epsilon(d, wider, n).unwrap() >= analytic::epsilon(d, s, n).unwrap());
        prop_assert!(analytic::delta(e, wider, n).unwrap() >= analytic::delta(e, s, n).unwrap());
    }

    #[test]
    fn weaker_promises_need_less_noise(e in eps(), d in del(), s in sens(), k in 1.0..9f64) {
        let sigma = analytic::calibrate(e, d, s).unwrap();
        let weaker = Epsilon::new(e.value() * k).unwrap();
        prop_assert!(analytic::calibrate(weaker, d, s).unwrap() <= sigma);
        let likelier = Delta::new((d.value() * k).min(0.999)).unwrap();
        prop_assert!(analytic::calibrate(e, likelier, s).unwrap() <= sigma);
        let wider = Sensitivity::new(s.value() * k).unwrap();
        prop_assert!(analytic::calibrate(e, d, wider).unwrap() >= sigma);
    }

    #[test]
    fn loss_falls_as_delta_grows(d in del(), s in sens(), n in noise(), k in 1.0..9f64) {
        let likelier = Delta::new((d.value() * k).min(1.0)).unwrap();
        prop_assert!(analytic::epsilon(likelier, s, n).unwrap() <= analytic::epsilon(d, s, n).unwrap());
    }

    #[test]
    fn delta_falls_as_epsilon_grows(e in eps(), g in gdp(), k in 1.0..9f64) {
        prop_assert!(g.delta(Epsilon::new(e.value() * k).unwrap()) <= g.delta(e));
    }

    #[test]
    fn composition_in_any_order_and_grouping(x in gdp(), y in gdp(), z in gdp()) {
        let all = Gdp::compose([x, y, z]).unwrap().mu();
        let left = Gdp::compose([Gdp::compose([x, y]).unwrap(), z]).unwrap().mu();
        let right = Gdp::compose([x, Gdp::compose([y, z]).unwrap()]).unwrap().mu();
        let back = Gdp::compose([z, y, x]).unwrap().mu();
        for other in [left, right, back] {
            prop_assert!((other / all - 1.0).abs() < 1e-14);
        }
        prop_assert!(all >= x.mu().max(y.mu()).max(z.mu()));
        let exact = x.mu().hypot(y.mu()).hypot(z.mu());
        prop_assert!(all >= exact * (1.0 - 1e-15) && all <= exact * (1.0 + 1e-14));
    }

    #[test]
    fn two_releases_lose_more_than_one(x in gdp(), y in gdp(), d in del()) {
        let both = Gdp::compose([x, y]).unwrap();
        prop_assert!(both.epsilon(d).unwrap() >= x.epsilon(d).unwrap());
    }
}
