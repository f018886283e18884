//! Every solver against Gaussian elimination.

use proptest::prelude::*;
use rescind_curvature::{
    Cg, Cholesky, Control, Counted, Damped, DenseOperator, Ending, Minres, Real, Solution, Solver,
    Stopping, norm,
};

use crate::dense::{Dense, geometric, narrow, random_vector, relative_distance, widen};

fn stopping(relative_tolerance: f64) -> Stopping {
    Stopping {
        relative_tolerance,
        max_products: 2000,
    }
}

fn solve<T: Real>(
    solver: &dyn Solver<T, DenseOperator<T>>,
    matrix: &Dense,
    damping: f64,
    rhs: &[f64],
) -> Solution<T> {
    let system = Damped::new(matrix.operator(), damping).unwrap();
    solver
        .solve(&system, &narrow::<T>(rhs), &mut Control::default())
        .unwrap()
}

/// Checks that `solver` converges to the dense answer and is truthful about its residual.
fn agrees<T: Real>(
    name: &str,
    solver: &dyn Solver<T, DenseOperator<T>>,
    matrix: &Dense,
    damping: f64,
    accuracy: f64,
) {
    let rhs = random_vector(matrix.dim, 99);
    let solution = solve(solver, matrix, damping, &rhs);
    assert_eq!(
        solution.ending,
        Ending::Converged,
        "{name}: {:e}",
        solution.relative_residual
    );
    let x = widen(&solution.x);
    let distance = relative_distance(&x, &matrix.solve(damping, &rhs));
    assert!(distance < accuracy, "{name}: {distance:e}");
    let residual = matrix.residual(damping, &rhs, &x);
    // The two computations of the residual differ by rounding in Ax.
    let slack = 10.0 * T::precision() * (norm(&rhs) + norm(&matrix.entries) * norm(&x));
    assert!((solution.residual_norm - residual).abs() <= slack, "{name}");
    let relative = solution.residual_norm / norm(&rhs);
    assert!(
        (solution.relative_residual - relative).abs() <= 1e-6 * relative,
        "{name}"
    );
}

type Named<T> = (&'static str, Box<dyn Solver<T, DenseOperator<T>>>);

fn all<T: Real>(tolerance: f64) -> Vec<Named<T>> {
    vec![
        ("CG", Box::new(Cg::new(stopping(tolerance)))),
        ("MINRES", Box::new(Minres::new(stopping(tolerance)))),
        (
            "Cholesky",
            Box::new(Cholesky {
                relative_tolerance: tolerance,
                ..Cholesky::default()
            }),
        ),
    ]
}

#[test]
fn well_conditioned() {
    let matrix = Dense::with_spectrum(&geometric(1.0, 10.0, 30), 1);
    for (name, solver) in all::<f64>(1e-11) {
        agrees(name, &*solver, &matrix, 0.0, 1e-9);
        agrees(name, &*solver, &matrix, 2.5, 1e-9);
    }
    for (name, solver) in all::<f32>(1e-5) {
        agrees(name, &*solver, &matrix, 0.0, 1e-3);
    }
}

#[test]
fn ill_conditioned() {
    let matrix = Dense::with_spectrum(&geometric(1e-6, 1.0, 60), 2);
    // Rounding alone leaves a residual of about κ times the precision, 2e-10.
    for (name, solver) in all::<f64>(2e-9) {
        agrees(name, &*solver, &matrix, 0.0, 2e-3);
    }
    let matrix = Dense::with_spectrum(&geometric(1e-3, 1.0, 60), 3);
    for (name, solver) in all::<f32>(1e-4) {
        agrees(name, &*solver, &matrix, 0.0, 0.05);
    }
}

#[test]
fn single_precision_reaches_tolerances_its_recurrence_alone_would_only_claim() {
    // The recurrence of a single f32 pass drifts from the true residual at this conditioning.
    let matrix = Dense::with_spectrum(&geometric(1e-4, 1.0, 200), 4);
    let rhs = random_vector(200, 99);
    for (name, solver) in all::<f32>(3e-5) {
        let solution = solve(&*solver, &matrix, 0.0, &rhs);
        assert!(
            matches!(solution.ending, Ending::Converged | Ending::Stagnated),
            "{name}: {:?} {}",
            solution.ending,
            solution.relative_residual
        );
        let true_residual = matrix.residual(0.0, &rhs, &widen(&solution.x));
        let relative = true_residual / norm(&rhs);
        if solution.ending == Ending::Converged {
            assert!(
                relative <= 4e-5,
                "{name}: claims convergence at {relative:e}"
            );
        }
    }
}

#[test]
fn one_by_one() {
    let matrix = Dense {
        dim: 1,
        entries: vec![3.0],
    };
    for (name, solver) in all::<f64>(1e-12) {
        agrees(name, &*solver, &matrix, 1.0, 1e-14);
    }
    for (name, solver) in all::<f32>(1e-6) {
        agrees(name, &*solver, &matrix, 1.0, 1e-6);
    }
}

#[test]
fn minres_solves_indefinite_systems() {
    let mut eigenvalues = geometric(0.1, 5.0, 20);
    eigenvalues.extend([-0.3, -1.0, -4.0]);
    let matrix = Dense::with_spectrum(&eigenvalues, 5);
    agrees::<f64>("MINRES", &Minres::new(stopping(1e-11)), &matrix, 0.05, 1e-8);
    agrees::<f32>("MINRES", &Minres::new(stopping(1e-5)), &matrix, 0.05, 1e-2);
}

#[test]
fn minres_residuals_never_rise() {
    let matrix = Dense::with_spectrum(&[-3.0, -1.0, 0.2, 0.5, 1.0, 2.0, 7.0, 9.0], 6);
    let solution = solve::<f64>(
        &Minres::new(stopping(1e-12)),
        &matrix,
        0.0,
        &random_vector(8, 1),
    );
    assert!(solution.history.len() >= 8);
    assert!(
        solution
            .history
            .windows(2)
            .all(|pair| pair[1] <= pair[0] * (1.0 + 1e-12))
    );
}

#[test]
fn cg_needs_as_many_products_as_there_are_distinct_eigenvalues() {
    let matrix = Dense::with_spectrum(&[1.0, 1.0, 1.0, 4.0, 4.0, 9.0, 9.0, 9.0], 7);
    let operator = Counted::new(matrix.operator::<f64>());
    let system = Damped::new(&operator, 0.5).unwrap();
    let rhs = random_vector(8, 2);
    let solution = Cg::new(stopping(1e-10))
        .solve(&system, &rhs, &mut Control::default())
        .unwrap();
    assert_eq!(solution.ending, Ending::Converged);
    assert_eq!(solution.history.len(), 3);
    assert_eq!((solution.products, solution.sampled_products), (4, 0));
    assert_eq!(operator.products(), 4);
}

proptest! {
    #[test]
    fn cg_and_minres_agree_with_cholesky(
        eigenvalues in prop::collection::vec(0.01..50.0_f64, 1..30), seed in any::<u64>(),
        damping in 0.0..1.0_f64,
    ) {
        let matrix = Dense::with_spectrum(&eigenvalues, seed);
        let rhs = random_vector(matrix.dim, seed ^ 7);
        let solvers = all::<f64>(1e-9);
        let answers: Vec<_> =
            solvers.iter().map(|(_, solver)| solve(&**solver, &matrix, damping, &rhs)).collect();
        for answer in &answers {
            prop_assert_eq!(answer.ending, Ending::Converged);
            prop_assert!(relative_distance(&answer.x, &answers[2].x) < 1e-4);
        }
    }
}

#[test]
fn cholesky_takes_d_products_and_refuses_what_is_too_large() {
    let matrix = Dense::with_spectrum(&geometric(1.0, 2.0, 130), 8);
    let operator = Counted::new(matrix.operator::<f64>());
    let system = Damped::new(&operator, 0.0).unwrap();
    let rhs = random_vector(130, 3);
    let mut solver = Cholesky::default();
    let solution = solver
        .solve(&system, &rhs, &mut Control::default())
        .unwrap();
    assert_eq!((solution.products, operator.products()), (131, 131));
    solver.max_dimension = 129;
    let error = solver
        .solve(&system, &rhs, &mut Control::default())
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("dimension 130 is above the limit of 129")
    );
    assert_eq!(operator.products(), 131);
}
