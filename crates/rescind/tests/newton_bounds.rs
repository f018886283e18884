//! The bound of the Newton step: what its constants give, and no more than they can claim.

use rescind::methods::newton::{
    self, Constants, Damping, HessianLipschitz, NewtonOutcome, NewtonSettings, NewtonTask,
    Preconditioning, SolverChoice,
};
use rescind::{Ball, Curvature, NetworkModel, NetworkObjective, Objective};
use rescind_curvature::Stopping;
use rescind_data::{DataSource, Dataset, Selection, load};
use rescind_network::{Activation, Network, zoo};
use rescind_privacy::sensitivity::{Provenance, Symbol, Theorem};

/// A small network, somewhere.
struct Start {
    data: Dataset,
    network: Network,
    w: Vec<f32>,
}

fn start() -> Start {
    let description = zoo::mlp(&[1, 8, 8], &[6], 10, Activation::Tanh, zoo::Norm::None).unwrap();
    let network = Network::new(description).unwrap();
    Start {
        data: load(&DataSource::Digits, None).unwrap().train,
        w: network.initialise(3),
        network,
    }
}

fn damped(value: f64) -> NewtonSettings {
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

/// A step within a ball of radius 10.
fn step(
    w: &[f32],
    retain: &dyn Objective,
    forget: &dyn Objective,
    (gradient_stop, batch_norm): (Option<f64>, bool),
    settings: &NewtonSettings,
) -> NewtonOutcome {
    let task = NewtonTask {
        weights: w,
        retain,
        forget: Some(forget),
        forgotten: forget.records(),
        ball: &Ball::new(10.0, None).unwrap(),
        gradient_stop,
        batch_norm,
        kept: None,
    };
    newton::step(&task, settings, &mut ()).unwrap()
}

#[test]
fn bounds_are_what_their_constants_give() {
    let Start { data, network, w } = start();
    let model = NetworkModel::new(&network);
    let forget = Selection::new(data.len(), (0..data.len()).step_by(30).collect()).unwrap();
    let on = |set: &Selection| NetworkObjective::new(&model, &data, set).unwrap();
    let (f_r, f_u) = (on(&forget.complement()), on(&forget));
    let constants = Constants {
        hessian_lipschitz: Some(HessianLipschitz::Assumed { value: 2.0 }),
        ..Constants::default()
    };
    let asked = |value| NewtonSettings {
        constants,
        ..damped(value)
    };
    let outcome = step(&w, &f_r, &f_u, (None, false), &asked(5.0));
    let [diameter, theorem] = &outcome.candidates[..] else {
        panic!()
    };
    assert_eq!(diameter.theorem(), Theorem::BallDiameter);
    assert_eq!(theorem.theorem(), Theorem::NewtonStep);
    let of = |symbol: Symbol| {
        theorem
            .constants()
            .iter()
            .find(|c| c.symbol() == symbol)
            .unwrap()
    };
    let value = |symbol| of(symbol).value();
    let (rho, least) = (value(Symbol::Distance), value(Symbol::LeastEigenvalue));
    assert!((rho - 20.0).abs() < 1e-12 && (value(Symbol::Damping) - 5.0).abs() < 1e-12);
    let numerator = rho * (2.0 * rho / 2.0 + 5.0) + value(Symbol::Residual);
    let expected = numerator / (5.0 + least);
    assert!((theorem.value().value() - expected).abs() < 1e-9 * expected);
    assert!(matches!(
        of(Symbol::LeastEigenvalue).provenance(),
        Provenance::Probabilistic { .. }
    ));
    assert_eq!(of(Symbol::GradientBound).provenance(), Provenance::Assumed);

    // The residual is that of the theorem's system, whatever was solved.
    let x: Vec<f64> = w
        .iter()
        .zip(&outcome.weights)
        .map(|(a, b)| f64::from(a - b))
        .collect();
    let wide: Vec<f64> = w.iter().map(|&w| f64::from(w)).collect();
    let (mut g, mut hx) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    f_r.exact_gradient(&wide, &mut g).unwrap();
    f_r.exact_product(&wide, Curvature::Hessian, &x, &mut hx)
        .unwrap();
    let r: Vec<f64> = (0..x.len()).map(|i| g[i] - hx[i] - 5.0 * x[i]).collect();
    let r = rescind_curvature::norm(&r);
    assert!((r - value(Symbol::Residual)).abs() < 1e-4 * r, "{r}");

    // An indefinite system has no theorem, and says so.
    let outcome = step(&w, &f_r, &f_u, (None, false), &asked(1e-9));
    assert_eq!(outcome.candidates.len(), 1);
    assert!(outcome.report.no_theorem.unwrap().contains("lambda"));
}

#[test]
fn constants_claim_no_more_than_is_known() {
    let Start { data, network, w } = start();
    let model = NetworkModel::new(&network);
    let forget = Selection::new(data.len(), (0..data.len()).step_by(30).collect()).unwrap();
    let on = |set: &Selection| NetworkObjective::new(&model, &data, set).unwrap();
    let (f_r, f_u) = (on(&forget.complement()), on(&forget));
    let constants = |lanczos_steps, failure_probability| Constants {
        hessian_lipschitz: Some(HessianLipschitz::Assumed { value: 2.0 }),
        lanczos_steps,
        failure_probability,
        ..Constants::default()
    };
    let taken = |constants, gradient_stop, batch_norm| {
        let settings = NewtonSettings {
            constants,
            ..damped(5.0)
        };
        step(&w, &f_r, &f_u, (gradient_stop, batch_norm), &settings)
    };
    let of = |outcome: &NewtonOutcome, symbol| {
        let mut all = outcome.candidates[1].constants().iter();
        all.find(|one| one.symbol() == symbol).unwrap().clone()
    };
    let (few, most) = (constants(60, 1e-3), w.len());
    // Training asked to stop at a gradient norm also ends elsewhere, and so does retraining.
    let outcome = taken(few, Some(1e-6), false);
    let gradient = of(&outcome, Symbol::GradientBound);
    assert_eq!(gradient.provenance(), Provenance::Assumed);
    assert!((gradient.value() - 1e-6).abs() < 1e-18);

    // The start that a probability is over is another each time, whatever the settings' seed; the
    // bound is below the eigenvalue that as many steps as there are weights find.
    let least = |constants| of(&taken(constants, None, false), Symbol::LeastEigenvalue).value();
    let bounds: Vec<f64> = (0..4).map(|_| least(few)).collect();
    assert!(
        bounds
            .windows(2)
            .any(|two| two[0].to_bits() != two[1].to_bits())
    );
    let exact = least(constants(most, 1e-3));
    assert!(
        bounds.iter().all(|bound| *bound < exact),
        "{bounds:?} {exact}"
    );

    // With batch norm the two sides' objectives are two functions.
    let outcome = taken(few, None, true);
    assert_eq!(outcome.candidates.len(), 1);
    assert!(outcome.report.no_theorem.unwrap().contains("batch norm"));
}
