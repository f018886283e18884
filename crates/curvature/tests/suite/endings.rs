//! How solves end when they do not simply converge, and the input they refuse.

use std::ops::ControlFlow;

use rescind_curvature::{
    Cg, Cholesky, Control, Counted, Damped, DenseOperator, Ending, LinearOperator, Minres,
    Preconditioner, Progress, Real, Solution, SolveError, Solver, Stopping, norm,
};

use crate::dense::{Dense, Function, geometric, narrow, random_vector};

const TIGHT: Stopping = Stopping {
    relative_tolerance: 1e-10,
    max_products: 500,
};

fn finite<T: Real>(solution: &Solution<T>) -> bool {
    solution.x.iter().all(|x| x.is_finite())
        && solution.residual_norm.is_finite()
        && solution.relative_residual.is_finite()
        && solution.history.iter().all(|r| r.is_finite())
}

fn solve<O: LinearOperator<f64>>(
    solver: &impl Solver<f64, O>,
    operator: O,
    damping: f64,
    rhs: &[f64],
) -> Solution<f64> {
    let system = Damped::new(operator, damping).unwrap();
    let solution = solver.solve(&system, rhs, &mut Control::default()).unwrap();
    assert!(finite(&solution));
    solution
}

#[test]
fn a_zero_right_hand_side_costs_nothing() {
    fn check<T: Real>(solver: &dyn Solver<T, DenseOperator<T>>) {
        let system = Damped::new(Dense::with_spectrum(&[1.0, -2.0], 1).operator(), 0.0).unwrap();
        let zero = [T::zero(); 2];
        let solution = solver
            .solve(&system, &zero, &mut Control::default())
            .unwrap();
        assert_eq!(solution.ending, Ending::Converged);
        assert_eq!((solution.products, solution.x), (0, zero.to_vec()));
        assert!(solution.residual_norm <= 0.0 && solution.relative_residual <= 0.0);
    }
    check::<f32>(&Cg::new(TIGHT));
    check::<f64>(&Minres::new(TIGHT));
    check::<f32>(&Cholesky::default());
}

#[test]
fn negative_curvature_names_a_damping_that_must_be_exceeded() {
    let matrix = Dense::with_spectrum(&[-0.7, 0.1, 0.5, 1.0, 2.0, 3.0, 8.0], 2);
    let rhs = random_vector(7, 3);
    for damping in [0.0, 0.2, 0.6] {
        let solution = solve(&Cg::new(TIGHT), matrix.operator(), damping, &rhs);
        let Ending::NegativeCurvature {
            curvature,
            damping_above,
        } = solution.ending
        else {
            panic!("{:?}", solution.ending)
        };
        // A Rayleigh quotient lies between the least eigenvalue and 0.
        assert!(damping - 0.7 - 1e-12 <= curvature && curvature <= 0.0);
        assert!((damping_above - (damping - curvature)).abs() < 1e-12);
        assert!(damping < damping_above && damping_above <= 0.7 + 1e-12);

        let dense = solve(&Cholesky::default(), matrix.operator(), damping, &rhs);
        let Ending::NegativeCurvature {
            curvature,
            damping_above,
        } = dense.ending
        else {
            panic!("{:?}", dense.ending)
        };
        assert!((curvature - (damping - 0.7)).abs() < 1e-10);
        assert!((damping_above - 0.7).abs() < 1e-10);
    }
    let enough = solve(&Cg::new(TIGHT), matrix.operator(), 0.71, &rhs);
    assert_eq!(enough.ending, Ending::Converged);
}

#[test]
fn tiny_positive_curvature_is_not_negative() {
    // pᵀAp is about 1e-20 throughout, and the system perfectly conditioned.
    let matrix = Dense::with_spectrum(&[1e-20, 2e-20, 1.5e-20], 3);
    let solution = solve(&Cg::new(TIGHT), matrix.operator(), 0.0, &[1.0, 2.0, 3.0]);
    assert_eq!(solution.ending, Ending::Converged);
    assert!(norm(&solution.x) > 1e19);
}

#[test]
fn the_iterate_before_negative_curvature_is_kept() {
    // Diagonal, negative only where the right-hand side is small: the first direction is convex.
    let operator = DenseOperator::new(2, vec![1.0, 0.0, 0.0, -1.0]).unwrap();
    let rhs = [1.0, 0.1];
    let solution = solve(&Cg::new(TIGHT), operator, 0.0, &rhs);
    assert!(matches!(solution.ending, Ending::NegativeCurvature { .. }));
    // One step of steepest descent with exact line search: α = gᵀg / gᵀAg = 1.01 / 0.99.
    let alpha = 1.01 / 0.99;
    assert!((solution.x[0] - alpha).abs() < 1e-14 && (solution.x[1] - 0.1 * alpha).abs() < 1e-14);
    let residual = f64::hypot(1.0 - alpha, 0.1 + 0.1 * alpha);
    assert!((solution.residual_norm - residual).abs() < 1e-14);

    let first = DenseOperator::new(1, vec![-2.0]).unwrap();
    let solution = solve(&Cg::new(TIGHT), first, 0.5, &[3.0]);
    assert_eq!(
        solution.ending,
        Ending::NegativeCurvature {
            curvature: -1.5,
            damping_above: 2.0
        }
    );
    assert!(norm(&solution.x) <= 0.0 && (solution.relative_residual - 1.0).abs() < 1e-15);
}

/// Whether an ending says that the system is singular.
fn singular(ending: Ending) -> bool {
    match ending {
        Ending::Stagnated => true,
        Ending::NegativeCurvature { curvature, .. } => curvature.abs() < 1e-5,
        _ => false,
    }
}

#[test]
fn singular_systems_in_and_out_of_range() {
    let matrix = DenseOperator::new(3, vec![2.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]).unwrap();
    let within = [2.0, 1.0, 0.0];
    assert_eq!(
        solve(&Cg::new(TIGHT), &matrix, 0.0, &within).ending,
        Ending::Converged
    );
    assert_eq!(
        solve(&Minres::new(TIGHT), &matrix, 0.0, &within).ending,
        Ending::Converged
    );
    assert!(singular(
        solve(&Cholesky::default(), &matrix, 0.0, &within).ending
    ));

    let outside = [2.0, 1.0, 0.5];
    let cg = solve(&Cg::new(TIGHT), &matrix, 0.0, &outside);
    assert!(singular(cg.ending) && norm(&cg.x) < 10.0, "{cg:?}");
    let minres = solve(&Minres::new(TIGHT), &matrix, 0.0, &outside);
    assert_eq!(minres.ending, Ending::Stagnated);
    assert!(
        (minres.residual_norm - 0.5).abs() < 1e-10,
        "not a least-squares answer"
    );
    assert!(singular(
        solve(&Cholesky::default(), &matrix, 0.0, &outside).ending
    ));

    let zero = DenseOperator::new(2, vec![0.0; 4]).unwrap();
    assert_eq!(
        solve(&Minres::new(TIGHT), &zero, 0.0, &[1.0, 1.0]).ending,
        Ending::Stagnated
    );
    assert_eq!(
        solve(&Cg::new(TIGHT), &zero, 0.0, &[1.0, 1.0]).ending,
        Ending::NegativeCurvature {
            curvature: 0.0,
            damping_above: 0.0
        }
    );
}

#[test]
fn singular_systems_never_return_an_exploded_answer() {
    fn check<T: Real>(seed: u64) {
        let mut spectrum = geometric(0.5, 5.0, 12);
        spectrum.extend([0.0, 0.0]);
        let operator = Dense::with_spectrum(&spectrum, seed).operator::<T>();
        let system = Damped::new(operator, 0.0).unwrap();
        let rhs: Vec<T> = narrow(&random_vector(14, seed));
        let solvers: [&dyn Solver<T, DenseOperator<T>>; 3] =
            [&Cg::new(TIGHT), &Minres::new(TIGHT), &Cholesky::default()];
        for (index, solver) in solvers.into_iter().enumerate() {
            let solution = solver
                .solve(&system, &rhs, &mut Control::default())
                .unwrap();
            assert!(
                singular(solution.ending),
                "{index} {seed} {:?}",
                solution.ending
            );
            if index > 0 {
                // Nothing worse than x = 0 from those that do not minimise an energy.
                assert!(
                    solution.relative_residual <= 1.0,
                    "{index} {seed} {solution:?}"
                );
            }
            // The residual of CG's iterates is at most √κ times that of x = 0, and κ at most one
            // over the precision.
            let bound = T::precision().sqrt().recip();
            assert!(
                solution.relative_residual < bound,
                "{index} {seed} {solution:?}"
            );
        }
    }
    for seed in 0..50 {
        check::<f32>(seed);
        check::<f64>(seed);
    }
}

#[test]
fn convergence_on_the_last_step_allowed_is_convergence() {
    let matrix = Dense::with_spectrum(&[1.0, 4.0, 9.0], 4);
    let rhs = random_vector(3, 5);
    let with = |max_products| Stopping {
        relative_tolerance: 1e-10,
        max_products,
    };
    let cg = |max| solve(&Cg::new(with(max)), matrix.operator(), 0.0, &rhs);
    assert_eq!(cg(3).ending, Ending::Converged);
    assert_eq!(cg(2).ending, Ending::BudgetSpent);
    assert_eq!((cg(3).products, cg(2).products), (4, 3));
    let minres = |max| solve(&Minres::new(with(max)), matrix.operator(), 0.0, &rhs);
    assert_eq!(minres(3).ending, Ending::Converged);
    assert_eq!(minres(2).ending, Ending::BudgetSpent);
}

#[test]
fn a_tolerance_beyond_the_precision_stagnates() {
    let matrix = Dense::with_spectrum(&geometric(1e-2, 1.0, 40), 6);
    let system = Damped::new(matrix.operator::<f32>(), 0.0).unwrap();
    let rhs: Vec<f32> = narrow(&random_vector(40, 6));
    let stopping = Stopping {
        relative_tolerance: 1e-12,
        max_products: 10_000,
    };
    let solvers: [&dyn Solver<f32, DenseOperator<f32>>; 2] =
        [&Cg::new(stopping), &Minres::new(stopping)];
    for solver in solvers {
        let solution = solver
            .solve(&system, &rhs, &mut Control::default())
            .unwrap();
        assert_eq!(solution.ending, Ending::Stagnated);
        assert!(solution.relative_residual < 1e-4);
        assert!(solution.products < 1000);
    }
}

#[test]
fn nan_from_the_operator_is_named_and_never_returned() {
    let always = || Function {
        dim: 3,
        f: |_: &[f64], out: &mut [f64]| out.fill(f64::NAN),
    };
    let rhs = [1.0, 2.0, 2.0];
    for solution in [
        solve(&Cg::new(TIGHT), always(), 0.1, &rhs),
        solve(&Minres::new(TIGHT), always(), 0.1, &rhs),
        solve(&Cholesky::default(), always(), 0.1, &rhs),
    ] {
        assert_eq!(solution.ending, Ending::NonFinite);
        assert!(norm(&solution.x) <= 0.0);
        assert!((solution.residual_norm - 3.0).abs() < 1e-15);
    }
    // One that fails later: what was reached before is kept.
    let matrix = Dense::with_spectrum(&geometric(0.1, 1.0, 20), 7);
    let rhs = random_vector(20, 7);
    let once = |at: u64| {
        let inner = Counted::new(matrix.operator::<f64>());
        Function {
            dim: 20,
            f: move |v: &[f64], out: &mut [f64]| {
                inner.apply(v, out);
                if inner.products() == at {
                    out[3] = f64::INFINITY;
                }
            },
        }
    };
    for solution in [
        solve(&Cg::new(TIGHT), once(5), 0.1, &rhs),
        solve(&Minres::new(TIGHT), once(5), 0.1, &rhs),
    ] {
        assert_eq!(solution.ending, Ending::NonFinite);
        assert_eq!(solution.history.len(), 4);
        assert!(solution.relative_residual < 1.0);
    }
}

#[test]
fn the_caller_watches_and_stops() {
    let matrix = Dense::with_spectrum(&geometric(1e-3, 1.0, 50), 8);
    let system = Damped::new(matrix.operator::<f64>(), 0.0).unwrap();
    let rhs = random_vector(50, 8);
    let solvers: [&dyn Solver<f64, DenseOperator<f64>>; 2] = [&Cg::new(TIGHT), &Minres::new(TIGHT)];
    for solver in solvers {
        let mut seen: Vec<Progress> = Vec::new();
        let mut observer = |progress: Progress| {
            seen.push(progress);
            if progress.iteration == 5 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let solution = solver
            .solve(&system, &rhs, &mut Control::new(&mut observer))
            .unwrap();
        assert_eq!(solution.ending, Ending::Interrupted);
        assert!(finite(&solution) && norm(&solution.x) > 0.0);
        let estimates: Vec<f64> = seen.iter().filter_map(|p| p.relative_residual).collect();
        assert_eq!(estimates, solution.history);
        assert_eq!((seen.len(), seen[4].products, solution.products), (5, 5, 6));
    }
    let mut stop = |_: Progress| ControlFlow::Break(());
    let solution = Cholesky::default()
        .solve(&system, &rhs, &mut Control::new(&mut stop))
        .unwrap();
    assert_eq!(
        (solution.ending, norm(&solution.x) <= 0.0),
        (Ending::Interrupted, true)
    );
}

struct Negative;

impl Preconditioner<f64> for Negative {
    fn dim(&self) -> usize {
        2
    }

    fn apply(&self, r: &[f64], out: &mut [f64]) {
        out.iter_mut().zip(r).for_each(|(out, r)| *out = -r);
    }
}

#[test]
fn bad_input_is_refused_by_name() {
    let system = Damped::new(Dense::with_spectrum(&[1.0, 2.0], 9).operator::<f64>(), 0.0).unwrap();
    let error = |stopping: Stopping, rhs: &[f64]| {
        let cg = Cg::new(stopping)
            .solve(&system, rhs, &mut Control::default())
            .unwrap_err();
        let minres = Minres::new(stopping)
            .solve(&system, rhs, &mut Control::default())
            .unwrap_err();
        // As text, where NaN equals NaN.
        assert_eq!(cg.to_string(), minres.to_string());
        cg
    };
    assert_eq!(
        error(TIGHT, &[1.0]),
        SolveError::DimensionMismatch {
            what: "the right-hand side",
            expected: 2,
            found: 1
        }
    );
    assert_eq!(
        error(TIGHT, &[1.0, f64::INFINITY]),
        SolveError::NonFiniteRightHandSide {
            index: 1,
            value: f64::INFINITY
        }
    );
    assert!(matches!(
        error(TIGHT, &[1e-200, 0.0]),
        SolveError::RightHandSideOutOfRange { .. }
    ));
    assert!(matches!(
        error(TIGHT, &[1e200, 0.0]),
        SolveError::RightHandSideOutOfRange { .. }
    ));
    for relative_tolerance in [-1e-3, 1.0, f64::NAN] {
        let stopping = Stopping {
            relative_tolerance,
            ..TIGHT
        };
        let SolveError::Setting(setting) = error(stopping, &[1.0, 1.0]) else {
            panic!()
        };
        assert_eq!(setting.setting, "relative_tolerance");
    }
    let stopping = Stopping {
        max_products: 0,
        ..TIGHT
    };
    assert_eq!(
        error(stopping, &[1.0, 1.0]).to_string(),
        "max_products is 0, but must be at least 1"
    );

    let preconditioned = Cg::new(TIGHT).preconditioned_by(&Negative);
    let error = preconditioned
        .solve(&system, &[1.0, 2.0], &mut Control::default())
        .unwrap_err();
    assert_eq!(error, SolveError::PreconditionerNotPositive { found: -5.0 });
    let other = Damped::new(Dense::with_spectrum(&[1.0; 3], 9).operator::<f64>(), 0.0).unwrap();
    let error = preconditioned
        .solve(&other, &[1.0; 3], &mut Control::default())
        .unwrap_err();
    assert_eq!(
        error,
        SolveError::DimensionMismatch {
            what: "the preconditioner",
            expected: 3,
            found: 2
        }
    );
}

#[test]
fn answers_and_endings_can_be_stored() {
    let operator = DenseOperator::new(1, vec![-2.0]).unwrap();
    let solution = solve(&Cg::new(TIGHT), operator, 0.5, &[3.0]);
    let json = serde_json::to_string(&solution).unwrap();
    assert!(json.contains(
        r#""ending":{"kind":"negative_curvature","curvature":-1.5,"damping_above":2.0}"#
    ));
    assert_eq!(
        serde_json::from_str::<Solution<f64>>(&json).unwrap(),
        solution
    );
}
