use std::ops::ControlFlow;

use rescind_curvature::{
    Control, Counted, Damped, Ending, LinearOperator, Lissa, Progress, SampledOperator,
    ScaleEstimate, ScaleSettings, Solution, SolveError, Solver, SpectrumError, norm,
};

use crate::dense::{Dense, geometric, random_vector, relative_distance};

/// Minibatches `H_j = H + E_j` with E_j one of a few matrices that sum to zero.
struct Minibatches {
    mean: Dense,
    samples: Vec<Dense>,
    taken: Counted<rescind_curvature::DenseOperator<f64>>,
}

impl Minibatches {
    /// `noise · ‖·‖` bounds each deviation; 0 makes every minibatch the full matrix.
    fn new(eigenvalues: &[f64], noise: f64) -> Self {
        let mean = Dense::with_spectrum(eigenvalues, 1);
        let samples = (0..8)
            .map(|j| {
                let sign = if j % 2 == 0 { noise } else { -noise };
                let deviation = Dense::with_spectrum(&random_vector(mean.dim, 50 + j / 2), j / 2);
                let entries = mean
                    .entries
                    .iter()
                    .zip(&deviation.entries)
                    .map(|(h, e)| h + sign * e);
                Dense {
                    dim: mean.dim,
                    entries: entries.collect(),
                }
            })
            .collect();
        let taken = Counted::new(mean.operator());
        Self {
            mean,
            samples,
            taken,
        }
    }
}

impl LinearOperator<f64> for Minibatches {
    fn dim(&self) -> usize {
        self.mean.dim
    }

    fn apply(&self, v: &[f64], out: &mut [f64]) {
        self.taken.apply(v, out);
    }
}

impl SampledOperator<f64> for Minibatches {
    fn apply_sample(&self, chain: u64, step: u64, v: &[f64], out: &mut [f64]) {
        let hash = (chain << 32 | step).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61;
        self.samples[hash as usize].operator().apply(v, out);
    }
}

fn solve(lissa: Lissa, operator: &Minibatches, damping: f64, rhs: &[f64]) -> Solution<f64> {
    let system = Damped::new(operator, damping).unwrap();
    let solution = lissa.solve(&system, rhs, &mut Control::default()).unwrap();
    assert!(
        solution
            .x
            .iter()
            .chain(&solution.history)
            .all(|x| x.is_finite())
    );
    assert_eq!(solution.sampled_products, solution.history.len() as u64);
    solution
}

#[test]
fn with_exact_products_it_converges_to_the_dense_answer() {
    let operator = Minibatches::new(&geometric(0.5, 5.0, 12), 0.0);
    let rhs = random_vector(12, 2);
    let lissa = Lissa {
        chains: 1,
        depth: 200,
        scale: 5.6,
        relative_tolerance: 1e-7,
    };
    let solution = solve(lissa, &operator, 0.5, &rhs);
    assert_eq!(solution.ending, Ending::Converged);
    assert!(relative_distance(&solution.x, &operator.mean.solve(0.5, &rhs)) < 1e-6);
    assert_eq!((solution.sampled_products, solution.products), (200, 1));
    assert_eq!(operator.taken.products(), 1);
    // The sampled residual at step j is (I − A/s)^(j+1) g exactly: check the first two by hand.
    let a = |v: &[f64]| -> Vec<f64> {
        let mut out = vec![0.0; 12];
        operator.mean.operator().apply(v, &mut out);
        out.iter()
            .zip(v)
            .map(|(h, v)| v - (h + 0.5 * v) / 5.6)
            .collect()
    };
    let (first, second) = (a(&rhs), a(&a(&rhs)));
    assert!((solution.history[0] - norm(&first) / norm(&rhs)).abs() < 1e-12);
    assert!((solution.history[1] - norm(&second) / norm(&rhs)).abs() < 1e-12);
}

#[test]
fn with_minibatches_the_mean_over_chains_approaches_the_dense_answer() {
    let operator = Minibatches::new(&geometric(1.0, 5.0, 8), 0.8);
    let rhs = random_vector(8, 3);
    let exact = operator.mean.solve(0.5, &rhs);
    let distance = |chains| {
        let lissa = Lissa {
            chains,
            depth: 80,
            scale: 7.0,
            relative_tolerance: 1e-3,
        };
        relative_distance(&solve(lissa, &operator, 0.5, &rhs).x, &exact)
    };
    // Independent H_j make the iterate's mean exact, so the error falls as chains^(-1/2).
    let (few, many) = (distance(4), distance(4096));
    assert!(few > 0.005, "the minibatches hardly differ: {few}");
    assert!(many < few / 8.0 && many < 0.004, "{few} {many}");
}

#[test]
fn too_small_a_scale_diverges_and_says_so() {
    for noise in [0.0, 0.5] {
        let operator = Minibatches::new(&geometric(0.5, 5.0, 12), noise);
        let rhs = random_vector(12, 4);
        // s < ‖H‖ / 2 makes I − A/s expand.
        for scale in [2.0, 1e-3, 1e-200] {
            let lissa = Lissa {
                chains: 3,
                depth: 400,
                scale,
                relative_tolerance: 1e-3,
            };
            let solution = solve(lissa, &operator, 0.0, &rhs);
            assert!(
                matches!(solution.ending, Ending::Diverged { relative_residual } if relative_residual > 1.0)
            );
            assert!(norm(&solution.x) <= 0.0 && (solution.relative_residual - 1.0).abs() < 1e-15);
            assert!(
                solution.sampled_products < 400,
                "not noticed before the chain's end"
            );
        }
    }
}

#[test]
fn slow_divergence_is_seen_in_the_residual() {
    // 1 − 5.2/2.5 = −1.08: growth by 1.08¹⁰ ≈ 2.2 in ten steps, within the chain's bound.
    let operator = Minibatches::new(&[5.2, 5.2], 0.0);
    let lissa = Lissa {
        chains: 1,
        depth: 10,
        scale: 2.5,
        relative_tolerance: 1e-3,
    };
    let solution = solve(lissa, &operator, 0.0, &[1.0, 1.0]);
    assert!(
        matches!(solution.ending, Ending::Diverged { relative_residual } if relative_residual > 2.0)
    );
    assert!(norm(&solution.x) <= 0.0);
}

#[test]
fn negative_curvature_beyond_the_damping_diverges() {
    let operator = Minibatches::new(&[-0.5, 1.0, 2.0], 0.0);
    let lissa = Lissa {
        chains: 1,
        depth: 500,
        scale: 3.0,
        relative_tolerance: 1e-3,
    };
    let rhs = [1.0, 1.0, 1.0];
    assert!(matches!(
        solve(lissa, &operator, 0.1, &rhs).ending,
        Ending::Diverged { .. }
    ));
    assert_eq!(solve(lissa, &operator, 0.6, &rhs).ending, Ending::Converged);
}

#[test]
fn too_shallow_a_chain_spends_its_budget() {
    let operator = Minibatches::new(&geometric(0.01, 5.0, 12), 0.0);
    let lissa = Lissa {
        chains: 2,
        depth: 10,
        scale: 5.0,
        relative_tolerance: 1e-3,
    };
    let solution = solve(lissa, &operator, 0.0, &random_vector(12, 5));
    assert_eq!(solution.ending, Ending::BudgetSpent);
    assert!(solution.relative_residual < 1.0 && solution.sampled_products == 20);
}

#[test]
fn an_interruption_keeps_the_chains_completed() {
    let operator = Minibatches::new(&geometric(0.5, 5.0, 12), 0.3);
    let rhs = random_vector(12, 6);
    let lissa = Lissa {
        chains: 10,
        depth: 50,
        scale: 7.0,
        relative_tolerance: 1e-9,
    };
    let interrupted_at = |at: u64| {
        let mut observer = |progress: Progress| {
            if progress.iteration == at {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let system = Damped::new(&operator, 0.5).unwrap();
        lissa
            .solve(&system, &rhs, &mut Control::new(&mut observer))
            .unwrap()
    };
    let two = solve(Lissa { chains: 2, ..lissa }, &operator, 0.5, &rhs);
    let during_third = interrupted_at(120);
    assert_eq!(during_third.ending, Ending::Interrupted);
    assert_eq!(
        (&during_third.x, during_third.sampled_products),
        (&two.x, 120)
    );
    let during_first = interrupted_at(20);
    let short = solve(
        Lissa {
            chains: 1,
            depth: 20,
            ..lissa
        },
        &operator,
        0.5,
        &rhs,
    );
    assert_eq!(
        (during_first.ending, &during_first.x),
        (Ending::Interrupted, &short.x)
    );
}

struct Nan;

impl LinearOperator<f64> for Nan {
    fn dim(&self) -> usize {
        2
    }

    fn apply(&self, _: &[f64], out: &mut [f64]) {
        out.fill(f64::NAN);
    }
}

impl SampledOperator<f64> for Nan {
    fn apply_sample(&self, _: u64, _: u64, _: &[f64], out: &mut [f64]) {
        out.fill(f64::NAN);
    }
}

#[test]
fn nan_zero_and_bad_settings() {
    let lissa = Lissa {
        chains: 1,
        depth: 5,
        scale: 3.0,
        relative_tolerance: 1e-3,
    };
    let nan = Damped::new(Nan, 0.1).unwrap();
    let solution = lissa
        .solve(&nan, &[3.0, 4.0], &mut Control::default())
        .unwrap();
    assert_eq!(
        (solution.ending, solution.x),
        (Ending::NonFinite, vec![0.0, 0.0])
    );
    assert!((solution.residual_norm - 5.0).abs() < 1e-15);
    let zero = lissa
        .solve(&nan, &[0.0, 0.0], &mut Control::default())
        .unwrap();
    assert_eq!((zero.ending, zero.sampled_products), (Ending::Converged, 0));
    for (bad, name) in [
        (Lissa { chains: 0, ..lissa }, "chains"),
        (Lissa { depth: 0, ..lissa }, "depth"),
        (
            Lissa {
                scale: 0.0,
                ..lissa
            },
            "scale",
        ),
        (
            Lissa {
                scale: f64::NAN,
                ..lissa
            },
            "scale",
        ),
        (
            Lissa {
                relative_tolerance: 1.0,
                ..lissa
            },
            "relative_tolerance",
        ),
    ] {
        let error = bad
            .solve(&nan, &[1.0, 1.0], &mut Control::default())
            .unwrap_err();
        assert!(matches!(error, SolveError::Setting(setting) if setting.setting == name));
    }
}

#[test]
fn scales_that_cannot_be_estimated_are_named() {
    let settings = ScaleSettings {
        samples: 2,
        iterations: 3,
        ..ScaleSettings::default()
    };
    let nan = Damped::new(Nan, 0.1).unwrap();
    let error =
        |settings| ScaleEstimate::measure(&nan, 1, &settings, &mut Control::default()).unwrap_err();
    assert_eq!(error(settings), SpectrumError::NonFinite { products: 1 });
    for (bad, name) in [
        (
            ScaleSettings {
                samples: 0,
                ..settings
            },
            "samples",
        ),
        (
            ScaleSettings {
                iterations: 0,
                ..settings
            },
            "iterations",
        ),
        (
            ScaleSettings {
                safety: 0.9,
                ..settings
            },
            "safety",
        ),
    ] {
        assert!(matches!(error(bad), SpectrumError::Setting(setting) if setting.setting == name));
    }
    let zero = Damped::new(Minibatches::new(&[0.0, 0.0], 0.0), 0.0).unwrap();
    let error = ScaleEstimate::measure(&zero, 1, &settings, &mut Control::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the norm of the damped minibatches is 0, but must be above 0"
    );
    let mut stop = |_: Progress| ControlFlow::Break(());
    let error =
        ScaleEstimate::measure(&zero, 1, &settings, &mut Control::new(&mut stop)).unwrap_err();
    assert_eq!(error, SpectrumError::Interrupted { products: 1 });
}

#[test]
fn the_estimated_scale_covers_the_minibatches_and_converges() {
    let operator = Minibatches::new(&geometric(0.5, 5.0, 12), 0.5);
    let system = Damped::new(&operator, 0.5).unwrap();
    let settings = ScaleSettings {
        samples: 8,
        iterations: 30,
        safety: 1.5,
        seed: 7,
    };
    let estimate = ScaleEstimate::measure(&system, 4, &settings, &mut Control::default()).unwrap();
    // Every ‖H_j + λI‖ lies between 5.5 − 0.5 and 5.5 + 0.5, deviations being of norm below 1.
    assert!(
        1.5 * 5.0 <= estimate.scale && estimate.scale <= 1.5 * 6.0,
        "{estimate:?}"
    );
    assert_eq!(estimate.sampled_products, 240);
    let lissa = Lissa {
        chains: 4,
        depth: 200,
        scale: estimate.scale,
        relative_tolerance: 0.1,
    };
    assert_eq!(
        solve(lissa, &operator, 0.5, &random_vector(12, 8)).ending,
        Ending::Converged
    );
}
