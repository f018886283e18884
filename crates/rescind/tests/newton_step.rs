//! The Newton step against independent answers: dense algebra, exact retraining, finite
//! differences.

use rescind::evaluation::distance;
use rescind::methods::newton::{
    self, Constants, Damping, HessianLipschitz, NewtonOutcome, NewtonSettings, NewtonTask,
    Preconditioning, RightHandSide, SolverChoice,
};
use rescind::{
    Ball, Curvature, Minibatch, ModelError as Error, NetworkModel, NetworkObjective, Objective,
    exact_gradient_norm,
};
use rescind_curvature::{Ending, Stopping};
use rescind_data::{DataSource, Dataset, Selection, load};
use rescind_network::{Activation, Network, zoo};

fn digits() -> Dataset {
    load(&DataSource::Digits, None).unwrap().train
}

fn logistic() -> Network {
    Network::new(zoo::logistic(&[1, 8, 8], 10).unwrap()).unwrap()
}

fn every(step: usize, of: usize) -> Selection {
    Selection::new(of, (0..of).step_by(step).collect()).unwrap()
}

fn exact(value: f64) -> NewtonSettings {
    NewtonSettings {
        damping: Damping::Given { value },
        solver: SolverChoice::Cg {
            stopping: Stopping {
                relative_tolerance: 1e-5,
                max_products: 3000,
            },
        },
        preconditioning: Preconditioning::None,
        subsample: None,
        check: true,
        loss_growth: None,
        ..NewtonSettings::default()
    }
}

/// The minimiser of the objective, by Newton steps with the dense solver.
fn minimise(objective: &dyn Objective, ball: &Ball) -> Vec<f32> {
    let mut w = vec![0.0; objective.dim()];
    for _ in 0..12 {
        let settings = NewtonSettings {
            right_hand_side: RightHandSide::RetainGradient,
            solver: SolverChoice::Dense {
                max_dimension: 1000,
            },
            ..exact(0.0)
        };
        w = step(&w, objective, objective, ball, &settings).weights;
    }
    w
}

fn step(
    w: &[f32],
    retain: &dyn Objective,
    forget: &dyn Objective,
    ball: &Ball,
    settings: &NewtonSettings,
) -> NewtonOutcome {
    let task = NewtonTask {
        weights: w,
        retain,
        forget: Some(forget),
        forgotten: forget.records(),
        ball,
        gradient_stop: None,
        batch_norm: false,
        kept: None,
    };
    newton::step(&task, settings, &mut ()).unwrap()
}

#[test]
fn one_step_lands_near_exact_retraining_of_a_convex_model() {
    let (data, network) = (digits(), logistic());
    let mut model = NetworkModel::new(&network);
    model.penalty = 0.01;
    let ball = Ball::new(50.0, None).unwrap();
    let forget = every(48, data.len());
    let retain = forget.complement();
    let on = |set: &Selection| NetworkObjective::new(&model, &data, set).unwrap();
    let (all, f_r, f_u) = (on(&Selection::all(data.len())), on(&retain), on(&forget));
    let (original, retrained) = (minimise(&all, &ball), minimise(&f_r, &ball));
    assert!(exact_gradient_norm(&f_r, &retrained).unwrap() < 1e-5);
    let before = distance(&original, &retrained);

    let mut landed = Vec::new();
    for side in [
        RightHandSide::ForgetInfluence,
        RightHandSide::RetainGradient,
    ] {
        for curvature in [Curvature::Hessian, Curvature::GaussNewton] {
            let settings = NewtonSettings {
                right_hand_side: side,
                curvature,
                ..exact(0.0)
            };
            let outcome = step(&original, &f_r, &f_u, &ball, &settings);
            let after = distance(&outcome.weights, &retrained);
            assert!(
                after < 0.1 * before,
                "{side:?} {curvature:?}: {before} to {after}"
            );
            // The theorem of strong convexity (docs/theory.md §3) holds for what was reported.
            let bound = outcome.report.check.unwrap().gradient_norm_after / model.penalty;
            assert!(after <= bound * 1.01 + 1e-4, "{after} {bound}");
            landed.push(outcome.weights);
        }
    }
    // At a stationary point both sides are equal, and a convex model has one curvature.
    let apart = landed
        .iter()
        .map(|w| distance(w, &landed[0]))
        .fold(0.0, f64::max);
    assert!(apart < 0.01 * before, "{apart} {before}");
}

#[test]
fn every_solver_gives_the_dense_answer() {
    let (data, network) = (digits(), logistic());
    let model = NetworkModel::new(&network);
    let ball = Ball::new(50.0, None).unwrap();
    let forget = every(30, data.len());
    let on = |set: &Selection| NetworkObjective::new(&model, &data, set).unwrap();
    let (f_r, f_u) = (on(&forget.complement()), on(&forget));
    let w: Vec<f32> = network.initialise(3);
    let (loose, damping) = (
        Stopping {
            relative_tolerance: 1e-4,
            max_products: 2000,
        },
        0.02,
    );
    let solved = |solver| {
        let outcome = step(
            &w,
            &f_r,
            &f_u,
            &ball,
            &NewtonSettings {
                solver,
                ..exact(damping)
            },
        );
        let check = outcome.report.check.unwrap();
        // What the solver says in single precision is so in double.
        let apart = (check.residual - outcome.report.solver_residual).abs();
        assert!(
            apart < 1e-5 * outcome.report.right_hand_side,
            "{solver:?}: {apart}"
        );
        let share = check.residual / outcome.report.right_hand_side;
        (outcome.weights, share, outcome.report)
    };
    let (dense, share, _) = solved(SolverChoice::Dense {
        max_dimension: 1000,
    });
    assert!(share < 1e-4, "{share}");
    let length = distance(&dense, &w);
    let lissa = SolverChoice::Lissa {
        chains: 4,
        depth: 3000,
        scale: None,
        minibatch: 64,
        relative_tolerance: 0.0,
    };
    for (solver, tolerance) in [
        (SolverChoice::Cg { stopping: loose }, 1e-3),
        (SolverChoice::Minres { stopping: loose }, 1e-3),
        (lissa, 0.1),
    ] {
        let (w, share, report) = solved(solver);
        let apart = distance(&w, &dense) / length;
        assert!(apart < tolerance, "{solver:?}: {apart}");
        assert!(share < 10.0 * tolerance, "{solver:?}: {share}");
        assert_eq!(
            report.sampled_products > 0,
            matches!(solver, SolverChoice::Lissa { .. })
        );
    }
    // A preconditioner changes the road, not the goal; a subset is not the whole.
    let helped = NewtonSettings {
        preconditioning: Preconditioning::Nystrom {
            rank: 40,
            records: Some(300),
        },
        ..exact(damping)
    };
    let helped = step(&w, &f_r, &f_u, &ball, &helped);
    let plain = step(&w, &f_r, &f_u, &ball, &exact(damping));
    assert!(distance(&helped.weights, &dense) < 1e-3 * length);
    assert!(helped.report.products < plain.report.products);
    assert_eq!(
        (helped.report.preconditioner_rank, helped.made.is_some()),
        (40, true)
    );
    let part = NewtonSettings {
        subsample: Some(200),
        ..exact(damping)
    };
    let part = step(&w, &f_r, &f_u, &ball, &part);
    assert_eq!(part.report.curvature_records, 200);
    // Solved to 1e-5 over its 200 records or so; over all of them the residual says what was left out.
    assert!(part.report.check.unwrap().residual > 1e-2 * part.report.right_hand_side);
    assert!(part.report.solver_residual <= 1e-4 * part.report.right_hand_side);
}

#[test]
fn records_drawn_where_outputs_are_curved_have_the_curvature_of_all() {
    let (data, network) = (digits(), logistic());
    let model = NetworkModel {
        penalty: 1e-3,
        ..NetworkModel::new(&network)
    };
    let ball = Ball::new(50.0, None).unwrap();
    let all = NetworkObjective::new(&model, &data, &every(1, data.len())).unwrap();
    // Surer of itself than the penalty lets it be, as networks are.
    let w: Vec<f32> = minimise(&all, &ball).iter().map(|w| 4.0 * w).collect();
    let v: Vec<f32> = network.initialise(8);
    let slope = |objective: &dyn Objective, which| {
        let mut out = vec![0.0; w.len()];
        let curvature = objective.curvature(&w, which).unwrap();
        curvature.product(&v, &mut out).unwrap();
        rescind_curvature::dot(&v, &out)
    };
    let (records, draws) = (150, 200);
    for which in [Curvature::GaussNewton, Curvature::Hessian] {
        let whole = slope(&all, which);
        // Mean and root mean square of the relative errors.
        let errors = |part: &dyn Fn(u64) -> f64| {
            let errors: Vec<f64> = (0..draws).map(|seed| part(seed) / whole - 1.0).collect();
            let mean = errors.iter().sum::<f64>() / draws as f64;
            let square = errors.iter().map(|e| e * e).sum::<f64>() / draws as f64;
            (mean, square.sqrt())
        };
        let curved = errors(&|seed| {
            let part = all.curved_subset(&w, records, seed).unwrap();
            slope(&*part, which)
        });
        let alike = errors(&|seed| {
            let part = all.subset(records, seed).unwrap();
            slope(&*part, which)
        });
        assert!(curved.0.abs() < 0.02, "{which:?}: {curved:?}");
        assert!(2.0 * curved.1 < alike.1, "{which:?}: {curved:?} {alike:?}");
    }

    // In either precision, for all that is asked of it, the weights count.
    let part = all.curved_subset(&w, records, 3).unwrap();
    let wide: Vec<f64> = w.iter().map(|&w| f64::from(w)).collect();
    let (mut coarse, mut fine) = (vec![0.0f32; w.len()], vec![0.0; w.len()]);
    let loss = part.gradient(&w, &mut coarse).unwrap();
    assert!((loss - part.exact_gradient(&wide, &mut fine).unwrap()).abs() < 1e-5);
    let near = |coarse: &[f32], fine: &[f64]| {
        let mut pairs = coarse.iter().zip(fine);
        pairs.all(|(a, b)| (f64::from(*a) - b).abs() < 1e-4)
    };
    assert!(near(&coarse, &fine));
    let along: Vec<f64> = v.iter().map(|&v| f64::from(v)).collect();
    let which = Curvature::GaussNewton;
    part.exact_product(&wide, which, &along, &mut fine).unwrap();
    let curvature = part.curvature(&w, which).unwrap();
    curvature.product(&v, &mut coarse).unwrap();
    assert!(near(&coarse, &fine));
    let everything = Minibatch {
        records: 10 * records,
        seed: 4,
    };
    let sampled = part.sampled_curvature(&w, which, everything).unwrap();
    sampled.sampled_product(0, 0, &v, &mut coarse).unwrap();
    assert!(near(&coarse, &fine));
    let again = part.subset(10 * records, 5).unwrap();
    let curvature = again.curvature(&w, which).unwrap();
    curvature.product(&v, &mut coarse).unwrap();
    assert!(near(&coarse, &fine));
    // Drawn once more from what was drawn, it still has the curvature of all.
    let (whole, mut mean) = (slope(&all, which), 0.0);
    for seed in 0..draws {
        let half = part.curved_subset(&w, records / 2, seed).unwrap();
        mean += slope(&*half, which) / draws as f64;
    }
    assert!(
        (mean / slope(&*part, which) - 1.0).abs() < 0.02,
        "{mean} {whole}"
    );
    assert!(all.curved_subset(&w, 0, 1).is_err());
}

#[test]
fn the_paper_presets_system_is_the_papers() {
    let (data, network) = (digits(), logistic());
    let model = NetworkModel::new(&network);
    let ball = Ball::new(50.0, None).unwrap();
    let forget = every(30, data.len());
    let on = |set: &Selection| NetworkObjective::new(&model, &data, set).unwrap();
    let (f_r, f_u) = (on(&forget.complement()), on(&forget));
    let w: Vec<f32> = network.initialise(3);
    let settings = NewtonSettings {
        check: true,
        ..NewtonSettings::zhang2024(10, 500, 50.0, 10, 1.0)
    };
    let report = step(&w, &f_r, &f_u, &ball, &settings).report;
    assert_eq!(report.sampled_products, 10 * 500);
    let mut gradient = vec![0.0; w.len()];
    f_r.gradient(&w, &mut gradient).unwrap();
    let norm = rescind_curvature::norm(&gradient);
    assert!((report.right_hand_side - norm).abs() < 1e-6 * norm);
    let check = report.check.unwrap();
    assert!((check.gradient_norm_before - norm).abs() < 1e-5 * norm);
    assert!(check.residual < 0.2 * norm, "{check:?} of {norm}");
    let text = serde_json::to_string(&settings).unwrap();
    assert!(
        text.contains("hessian") && text.contains("retain-gradient"),
        "{text}"
    );
    assert_eq!(
        serde_json::from_str::<NewtonSettings>(&text).unwrap(),
        settings
    );
}

#[test]
fn negative_curvature_is_an_error_that_says_what_would_do() {
    let data = digits();
    let description = zoo::mlp(&[1, 8, 8], &[6], 10, Activation::Tanh, zoo::Norm::None).unwrap();
    let network = Network::new(description).unwrap();
    let model = NetworkModel::new(&network);
    let ball = Ball::new(10.0, None).unwrap();
    let forget = every(30, data.len());
    let on = |set: &Selection| NetworkObjective::new(&model, &data, set).unwrap();
    let (f_r, f_u) = (on(&forget.complement()), on(&forget));
    let w: Vec<f32> = network.initialise(3);
    let task = NewtonTask {
        weights: &w,
        retain: &f_r,
        forget: Some(&f_u),
        forgotten: f_u.records(),
        ball: &ball,
        gradient_stop: None,
        batch_norm: false,
        kept: None,
    };
    let hessian = NewtonSettings {
        curvature: Curvature::Hessian,
        ..exact(0.0)
    };
    match newton::step(&task, &hessian, &mut ()) {
        Err(Error::NoStep {
            ending: Ending::NegativeCurvature { damping_above, .. },
        }) => {
            assert!(damping_above > 0.0);
        }
        other => panic!("{:?}", other.map(|outcome| outcome.report)),
    }
    // The measured spectrum chooses a damping that does, and explains it.
    let damping = Damping::FromSpectrum {
        condition_number: 1e3,
        steps: 60,
        failure_probability: 1e-3,
    };
    let outcome = newton::step(&task, &NewtonSettings { damping, ..hessian }, &mut ()).unwrap();
    assert_eq!(outcome.report.ending, Ending::Converged);
    let chosen = outcome.report.damping;
    assert!(chosen.products == 60 && chosen.explanation.contains("eigenvalues lie in"));
    assert!(chosen.damping > -chosen.suggestion.unwrap().lambda_min_lower);
}

#[test]
fn settings_out_of_range_are_named() {
    let wrong = [
        NewtonSettings {
            subsample: Some(0),
            ..NewtonSettings::default()
        },
        exact(-1.0),
        exact(f64::NAN),
        NewtonSettings {
            damping: Damping::Sampling { scale: 0.0 },
            ..NewtonSettings::default()
        },
        NewtonSettings::zhang2024(1, 1, 1.0, 0, 1.0),
        NewtonSettings {
            constants: Constants {
                hessian_lipschitz: Some(HessianLipschitz::Assumed { value: -1.0 }),
                ..Constants::default()
            },
            ..NewtonSettings::default()
        },
    ];
    for settings in wrong {
        let found = settings.validate();
        assert!(
            matches!(found, Err(Error::Setting { .. })),
            "{settings:?}: {found:?}"
        );
    }
}

#[test]
fn the_objective_is_one_function_in_every_precision() {
    let data = digits();
    let description = zoo::mlp(&[1, 8, 8], &[5], 10, Activation::Tanh, zoo::Norm::None).unwrap();
    let network = Network::new(description).unwrap();
    let mut model = NetworkModel::new(&network);
    model.penalty = 0.3;
    model.centre = Some(network.initialise::<f32>(8).into());
    let some = every(3, data.len());
    let objective = NetworkObjective::new(&model, &data, &some).unwrap();
    let w: Vec<f32> = network.initialise(1);
    let wide: Vec<f64> = w.iter().map(|&w| f64::from(w)).collect();
    let v: Vec<f64> = network.initialise(2);
    let (d, h) = (w.len(), 1e-5);
    let mut gradient = vec![0.0; d];
    let value = objective.exact_gradient(&wide, &mut gradient).unwrap();

    let along = |t: f64| -> (f64, Vec<f64>) {
        let moved: Vec<f64> = wide.iter().zip(&v).map(|(w, v)| w + t * v).collect();
        let mut gradient = vec![0.0; d];
        let value = objective.exact_gradient(&moved, &mut gradient).unwrap();
        (value, gradient)
    };
    let ((up, g_up), (down, g_down)) = (along(h), along(-h));
    let slope = rescind_curvature::dot(&gradient, &v);
    assert!(((up - down) / (2.0 * h) - slope).abs() < 1e-7 * slope.abs().max(1.0));
    let mut hv = vec![0.0; d];
    objective
        .exact_product(&wide, Curvature::Hessian, &v, &mut hv)
        .unwrap();
    let differences: Vec<f64> = g_up
        .iter()
        .zip(&g_down)
        .map(|(up, down)| (up - down) / (2.0 * h))
        .collect();
    let apart: Vec<f64> = hv.iter().zip(&differences).map(|(a, b)| a - b).collect();
    assert!(rescind_curvature::norm(&apart) < 1e-7 * rescind_curvature::norm(&hv));

    let (mut g, mut product) = (vec![0.0; d], vec![0.0; d]);
    let again = objective
        .exact_gradient_and_product(&wide, Curvature::Hessian, &v, &mut g, &mut product)
        .unwrap();
    assert!((again - value).abs() < 1e-12);
    for (together, alone) in g.iter().zip(&gradient).chain(product.iter().zip(&hv)) {
        assert!((together - alone).abs() < 1e-12 * alone.abs().max(1.0));
    }

    let mut single = vec![0.0; d];
    assert!((objective.gradient(&w, &mut single).unwrap() - value).abs() < 1e-5);
    let apart: Vec<f64> = single
        .iter()
        .zip(&gradient)
        .map(|(a, b)| f64::from(*a) - b)
        .collect();
    assert!(rescind_curvature::norm(&apart) < 1e-5 * rescind_curvature::norm(&gradient));
    // The penalty is in it once: with μ alone changed the gradient moves by Δμ (w − c).
    let mut bare = model.clone();
    bare.penalty = 0.0;
    let bare = NetworkObjective::new(&bare, &data, &some).unwrap();
    let mut without = vec![0.0; d];
    bare.exact_gradient(&wide, &mut without).unwrap();
    let centre = model.centre.unwrap();
    for i in 0..d {
        let expected = 0.3 * (wide[i] - f64::from(centre[i]));
        assert!((gradient[i] - without[i] - expected).abs() < 1e-12);
    }
}

#[test]
fn minibatch_curvature_averages_to_the_whole() {
    let (data, network) = (digits(), logistic());
    let model = NetworkModel::new(&network);
    let objective = NetworkObjective::new(&model, &data, &every(2, data.len())).unwrap();
    let w: Vec<f32> = network.initialise(1);
    let v: Vec<f32> = network.initialise(2);
    for which in [Curvature::Hessian, Curvature::GaussNewton] {
        let minibatch = Minibatch {
            records: 24,
            seed: 5,
        };
        let sampled = objective.sampled_curvature(&w, which, minibatch).unwrap();
        let (mut whole, mut part) = (vec![0.0; w.len()], vec![0.0; w.len()]);
        sampled.product(&v, &mut whole).unwrap();
        let mut mean = vec![0.0_f64; w.len()];
        let mut errors = Vec::new();
        let (mut same, mut other) = (Vec::new(), Vec::new());
        for step in 0..1600 {
            sampled
                .sampled_product(step % 7, step, &v, &mut part)
                .unwrap();
            mean.iter_mut()
                .zip(&part)
                .for_each(|(mean, &part)| *mean += f64::from(part));
            if step == 3 {
                same.clone_from(&part);
            }
            if step == 4 {
                other.clone_from(&part);
            }
            if step + 1 == 100 || step + 1 == 1600 {
                let n = (step + 1) as f64;
                let apart: Vec<f64> = mean
                    .iter()
                    .zip(&whole)
                    .map(|(m, &w)| m / n - f64::from(w))
                    .collect();
                errors.push(rescind_curvature::norm(&apart) / rescind_curvature::norm(&whole));
            }
        }
        // 16 times the samples, a quarter of the error.
        assert!(
            errors[1] < 0.5 * errors[0] && errors[1] < 0.05,
            "{errors:?}"
        );
        sampled.sampled_product(3, 3, &v, &mut part).unwrap();
        assert!(part == same && part != other);
    }
    assert!(objective.subset(0, 1).is_err());
    assert_eq!(objective.subset(10_000, 1).unwrap().records(), 720);
}
