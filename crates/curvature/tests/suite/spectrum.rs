use std::ops::ControlFlow;

use proptest::prelude::*;
use rescind_curvature::{
    Cholesky, Control, Counted, Damped, DenseOperator, DensitySettings, Ending, LanczosSettings,
    LinearOperator, Progress, Real, Solver, SpectralDensity, SpectrumError, SpectrumEstimate,
    SuggestedDamping,
};

use crate::dense::{Dense, Function, geometric, random_vector};

fn measure<T: Real>(
    operator: &impl LinearOperator<T>,
    steps: usize,
    seed: u64,
) -> SpectrumEstimate {
    SpectrumEstimate::measure(
        operator,
        LanczosSettings { steps, seed },
        &mut Control::default(),
    )
    .unwrap()
}

/// A diagonal operator, cheap enough for thousands of runs.
fn diagonal(values: Vec<f64>) -> Function<impl Fn(&[f64], &mut [f64]) + Sync> {
    let dim = values.len();
    let f = move |v: &[f64], out: &mut [f64]| {
        out.iter_mut()
            .zip(v.iter().zip(&values))
            .for_each(|(out, (v, d))| *out = v * d);
    };
    Function { dim, f }
}

#[test]
fn the_bounds_fail_no_more_often_than_they_say() {
    let probability = 0.2;
    // Isolated ends are found at once; ends in a crowd are hard; the worst case of the theorem's
    // proof has its eigenvalues at Chebyshev nodes.
    let isolated: Vec<f64> = [vec![-1.0], geometric(0.1, 1.0, 198), vec![3.0]].concat();
    let crowded: Vec<f64> = (0..200).map(|i| i as f64 / 199.0).collect();
    let chebyshev: Vec<f64> = (0..200)
        .map(|i| (std::f64::consts::PI * (i as f64 + 0.5) / 200.0).cos())
        .collect();
    for values in [isolated, crowded, chebyshev] {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let operator = diagonal(values);
        for steps in [8, 12, 20] {
            let runs = 300;
            let (mut failed, mut margin) = (0, 0.0);
            for seed in 0..runs {
                let estimate = measure(&operator, steps, seed);
                assert!(estimate.theta_min >= least - 1e-12 && estimate.theta_max <= most + 1e-12);
                let lower = estimate.lambda_min_lower(probability).unwrap();
                let upper = estimate.lambda_max_upper(probability).unwrap();
                margin += (estimate.theta_min - lower) / runs as f64;
                failed += u32::from(least < lower || most > upper);
            }
            assert!(
                f64::from(failed) <= probability * runs as f64,
                "{failed} of {runs}"
            );
            assert!(
                margin > 0.0,
                "a bound that concedes nothing after {steps} steps"
            );
        }
    }
}

#[test]
fn the_bound_is_the_formula() {
    let estimate = SpectrumEstimate {
        dim: 10_000,
        steps: 60,
        theta_min: -0.5,
        theta_max: 5.5,
        rounding: 0.001,
    };
    let p = 1e-6;
    let margin = estimate.theta_min - estimate.lambda_min_lower(p).unwrap() - 0.001;
    assert!((estimate.lambda_max_upper(p).unwrap() - 5.5 - 0.001 - margin).abs() < 1e-12);
    // margin = ηs/(1 − 2η); undo it, and put η back into the theorem.
    let eta = margin / (6.0 + 2.0 * margin);
    let each = 1.648 * 100.0 * (-eta.sqrt() * 119.0).exp();
    assert!((2.0 * each / p - 1.0).abs() < 1e-9, "{each}");
    let tiny = estimate.lambda_min_lower(1e-300);
    assert!(matches!(tiny, Err(SpectrumError::TooFewSteps { .. })));
    let more = SpectrumEstimate {
        steps: 1000,
        ..estimate
    };
    assert!(more.lambda_min_lower(1e-300).unwrap() < -0.5);
}

#[test]
fn too_few_steps_say_how_many_are_needed() {
    let estimate = measure(&diagonal(geometric(1.0, 2.0, 500)), 3, 1);
    let error = estimate.lambda_min_lower(1e-6).unwrap_err();
    let SpectrumError::TooFewSteps {
        needed,
        steps: 3,
        dim: 500,
        ..
    } = error
    else {
        panic!("{error}")
    };
    assert!(
        SpectrumEstimate {
            steps: needed,
            ..estimate
        }
        .lambda_min_lower(1e-6)
        .is_ok()
    );
    assert!(
        SpectrumEstimate {
            steps: needed - 1,
            ..estimate
        }
        .lambda_min_lower(1e-6)
        .is_err()
    );
    for p in [0.0, 1.0, -0.1, f64::NAN] {
        assert!(matches!(
            estimate.lambda_min_lower(p),
            Err(SpectrumError::Setting(_))
        ));
    }
}

proptest! {
    #[test]
    fn d_steps_are_exact(
        values in prop::collection::vec(-5.0..5.0_f64, 1..25), repeats in 1_usize..3,
        seed in any::<u64>(),
    ) {
        let values: Vec<f64> = values.iter().cycle().take(values.len() * repeats).copied().collect();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let operator = Counted::new(Dense::with_spectrum(&values, seed).operator::<f64>());
        let estimate = measure(&operator, 1000, seed);
        prop_assert_eq!((estimate.steps, operator.products()), (values.len(), values.len() as u64));
        let lower = estimate.lambda_min_lower(1e-12).unwrap();
        let upper = estimate.lambda_max_upper(1e-12).unwrap();
        prop_assert!(lower - 1e-12 <= least && least - lower < 1e-10);
        prop_assert!(upper + 1e-12 >= most && upper - most < 1e-10);
    }
}

#[test]
fn invariant_subspaces_do_not_end_the_process() {
    // Two distinct eigenvalues: the Krylov space is exhausted after two steps.
    fn check<T: Real>(accuracy: f64) {
        let values: Vec<f64> = (0..80)
            .map(|i| if i % 2 == 0 { -1.0 } else { 4.0 })
            .collect();
        let operator = Dense::with_spectrum(&values, 3).operator::<T>();
        let estimate = measure(&operator, 40, 4);
        assert_eq!(estimate.steps, 40);
        assert!(
            (estimate.theta_min + 1.0).abs() < accuracy
                && (estimate.theta_max - 4.0).abs() < accuracy
        );
        assert!(estimate.lambda_min_lower(1e-3).unwrap() <= -1.0);
        let identity = measure(&Damped::new(diagonal(vec![0.0; 50]), 2.0).unwrap(), 30, 1);
        assert!((identity.lambda_min_lower(1e-3).unwrap() - 2.0).abs() < 1e-12);
    }
    check::<f64>(1e-12);
    check::<f32>(1e-4);
    let one = measure(&DenseOperator::new(1, vec![-3.0_f32]).unwrap(), 1, 0);
    assert!((one.lambda_min_lower(1e-9).unwrap() + 3.0).abs() < 1e-5);
    assert!((one.lambda_max_upper(1e-9).unwrap() + 3.0).abs() < 1e-5);
}

#[test]
fn single_precision_keeps_the_ends() {
    let matrix = Dense::with_spectrum(&[vec![-0.07], geometric(1e-4, 6.0, 199)].concat(), 5);
    let (single, double) = (
        measure(&matrix.operator::<f32>(), 60, 2),
        measure(&matrix.operator::<f64>(), 60, 2),
    );
    assert!((single.theta_min - double.theta_min).abs() < single.rounding);
    assert!((single.theta_max - double.theta_max).abs() < single.rounding);
    assert!((double.theta_min + 0.07).abs() < 1e-6);
}

#[test]
fn what_cannot_be_measured_is_named() {
    let nan = Function {
        dim: 9,
        f: |_: &[f32], out: &mut [f32]| out.fill(f32::NAN),
    };
    let settings = LanczosSettings { steps: 5, seed: 0 };
    let error = SpectrumEstimate::measure(&nan, settings, &mut Control::default()).unwrap_err();
    assert_eq!(error, SpectrumError::NonFinite { products: 1 });
    let operator = diagonal(vec![1.0, 2.0, 3.0]);
    let mut stop = |progress: Progress| {
        if progress.iteration == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let error =
        SpectrumEstimate::measure(&operator, settings, &mut Control::new(&mut stop)).unwrap_err();
    assert_eq!(error, SpectrumError::Interrupted { products: 2 });
    let none = LanczosSettings {
        steps: 0,
        ..settings
    };
    assert!(SpectrumEstimate::measure(&operator, none, &mut Control::default()).is_err());
    let empty = DenseOperator::<f64>::new(0, Vec::new()).unwrap();
    assert!(SpectrumEstimate::measure(&empty, settings, &mut Control::default()).is_err());
}

#[test]
fn the_density_has_the_moments_of_the_spectrum() {
    let values = [geometric(0.01, 1.0, 150), vec![5.0; 50]].concat();
    let operator = Dense::with_spectrum(&values, 6).operator::<f64>();
    let settings = DensitySettings {
        starts: 200,
        steps: 12,
        seed: 1,
    };
    let density = SpectralDensity::estimate(&operator, settings, &mut Control::default()).unwrap();
    assert_eq!(density.products, 2400);
    assert!(density.nodes.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    let moment = |k: i32| {
        density
            .nodes
            .iter()
            .map(|(v, w)| w * v.powi(k))
            .sum::<f64>()
    };
    let exact = |k: i32| values.iter().map(|v| v.powi(k)).sum::<f64>() / 200.0;
    assert!((moment(0) - 1.0).abs() < 1e-12);
    for k in 1..4 {
        // uᵀAᵏu over the sphere has variance below 2 Σλ²ᵏ / d² a start.
        let deviation = (2.0 * exact(2 * k) / 200.0 / 200.0).sqrt();
        assert!(
            (moment(k) - exact(k)).abs() < 4.0 * deviation,
            "moment {k}: {} {}",
            moment(k),
            exact(k)
        );
    }
    let near_five: f64 = density
        .nodes
        .iter()
        .filter(|(v, _)| (v - 5.0).abs() < 0.1)
        .map(|n| n.1)
        .sum();
    assert!((near_five - 0.25).abs() < 0.02, "{near_five}");
    let integral: f64 = (-200..1200)
        .map(|i| 0.01 * density.at(0.01 * f64::from(i), 0.1).unwrap())
        .sum();
    assert!((integral - 1.0).abs() < 1e-6, "{integral}");
    assert_eq!(density.at(1.0, 0.0).unwrap_err().setting, "width");
}

#[test]
fn the_suggested_damping_does_what_it_says() {
    let matrix = Dense::with_spectrum(&[vec![-0.3], geometric(0.01, 6.0, 49)].concat(), 7);
    let operator = matrix.operator::<f64>();
    let spectrum = measure(&operator, 50, 1);
    let suggested = SuggestedDamping::new(&spectrum, 100.0, 1e-6).unwrap();
    let exact = (6.0 + 100.0 * 0.3) / 99.0;
    assert!((suggested.damping - exact).abs() < 1e-9);
    assert!(((6.0 + suggested.damping) / (suggested.damping - 0.3) - 100.0).abs() < 1e-4);
    let system = Damped::new(&operator, suggested.damping).unwrap();
    let solved = Cholesky::default()
        .solve(&system, &random_vector(50, 1), &mut Control::default())
        .unwrap();
    assert_eq!(solved.ending, Ending::Converged);
    assert!(
        suggested.to_string().contains("must exceed 3.000e-1"),
        "{suggested}"
    );

    let definite = measure(&diagonal(vec![1.0, 2.0, 3.0]), 3, 1);
    let none = SuggestedDamping::new(&definite, 10.0, 1e-6).unwrap();
    assert!(none.damping <= 0.0);
    assert!(SuggestedDamping::new(&definite, 1.0, 1e-6).is_err());
}

#[test]
fn estimates_can_be_stored() {
    let estimate = measure(&diagonal(geometric(0.1, 7.0, 30)), 9, 5);
    let json = serde_json::to_string(&estimate).unwrap();
    assert_eq!(
        serde_json::from_str::<SpectrumEstimate>(&json).unwrap(),
        estimate
    );
}
