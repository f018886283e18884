//! The closed form of docs/theory.md §4 against high-precision values, and against a numerical search for
//! the best way to spread the shift.

use rescind_privacy::{Gdp, NoiseScale, NoisyFineTuning, PrivacyError};

#[derive(serde::Deserialize)]
struct Row {
    radius: f64,
    step_size: f64,
    clip_norm: f64,
    weight_decay: f64,
    noisy_steps: u64,
    sensitivity_ceil: f64,
}

#[test]
fn closed_form_at_high_precision() {
    let rows: Vec<Row> =
        serde_json::from_str(include_str!("reference/noisy_fine_tuning.json")).unwrap();
    for row in rows {
        let method = NoisyFineTuning {
            radius: row.radius,
            step_size: row.step_size,
            clip_norm: row.clip_norm,
            weight_decay: row.weight_decay,
            noisy_steps: row.noisy_steps,
        };
        let found = method.effective_sensitivity().unwrap().value();
        assert!(found >= row.sensitivity_ceil, "{method:?}: {found:e}");
        assert!(
            found <= row.sensitivity_ceil * (1.0 + 1e-12),
            "{method:?}: {found:e}"
        );
    }
}

/// How far apart the two processes are before each step and after the last, if `given` of the
/// distance is handed to the noise at each step.
fn distances(start: f64, kick: f64, a: f64, given: &[f64]) -> Vec<f64> {
    let mut distances = vec![start];
    for shift in given {
        distances.push(a * distances[distances.len() - 1] + kick - shift);
    }
    distances
}

/// The least Σ given² that brings the distance to 0 without ever passing it, by exchanging shift
/// between two steps at a time until nothing improves. Knows nothing of the closed form.
fn search(start: f64, kick: f64, a: f64, steps: usize) -> f64 {
    // Begin with everything handed over at the last step.
    let mut given = vec![0.0; steps];
    given[steps - 1] = distances(start, kick, a, &given)[steps];
    for _ in 0..4000 {
        let mut moved: f64 = 0.0;
        for early in 0..steps {
            for late in early + 1..steps {
                // Giving `extra` more early spares a^(late−early)·extra late.
                let spared = a.powi((late - early) as i32);
                let best = (spared * given[late] - given[early]) / (1.0 + spared * spared);
                let mut extra = best;
                let feasible = |extra: f64| {
                    let mut tried = given.clone();
                    tried[early] += extra;
                    tried[late] -= spared * extra;
                    tried.iter().all(|shift| *shift >= -1e-12)
                        && distances(start, kick, a, &tried)
                            .iter()
                            .all(|d| *d >= -1e-9)
                };
                while extra.abs() > 1e-13 && !feasible(extra) {
                    extra /= 2.0;
                }
                if feasible(extra) {
                    given[early] += extra;
                    given[late] -= spared * extra;
                    moved = moved.max(extra.abs());
                }
            }
        }
        if moved < 1e-12 {
            break;
        }
    }
    let last = distances(start, kick, a, &given)[steps];
    assert!(last.abs() < 1e-8, "the shift must reach 0, not {last:e}");
    given.iter().map(|shift| shift * shift).sum()
}

#[test]
fn closed_form_is_the_best_allocation() {
    for (radius, step_size, clip_norm, weight_decay) in [
        (1.0, 0.1, 1.0, 0.0),
        (1.0, 0.1, 1.0, 1.0),
        (0.01, 0.5, 2.0, 0.3),
        (5.0, 0.2, 0.1, 3.5),
        (2.0, 1e-3, 10.0, 100.0),
    ] {
        for noisy_steps in [1, 2, 3, 5, 9] {
            let method = NoisyFineTuning {
                radius,
                step_size,
                clip_norm,
                weight_decay,
                noisy_steps: noisy_steps as u64,
            };
            let a = 1.0 - step_size * weight_decay;
            let best = search(2.0 * radius, 2.0 * step_size * clip_norm, a, noisy_steps).sqrt();
            let found = method.effective_sensitivity().unwrap().value();
            assert!(
                (found / best - 1.0).abs() < 1e-7,
                "{method:?}: {found} against {best}"
            );
        }
    }
}

const METHOD: NoisyFineTuning = NoisyFineTuning {
    radius: 2.0,
    step_size: 0.05,
    clip_norm: 1.5,
    weight_decay: 0.2,
    noisy_steps: 300,
};

#[test]
fn noise_for_a_target_meets_the_target() {
    for target in [1e-3, 0.7, 1.0, 40.0] {
        let target = Gdp::new(target).unwrap();
        let noise = METHOD.noise_scale(target).unwrap();
        let reached = METHOD.gdp(noise).unwrap();
        assert!(reached <= target && reached.mu() > target.mu() * (1.0 - 1e-13));
    }
}

#[test]
fn no_noisy_step_is_output_perturbation() {
    let method = NoisyFineTuning {
        noisy_steps: 0,
        ..METHOD
    };
    let mu = method.gdp(NoiseScale::new(0.5).unwrap()).unwrap().mu();
    assert!((8.0..8.000_000_1).contains(&mu), "{mu}");
}

#[test]
fn reach_is_where_the_steps_lead_at_most() {
    let noise = NoiseScale::new(0.5).unwrap();
    for weight_decay in [0.0, 0.2, 3.5] {
        for noisy_steps in [0, 1, 7, 300] {
            let method = NoisyFineTuning {
                weight_decay,
                noisy_steps,
                ..METHOD
            };
            // All pulls in one direction, and the variance of the noise, step by step.
            let a = 1.0 - METHOD.step_size * weight_decay;
            let (mut distance, mut variance) = (METHOD.radius, 0.0_f64);
            for _ in 0..noisy_steps {
                distance = a * distance + METHOD.step_size * METHOD.clip_norm;
                variance = a * a * variance + 0.25;
            }
            let expected = distance + 16.0 * variance.sqrt();
            let found = method.reach(noise).unwrap();
            assert!((found / expected - 1.0).abs() < 1e-9, "{found} {expected}");
            assert!(found >= METHOD.radius || noisy_steps > 0);
        }
    }
}

#[test]
fn settings_without_a_guarantee_are_refused() {
    for (bad, named) in [
        (
            NoisyFineTuning {
                radius: f64::INFINITY,
                ..METHOD
            },
            "radius",
        ),
        (
            NoisyFineTuning {
                radius: 0.0,
                ..METHOD
            },
            "radius",
        ),
        (
            NoisyFineTuning {
                step_size: f64::NAN,
                ..METHOD
            },
            "step size",
        ),
        (
            NoisyFineTuning {
                clip_norm: -1.0,
                ..METHOD
            },
            "clipping norm",
        ),
        (
            NoisyFineTuning {
                weight_decay: -1e-9,
                ..METHOD
            },
            "weight decay",
        ),
        (
            NoisyFineTuning {
                weight_decay: 20.0,
                ..METHOD
            },
            "step size times weight decay",
        ),
        (
            NoisyFineTuning {
                noisy_steps: u64::MAX,
                ..METHOD
            },
            "number of noisy steps",
        ),
    ] {
        let error = bad.effective_sensitivity().unwrap_err();
        assert!(matches!(error, PrivacyError::OutOfRange { .. }));
        assert!(error.to_string().contains(named), "{error}");
    }
}
