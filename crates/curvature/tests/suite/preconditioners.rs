use std::ops::ControlFlow;

use rescind_curvature::{
    Cg, Control, Counted, Damped, DenseOperator, DiagonalPreconditioner, Ending, LinearOperator,
    NystromPreconditioner, NystromSettings, Preconditioner, PreconditionerError, Progress, Real,
    Solution, Solver, Stopping, dot,
};

use crate::dense::{Dense, Function, geometric, narrow, random_vector, relative_distance, widen};

fn cg<T: Real>(
    operator: &DenseOperator<T>,
    damping: f64,
    tolerance: f64,
    preconditioner: Option<&dyn Preconditioner<T>>,
) -> Solution<T> {
    let stopping = Stopping {
        relative_tolerance: tolerance,
        max_products: 3000,
    };
    let mut solver = Cg::new(stopping);
    if let Some(preconditioner) = preconditioner {
        solver = solver.preconditioned_by(preconditioner);
    }
    let rhs: Vec<T> = narrow(&random_vector(operator.dim(), 77));
    let system = Damped::new(operator, damping).unwrap();
    solver
        .solve(&system, &rhs, &mut Control::default())
        .unwrap()
}

fn prepare<T: Real>(
    operator: &impl LinearOperator<T>,
    settings: NystromSettings,
) -> Result<NystromPreconditioner<T>, PreconditionerError> {
    NystromPreconditioner::prepare(operator, &settings, &mut Control::default())
}

/// A positive-semidefinite matrix whose spectrum falls from 100 to 1e-4, then stays there.
fn decaying(seed: u64) -> Dense {
    let mut eigenvalues = geometric(100.0, 1e-4, 40);
    eigenvalues.extend(vec![1e-4; 160]);
    Dense::with_spectrum(&eigenvalues, seed)
}

#[test]
fn nystrom_cuts_iterations_here_nearby_and_at_other_dampings() {
    fn check<T: Real>(tolerance: f64) {
        let matrix = decaying(1);
        let operator = matrix.operator::<T>();
        let prepared = prepare(&operator, NystromSettings::for_damping(1e-2)).unwrap();
        let mut nearby = matrix.clone();
        let change = Dense::with_spectrum(&geometric(0.05, 1e-3, 200), 2);
        nearby
            .entries
            .iter_mut()
            .zip(&change.entries)
            .for_each(|(a, e)| *a += e);
        for (matrix, damping, most) in
            [(&matrix, 1e-2, 20), (&matrix, 0.3, 20), (&nearby, 1e-2, 40)]
        {
            let operator = matrix.operator::<T>();
            let plain = cg(&operator, damping, tolerance, None);
            let faster = cg(
                &operator,
                damping,
                tolerance,
                Some(&prepared.at(damping).unwrap()),
            );
            assert_eq!(
                (plain.ending, faster.ending),
                (Ending::Converged, Ending::Converged)
            );
            let (slow, fast) = (plain.history.len(), faster.history.len());
            assert!(
                fast <= most && 2 * fast < slow,
                "λ {damping}: {slow} to {fast}"
            );
            let exact = matrix.solve(damping, &random_vector(200, 77));
            let distance = relative_distance(&widen(&faster.x), &exact);
            assert!(distance < 3e4 * tolerance, "{distance:e}");
        }
    }
    check::<f64>(1e-9);
    check::<f32>(1e-4);
}

#[test]
fn a_full_sketch_is_the_inverse_and_gives_the_eigenvalues() {
    let eigenvalues = geometric(5.0, 0.01, 24);
    let matrix = Dense::with_spectrum(&eigenvalues, 3);
    let settings = NystromSettings {
        initial_rank: 24,
        max_rank: 24,
        ..NystromSettings::for_damping(0.1)
    };
    let prepared = prepare(&matrix.operator::<f64>(), settings).unwrap();
    assert_eq!((prepared.rank(), prepared.products()), (24, 24));
    for (found, exact) in prepared.eigenvalues().iter().zip(&eigenvalues) {
        assert!((found - exact).abs() < 1e-9, "{found} {exact}");
    }
    let r = random_vector(24, 4);
    let mut out = vec![0.0; 24];
    prepared.at(0.1).unwrap().apply(&r, &mut out);
    // P = (H + λI) / (λ_r + λ) when H is captured whole.
    let expected: Vec<f64> = matrix
        .solve(0.1, &r)
        .iter()
        .map(|x| x * (0.01 + 0.1))
        .collect();
    assert!(relative_distance(&out, &expected) < 1e-9);
}

#[test]
fn nystrom_eigenvalues_are_below_the_operators() {
    // U Λ Uᵀ ⪯ H (Frangella, Tropp & Udell 2023, §2.2): so the j-th eigenvalues are ordered too.
    let mut eigenvalues = geometric(100.0, 1e-4, 40);
    eigenvalues.extend(vec![1e-4; 160]);
    let prepared = prepare(
        &decaying(5).operator::<f64>(),
        NystromSettings::for_damping(1.0),
    )
    .unwrap();
    for (found, exact) in prepared.eigenvalues().iter().zip(&eigenvalues) {
        assert!(
            *found <= exact * (1.0 + 1e-10) && *found > 0.0,
            "{found} {exact}"
        );
    }
    let captured: f64 = prepared
        .eigenvalues()
        .iter()
        .take(5)
        .zip(&eigenvalues)
        .map(|(f, e)| f / e)
        .sum();
    assert!(
        captured / 5.0 > 0.8,
        "the largest are captured badly: {captured}"
    );
}

#[test]
fn the_rank_doubles_until_it_is_enough_or_capped() {
    let operator = Counted::new(decaying(6).operator::<f64>());
    let rank = |damping: f64, max_rank: usize| {
        let before = operator.products();
        let settings = NystromSettings {
            initial_rank: 4,
            max_rank,
            damping,
            multiple: 10.0,
            seed: 1,
        };
        let prepared = prepare(&operator, settings).unwrap();
        assert_eq!(operator.products() - before, prepared.products());
        (
            prepared.products(),
            prepared.eigenvalues().last().copied().unwrap(),
        )
    };
    let (large, small) = (rank(10.0, 100), rank(1e-3, 100));
    assert!(large.0 < small.0, "{large:?} {small:?}");
    assert!(large.1 <= 100.0 && small.1 <= 1e-2);
    assert!([4, 8, 16, 32, 64].contains(&large.0) && [16, 32, 64].contains(&small.0));
    assert_eq!(rank(1e-9, 24).0, 24);
    assert_eq!(rank(1e-12, 10_000).0, 200);
}

#[test]
fn low_rank_zero_and_one_dimensional_operators() {
    let mut eigenvalues = vec![3.0, 2.0, 1.0];
    eigenvalues.extend([0.0; 37]);
    let low = Dense::with_spectrum(&eigenvalues, 7).operator::<f32>();
    let prepared = prepare(&low, NystromSettings::for_damping(1e-3)).unwrap();
    assert_eq!(prepared.products(), 16);
    assert!((prepared.eigenvalues()[2] - 1.0).abs() < 1e-4);
    assert!(
        prepared
            .eigenvalues()
            .iter()
            .skip(3)
            .all(|value| *value < 1e-4)
    );
    assert!(
        cg(&low, 1e-3, 1e-4, Some(&prepared.at(1e-3).unwrap()))
            .history
            .len()
            <= 4
    );

    let zero = DenseOperator::new(3, vec![0.0_f64; 9]).unwrap();
    let prepared = prepare(&zero, NystromSettings::for_damping(1.0)).unwrap();
    assert_eq!(prepared.rank(), 0);
    let mut out = [0.0; 3];
    prepared.at(1.0).unwrap().apply(&[1.0, 2.0, 3.0], &mut out);
    assert!(relative_distance(&out, &[1.0, 2.0, 3.0]) < 1e-15);

    let one = DenseOperator::new(1, vec![4.0_f64]).unwrap();
    let prepared = prepare(&one, NystromSettings::for_damping(1.0)).unwrap();
    assert!((prepared.eigenvalues()[0] - 4.0).abs() < 1e-12);
}

#[test]
fn the_basis_stays_orthonormal_in_single_precision() {
    // Captures eigenvalues down to the rounding in the products, 1e-7 of the largest.
    let operator = Dense::with_spectrum(&geometric(100.0, 1e-6, 60), 8).operator::<f32>();
    let prepared = prepare(&operator, NystromSettings::for_damping(1e-7)).unwrap();
    assert!(prepared.rank() >= 40, "{}", prepared.rank());
    let stored = serde_json::to_value(&prepared).unwrap();
    let basis: Vec<f64> = serde_json::from_value(stored["basis"].clone()).unwrap();
    for (i, u) in basis.chunks(60).enumerate() {
        for (j, v) in basis.chunks(60).enumerate() {
            let expected = if i == j { 1.0 } else { 0.0 };
            assert!(
                (dot(u, v) - expected).abs() < 1e-5,
                "{i} {j}: {}",
                dot(u, v)
            );
        }
    }
}

#[test]
fn a_sketch_doubled_to_full_rank_is_exact() {
    let eigenvalues = geometric(10.0, 0.01, 40);
    let settings = NystromSettings {
        initial_rank: 5,
        ..NystromSettings::for_damping(1e-9)
    };
    let prepared = prepare(
        &Dense::with_spectrum(&eigenvalues, 14).operator::<f64>(),
        settings,
    )
    .unwrap();
    assert_eq!((prepared.rank(), prepared.products()), (40, 40));
    for (found, exact) in prepared.eigenvalues().iter().zip(&eigenvalues) {
        assert!((found / exact - 1.0).abs() < 1e-10, "{found} {exact}");
    }
}

#[test]
fn a_sketch_is_stored_and_read_back_unchanged() {
    let prepared = prepare(
        &decaying(9).operator::<f32>(),
        NystromSettings::for_damping(0.1),
    )
    .unwrap();
    let json = serde_json::to_string(&prepared).unwrap();
    let back: NystromPreconditioner<f32> = serde_json::from_str(&json).unwrap();
    assert_eq!(back, prepared);
    let damaged = |from: &str, to: &str| {
        let json = json.replacen(from, to, 1);
        let back: NystromPreconditioner<f32> = serde_json::from_str(&json).unwrap();
        back.at(0.1).unwrap_err()
    };
    assert!(matches!(
        damaged("\"dim\":200", "\"dim\":199"),
        PreconditionerError::Damaged(_)
    ));
    assert!(matches!(
        damaged("\"eigenvalues\":[", "\"eigenvalues\":[-1.0,"),
        PreconditionerError::Damaged(_)
    ));
    assert!(matches!(
        prepared.at(0.0).unwrap_err(),
        PreconditionerError::Setting(_)
    ));
    assert!(matches!(
        prepared.at(f64::NAN).unwrap_err(),
        PreconditionerError::Setting(_)
    ));
}

#[test]
fn the_same_seed_gives_the_same_sketch_whatever_the_threads() {
    let operator = decaying(10).operator::<f32>();
    let alone = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    let settings = NystromSettings::for_damping(0.1);
    let one = alone.install(|| prepare(&operator, settings).unwrap());
    assert_eq!(one, prepare(&operator, settings).unwrap());
    assert_ne!(
        one,
        prepare(
            &operator,
            NystromSettings {
                seed: 1,
                ..settings
            }
        )
        .unwrap()
    );
}

#[test]
fn what_cannot_be_sketched_is_named() {
    let mut eigenvalues = geometric(1.0, 5.0, 20);
    eigenvalues.extend([-2.0; 10]);
    for _ in 0..2 {
        let error = prepare(
            &Dense::with_spectrum(&eigenvalues, 11).operator::<f32>(),
            NystromSettings::for_damping(0.1),
        )
        .unwrap_err();
        let PreconditionerError::Indefinite { rayleigh_quotient } = error else {
            panic!("{error}")
        };
        assert!((-2.0..0.0).contains(&rayleigh_quotient));
    }
    let nan = Function {
        dim: 40,
        f: |_: &[f64], out: &mut [f64]| out.fill(f64::NAN),
    };
    let settings = NystromSettings::for_damping(0.1);
    assert_eq!(
        prepare(&nan, settings).unwrap_err(),
        PreconditionerError::NonFinite { products: 16 }
    );
    let operator = decaying(12).operator::<f64>();
    let mut stop = |_: Progress| ControlFlow::Break(());
    let error = NystromPreconditioner::prepare(&operator, &settings, &mut Control::new(&mut stop))
        .unwrap_err();
    assert_eq!(error, PreconditionerError::Interrupted { products: 16 });
    for (bad, name) in [
        (
            NystromSettings {
                initial_rank: 0,
                ..settings
            },
            "initial_rank",
        ),
        (
            NystromSettings {
                max_rank: 15,
                ..settings
            },
            "max_rank",
        ),
        (
            NystromSettings {
                damping: 0.0,
                ..settings
            },
            "damping",
        ),
        (
            NystromSettings {
                multiple: f64::NAN,
                ..settings
            },
            "multiple",
        ),
    ] {
        let PreconditionerError::Setting(setting) = prepare(&operator, bad).unwrap_err() else {
            panic!()
        };
        assert_eq!(setting.setting, name);
    }
}

#[test]
fn the_diagonal_is_exact_where_known_and_estimated_otherwise() {
    let dim = 60;
    // Rows scaled over four orders of magnitude: what a diagonal preconditioner is for.
    let mut matrix = Dense::with_spectrum(&geometric(1.0, 3.0, dim), 13);
    let scales = geometric(1.0, 1e-2, dim);
    for i in 0..dim {
        for j in 0..dim {
            matrix.entries[i * dim + j] *= scales[i] * scales[j];
        }
    }
    let diagonal: Vec<f64> = (0..dim).map(|i| matrix.entries[i * dim + i]).collect();
    let operator = matrix.operator::<f64>();
    let known = DiagonalPreconditioner::new(diagonal.clone()).unwrap();
    let plain = cg(&operator, 1e-5, 1e-9, None).history.len();
    let exact = cg(&operator, 1e-5, 1e-9, Some(&known.at(1e-5).unwrap()))
        .history
        .len();
    assert!(3 * exact < plain, "{plain} to {exact}");

    let probes = 4000;
    let estimate =
        DiagonalPreconditioner::estimate(&operator, probes, 1, &mut Control::default()).unwrap();
    for (i, (found, exact)) in estimate.diagonal().iter().zip(&diagonal).enumerate() {
        let row = &matrix.entries[i * dim..(i + 1) * dim];
        let variance = (dot(row, row) - exact.powi(2)) / probes as f64;
        assert!(
            (found - exact).abs() < 5.0 * variance.sqrt(),
            "{i}: {found} {exact}"
        );
    }

    // A diagonal operator is recovered by one probe.
    let operator = DenseOperator::new(2, vec![3.0_f32, 0.0, 0.0, -5.0]).unwrap();
    let one = DiagonalPreconditioner::estimate(&operator, 1, 2, &mut Control::default()).unwrap();
    assert!(relative_distance(&widen(one.diagonal()), &[3.0, -5.0]) < 1e-6);
    let mut out = [0.0; 2];
    one.at(1.0).unwrap().apply(&[8.0, 12.0], &mut out);
    assert!(relative_distance(&widen(&out), &[2.0, 2.0]) < 1e-6);
}

#[test]
fn diagonals_that_cannot_precondition_are_refused() {
    let zero = DiagonalPreconditioner::new(vec![1.0_f64, 0.0]).unwrap();
    assert_eq!(
        zero.at(0.0).unwrap_err(),
        PreconditionerError::Singular { index: 1 }
    );
    assert!(zero.at(1e-3).is_ok());
    assert!(matches!(
        zero.at(-1.0).unwrap_err(),
        PreconditionerError::Setting(_)
    ));
    assert!(DiagonalPreconditioner::new(vec![f32::NAN]).is_err());
    let nan = Function {
        dim: 2,
        f: |_: &[f32], out: &mut [f32]| out.fill(f32::NAN),
    };
    let estimate =
        |probes| DiagonalPreconditioner::estimate(&nan, probes, 0, &mut Control::default());
    assert_eq!(
        estimate(3).unwrap_err(),
        PreconditionerError::NonFinite { products: 3 }
    );
    assert!(matches!(
        estimate(0).unwrap_err(),
        PreconditionerError::Setting(_)
    ));
}
