//! Convex objectives and their descent against dense algebra in double precision.

use rescind::descent::{ConvexSettings, Minimiser};
use rescind::{
    ConvexObjective, Curvature, Features, HeadObjective, ModelError as Error, NetworkModel,
    NetworkObjective, Objective, Products, Progress, TangentObjective, Watched,
};
use rescind_curvature::{Cg, Control, Damped, Ending, Preconditioner, Solver, Stopping, norm};
use rescind_data::{DataSource, Dataset, Selection, Standardisation, load};
use rescind_network::{Activation, Loss, Network, zoo};
use std::ops::ControlFlow;

fn digits() -> Dataset {
    load(&DataSource::Digits, None).unwrap().train
}

fn network(hidden: &[usize]) -> Network {
    let shape = [1, 8, 8];
    Network::new(zoo::mlp(&shape, hidden, 10, Activation::Tanh, zoo::Norm::None).unwrap()).unwrap()
}

fn model(network: &Network, penalty: f64) -> NetworkModel<'_> {
    NetworkModel {
        penalty,
        linearised: true,
        centre: Some(network.initialise::<f32>(5).into()),
        ..NetworkModel::new(network)
    }
}

/// A small network of convolutions.
fn pictures(filters: usize) -> Network {
    let text = format!(
        r#"{{"input": [1, 8, 8], "output": "logits", "nodes": [
            {{"name": "seen", "layer": {{"kind": "conv2d", "filters": {filters}, "kernel": [3, 3],
              "stride": [3, 3]}}, "inputs": ["input"]}},
            {{"name": "bent", "layer": {{"kind": "activation", "function": "gelu"}},
              "inputs": ["seen"]}},
            {{"name": "flat", "layer": {{"kind": "flatten"}}, "inputs": ["bent"]}},
            {{"name": "logits", "layer": {{"kind": "linear", "outputs": 10}}, "inputs": ["flat"]}}
        ]}}"#
    );
    Network::new(serde_json::from_str(&text).unwrap()).unwrap()
}

/// The model around a centre whose last layer is zero.
fn without_head<'n>(model: &NetworkModel<'n>) -> NetworkModel<'n> {
    let mut centre = model.centre.as_ref().unwrap().to_vec();
    let last = model.network.parameters().iter().rev().take(2);
    last.for_each(|tensor| centre[tensor.range.clone()].fill(0.0));
    NetworkModel {
        centre: Some(centre.into()),
        ..model.clone()
    }
}

fn centre(model: &NetworkModel<'_>) -> Vec<f64> {
    let centre = model.centre.as_ref().unwrap();
    centre.iter().map(|&c| f64::from(c)).collect()
}

fn first(records: usize, dataset: &Dataset) -> Selection {
    Selection::new(dataset.len(), (0..records).collect()).unwrap()
}

/// Goes down to the end.
fn arrive(descent: &mut Minimiser<'_>) {
    while !descent.has_arrived() {
        descent.step(&mut ()).unwrap();
    }
}

/// Solves a symmetric positive-definite system by elimination.
fn eliminate(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let d = b.len();
    for i in 0..d {
        for r in i + 1..d {
            let factor = a[r][i] / a[i][i];
            if factor.abs() > 0.0 {
                let (above, below) = a.split_at_mut(r);
                for (x, y) in below[0][i..].iter_mut().zip(&above[i][i..]) {
                    *x -= factor * y;
                }
                b[r] -= factor * b[i];
            }
        }
    }
    for i in (0..d).rev() {
        let known: f64 = (i + 1..d).map(|j| a[i][j] * b[j]).sum();
        b[i] = (b[i] - known) / a[i][i];
    }
    b
}

/// The minimum, by damped Newton steps on the matrix written out column by column.
fn dense_minimum(objective: &dyn Objective, mut w: Vec<f64>) -> Vec<f64> {
    let d = w.len();
    let mut gradient = vec![0.0; d];
    let mut loss = objective.exact_gradient(&w, &mut gradient).unwrap();
    for _ in 0..50 {
        if norm(&gradient) < 1e-13 {
            break;
        }
        let column = |j: usize| {
            let (mut unit, mut out) = (vec![0.0; d], vec![0.0; d]);
            unit[j] = 1.0;
            objective
                .exact_product(&w, Curvature::Hessian, &unit, &mut out)
                .unwrap();
            out
        };
        let step = eliminate((0..d).map(column).collect(), gradient.clone());
        let mut length = 1.0;
        loop {
            let next: Vec<f64> = w.iter().zip(&step).map(|(w, s)| w - length * s).collect();
            let there = objective.exact_gradient(&next, &mut gradient).unwrap();
            if there <= loss + 1e-15 || length < 1e-3 {
                (w, loss) = (next, there);
                break;
            }
            length *= 0.5;
        }
    }
    w
}

#[test]
fn descents_end_where_dense_newton_does() {
    let (network, dataset) = (network(&[2]), digits());
    let (mu, bound) = (1e-3, 1e-9);
    let (some, small) = (first(200, &dataset), first(60, &dataset));
    let pictures = pictures(2);
    let settings = ConvexSettings::new(mu, bound);
    for loss in [Loss::SoftmaxCrossEntropy, Loss::SquaredError] {
        let of = |network| NetworkModel {
            loss,
            ..model(network, mu)
        };
        let dense = of(&network);
        let tangent = TangentObjective::new(&dense, &dataset, &some).unwrap();
        let convolved = TangentObjective::new(&of(&pictures), &dataset, &small).unwrap();
        let without_head = without_head(&dense);
        let features = Features::new(&without_head, &dataset).unwrap();
        let head = HeadObjective::new(&features, &without_head, &some).unwrap();
        for objective in [&tangent as &dyn ConvexObjective, &convolved, &head] {
            let start: Vec<f64> = objective.origin().iter().map(|&c| f64::from(c)).collect();
            let exact = dense_minimum(objective, start.clone());
            let mut descent = Minimiser::start(objective, start, settings).unwrap();
            arrive(&mut descent);
            assert!(descent.effort().preconditioners > 0);
            let w = descent.weights();
            let apart: Vec<f64> = w.iter().zip(&exact).map(|(a, b)| a - b).collect();
            assert!(norm(&apart) <= bound / mu, "{loss:?} {:e}", norm(&apart));
            let mut gradient = vec![0.0; w.len()];
            objective.exact_gradient(w, &mut gradient).unwrap();
            assert!(norm(&gradient) <= bound);
        }
    }
}

#[test]
fn a_start_that_is_an_end_takes_no_preconditioner() {
    let (network, dataset) = (network(&[2]), digits());
    let model = model(&network, 1e-3);
    let objective = TangentObjective::new(&model, &dataset, &first(200, &dataset)).unwrap();
    let settings = ConvexSettings::new(1e-3, 1e-6);
    let mut descent = Minimiser::start(&objective, centre(&model), settings).unwrap();
    arrive(&mut descent);
    let (w, small) = (descent.into_weights(), vec![1e-8; centre(&model).len()]);
    let mut again = Minimiser::start_with(&objective, w.clone(), small, settings).unwrap();
    assert!(!again.has_arrived());
    again.step(&mut ()).unwrap();
    assert!(again.has_arrived() && again.weights() == w);
    let effort = again.effort();
    assert!(
        effort.preconditioners == 0 && effort.products == 0 && effort.exact_gradients == 1,
        "{effort:?}"
    );
}

#[test]
fn a_gradient_below_rounding_is_an_error_and_not_a_loop() {
    let (network, dataset) = (network(&[2]), digits());
    let model = model(&network, 1e-2);
    let objective = TangentObjective::new(&model, &dataset, &first(50, &dataset)).unwrap();
    let settings = ConvexSettings::new(1e-2, 1e-22);
    let mut descent = Minimiser::start(&objective, centre(&model), settings).unwrap();
    let ending = (0..100).find_map(|_| descent.step(&mut ()).err());
    assert!(
        matches!(ending, Some(Error::GradientStuck { norm, .. }) if norm < 1e-15),
        "{ending:?}"
    );
    let told = ending.unwrap().to_string();
    assert!(told.contains("rounding in binary64 may be"), "{told}");
    let far = Error::GradientStuck {
        norm: 1e-4,
        bound: 1e-8,
        rounding: 1e-9,
    };
    assert!(far.to_string().contains("scale the inputs"), "{far}");
}

#[test]
fn a_descent_that_follows_the_outputs_breaks_off_and_goes_on_to_the_same_bits() {
    let (network, dataset) = (network(&[16]), digits());
    let model = model(&network, 1e-4);
    let objective = TangentObjective::new(&model, &dataset, &first(600, &dataset)).unwrap();
    let settings = ConvexSettings::new(1e-4, 1e-8);
    let mut whole = Minimiser::start(&objective, centre(&model), settings).unwrap();
    let mut path = vec![(centre(&model), Vec::new())];
    while !whole.has_arrived() {
        whole.step(&mut ()).unwrap();
        let mut norms = path[path.len() - 1].1.clone();
        norms.push(whole.gradient_norm());
        path.push((whole.weights().to_vec(), norms));
    }
    assert!(path.len() > 3, "{} steps", path.len() - 1);
    assert!(whole.effort().products < 60, "{:?}", whole.effort());
    for (w, norms) in &path {
        let mut rest = Minimiser::resume(&objective, w.clone(), norms, settings).unwrap();
        arrive(&mut rest);
        assert_eq!(rest.weights(), whole.weights(), "after {}", norms.len());
    }
    let mut told = 0;
    let mut stop = |_: &Progress| {
        told += 1;
        ControlFlow::Break(())
    };
    let mut broken = Minimiser::start(&objective, centre(&model), settings).unwrap();
    let ending = broken.step(&mut stop);
    assert!(matches!(ending, Err(Error::Interrupted { .. })) && told == 1);
}

#[test]
fn where_single_precision_leads_no_further_double_precision_does() {
    let mut dataset = digits();
    let long = Standardisation::supplied(vec![0.0; 1], vec![1e-3; 1]).unwrap();
    long.apply(&mut dataset).unwrap();
    let (network, settings) = (network(&[16]), ConvexSettings::new(1.0, 1e-6));
    let model = model(&network, 1.0);
    let objective = TangentObjective::new(&model, &dataset, &first(300, &dataset)).unwrap();
    let mut descent = Minimiser::start(&objective, centre(&model), settings).unwrap();
    arrive(&mut descent);
    let effort = descent.effort();
    assert!(
        effort.exact_gradients > 1 && effort.products < 400,
        "{effort:?}"
    );
}

#[test]
fn weights_of_the_wrong_length_are_refused() {
    let (network, dataset) = (network(&[2]), digits());
    let model = model(&network, 1.0);
    let objective = TangentObjective::new(&model, &dataset, &first(50, &dataset)).unwrap();
    let settings = ConvexSettings::new(1.0, 1e-6);
    let mut longer = centre(&model);
    longer.push(0.0);
    let shorter = centre(&model)[1..].to_vec();
    let without_head = without_head(&model);
    let features = Features::new(&without_head, &dataset).unwrap();
    let head = HeadObjective::new(&features, &without_head, &first(50, &dataset)).unwrap();
    for objective in [&objective as &dyn ConvexObjective, &head] {
        for w in [&longer, &shorter] {
            let refused = Minimiser::start(objective, w.clone(), settings).err();
            assert!(matches!(refused, Some(Error::Network(_))), "{refused:?}");
            let mut gradient = vec![0.0; w.len()];
            let refused = objective.exact_gradient(w, &mut gradient).err();
            assert!(matches!(refused, Some(Error::Network(_))), "{refused:?}");
            let refused = objective
                .exact_gradient(&centre(&model), &mut gradient)
                .err();
            assert!(matches!(refused, Some(Error::Network(_))), "{refused:?}");
        }
    }
}

#[test]
fn inputs_beyond_single_precision_are_an_error_and_not_a_loop() {
    let mut dataset = digits();
    let long = Standardisation::supplied(vec![0.0; 1], vec![1e-30; 1]).unwrap();
    long.apply(&mut dataset).unwrap();
    let network = network(&[2]);
    let model = model(&network, 1.0);
    let objective = TangentObjective::new(&model, &dataset, &first(50, &dataset)).unwrap();
    let settings = ConvexSettings::new(1.0, 1e-6);
    let descent = Minimiser::start(&objective, centre(&model), settings);
    let ending = descent.map(|mut descent| (0..20).find_map(|_| descent.step(&mut ()).err()));
    assert!(!matches!(ending, Ok(None)), "after 20 steps");
}

#[test]
fn products_and_gradients_agree() {
    for loss in [Loss::SoftmaxCrossEntropy, Loss::SquaredError] {
        products_and_gradients_of(loss);
    }
}

fn products_and_gradients_of(loss: Loss) {
    let (network, dataset) = (network(&[6]), digits());
    let model = NetworkModel {
        loss,
        ..model(&network, 1e-3)
    };
    let objective = TangentObjective::new(&model, &dataset, &first(300, &dataset)).unwrap();
    let settings = ConvexSettings::new(1e-3, 1e-6);
    let mut descent = Minimiser::start(&objective, centre(&model), settings).unwrap();
    arrive(&mut descent);
    let wide = descent.weights().to_vec();
    let w: Vec<f32> = wide.iter().map(|&w| w as f32).collect();
    let wide: Vec<f64> = w.iter().map(|&w| f64::from(w)).collect();
    let (mut coarse, mut fine) = (vec![0.0; w.len()], vec![0.0; w.len()]);
    let loss = objective.gradient(&w, &mut coarse).unwrap();
    assert!((loss - objective.exact_gradient(&wide, &mut fine).unwrap()).abs() < 1e-5);
    assert!(
        coarse
            .iter()
            .zip(&fine)
            .all(|(a, b)| (f64::from(*a) - b).abs() < 1e-5)
    );

    // The derivative of the gradient is the product.
    let v: Vec<f32> = network.initialise(8);
    let along: Vec<f64> = v.iter().map(|&v| f64::from(v)).collect();
    let at = |t: f64| {
        let w: Vec<f64> = wide.iter().zip(&along).map(|(w, v)| w + t * v).collect();
        let mut g = vec![0.0; w.len()];
        objective.exact_gradient(&w, &mut g).unwrap();
        g
    };
    let mut exact = vec![0.0; w.len()];
    objective
        .exact_product(&wide, Curvature::GaussNewton, &along, &mut exact)
        .unwrap();
    let (up, down) = (at(1e-4), at(-1e-4));
    for ((up, down), exact) in up.iter().zip(&down).zip(&exact) {
        assert!(((up - down) / 2e-4 - exact).abs() < 1e-7);
    }
    let quadratic = |products: &dyn Products| {
        let mut out = vec![0.0; v.len()];
        products.product(&v, &mut out).unwrap();
        rescind_curvature::dot(&v, &out)
    };
    let whole = objective.curvature(&w, Curvature::GaussNewton).unwrap();
    let whole = quadratic(&*whole);
    let along_exact: f64 = along.iter().zip(&exact).map(|(v, h)| v * h).sum();
    assert!((whole / along_exact - 1.0).abs() < 1e-4);
}

#[test]
fn a_preconditioner_made_of_rows_saves_products() {
    let (network, dataset) = (network(&[32]), digits());
    let (model, some) = (model(&network, 1e-4), first(1200, &dataset));
    let tangent = TangentObjective::new(&model, &dataset, &some).unwrap();
    let pictures = pictures(8);
    let convolved = self::model(&pictures, 1e-4);
    let convolved = TangentObjective::new(&convolved, &dataset, &some).unwrap();
    // Not a head: its products are so cheap that only a few rows are worth their price, and these
    // save no product.
    let objectives: [(&dyn ConvexObjective, u64); 2] = [(&tangent, 4), (&convolved, 3)];
    for (objective, times) in objectives {
        let w = objective.origin();
        let curvature = objective.curvature(w, Curvature::GaussNewton).unwrap();
        let system = Damped::new(Watched::new(curvature), 0.0).unwrap();
        let rhs: Vec<f32> = (0..w.len()).map(|i| (i as f32).sin()).collect();
        let solve = |preconditioner: Option<&dyn Preconditioner<f32>>| {
            let mut cg = Cg::new(Stopping {
                relative_tolerance: 1e-3,
                max_products: 1000,
            });
            if let Some(preconditioner) = preconditioner {
                cg = cg.preconditioned_by(preconditioner);
            }
            let solution = cg.solve(&system, &rhs, &mut Control::default()).unwrap();
            assert_eq!(solution.ending, Ending::Converged);
            solution
        };
        // At the centre every class is as likely as any other.
        let probabilities = vec![0.1; 10 * objective.records()];
        let rows = objective.preconditioner(&probabilities, 7);
        let rows = rows.unwrap().unwrap();
        let (plain, helped) = (solve(None), solve(Some(&*rows)));
        assert!(
            times * helped.products < plain.products,
            "{} {}",
            helped.products,
            plain.products
        );
        let again = objective.preconditioner(&probabilities, 7);
        assert_eq!(solve(Some(&*again.unwrap().unwrap())).x, helped.x);
    }
}

#[test]
fn a_head_moves_as_the_last_layer_of_the_whole_network_does() {
    let (network, dataset) = (network(&[7, 5]), digits());
    let model = NetworkModel {
        linearised: false,
        ..without_head(&model(&network, 1e-2))
    };
    let some = first(120, &dataset);
    let features = Features::new(&model, &dataset).unwrap();
    let head = HeadObjective::new(&features, &model, &some).unwrap();
    let whole = NetworkObjective::new(&model, &dataset, &some).unwrap();
    let place = network.parameters().iter().rev().take(2);
    let start = place.map(|tensor| tensor.range.start).min().unwrap();
    let mut w = centre(&model);
    let d = w.len();
    w[start..]
        .iter_mut()
        .enumerate()
        .for_each(|(i, w)| *w += 0.1 * (i as f64).sin());
    let (mut own, mut all) = (vec![0.0; d], vec![0.0; d]);
    let loss = head.exact_gradient(&w, &mut own).unwrap();
    // The outputs do not see the frozen weights, but the penalty does.
    let mut elsewhere = w.clone();
    elsewhere[0] += 0.5;
    elsewhere[start - 1] -= 1.5;
    let mut there = vec![f64::NAN; d];
    let more = head.exact_gradient(&elsewhere, &mut there).unwrap() - loss;
    assert!((more - 0.5 * 1e-2 * (0.25 + 2.25)).abs() < 1e-12, "{more}");
    assert!((there[0] - 0.5e-2).abs() < 1e-12 && (there[start - 1] + 1.5e-2).abs() < 1e-12);
    // The features are computed in single precision.
    assert!((loss - whole.exact_gradient(&w, &mut all).unwrap()).abs() < 1e-6);
    assert!(own[..start].iter().all(|g| g.abs() <= 0.0));
    assert!(
        own[start..]
            .iter()
            .zip(&all[start..])
            .all(|(a, b)| (a - b).abs() < 1e-6)
    );

    let v: Vec<f64> = (0..d)
        .map(|i| f64::from(u8::from(i >= start)) * (i as f64).cos())
        .collect();
    let (mut hv, mut full) = (vec![0.0; d], vec![0.0; d]);
    let which = Curvature::Hessian;
    head.exact_product(&w, which, &v, &mut hv).unwrap();
    whole.exact_product(&w, which, &v, &mut full).unwrap();
    assert!(
        hv[start..]
            .iter()
            .zip(&full[start..])
            .all(|(a, b)| (a - b).abs() < 1e-6)
    );
    let single = |x: &[f64]| x.iter().map(|&x| x as f32).collect::<Vec<f32>>();
    let (w, v, mut out) = (single(&w), single(&v), vec![0.0; d]);
    let curvature = head.curvature(&w, which).unwrap();
    curvature.product(&v, &mut out).unwrap();
    assert!(
        out.iter()
            .zip(&hv)
            .all(|(a, b)| (f64::from(*a) - b).abs() < 1e-5)
    );
}

#[test]
fn a_head_that_does_not_start_at_zero_is_refused() {
    let (network, dataset) = (network(&[5]), digits());
    let model = model(&network, 1e-2);
    let features = Features::new(&model, &dataset).unwrap();
    let refused = HeadObjective::new(&features, &model, &first(20, &dataset)).err();
    assert!(
        matches!(&refused, Some(Error::NotProvable { reason }) if reason.contains("zero")),
        "{refused:?}"
    );
}

/// These records and no others, as a data set of their own.
fn only(dataset: &Dataset, positions: &[usize]) -> Dataset {
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    dataset
        .copy_batch(positions, &mut inputs, &mut labels)
        .unwrap();
    let (shape, names) = (dataset.input_shape(), dataset.class_names());
    Dataset::new("some", shape.to_vec(), names.to_vec(), inputs, labels).unwrap()
}

/// Trained on some records, then made to forget one of them, against training from scratch on a
/// data set that never had it: everything that a head is made of computed afresh.
#[test]
fn a_head_unlearned_is_within_the_bound_of_one_that_never_saw_the_record() {
    let (mu, bound) = (1e-3, 1e-10);
    let (network, digits) = (network(&[64]), digits());
    let model = without_head(&model(&network, mu));
    let settings = ConvexSettings::new(mu, bound);
    let minimum = |data: &Dataset, on: &Selection, start: Option<Vec<f64>>| {
        let features = Features::new(&model, data).unwrap();
        let objective = HeadObjective::new(&features, &model, on).unwrap();
        let start = start.unwrap_or_else(|| centre(&model));
        let mut descent = Minimiser::start(&objective, start, settings).unwrap();
        arrive(&mut descent);
        descent.into_weights()
    };
    for (records, gone) in [(13, 3), (13, 12), (65, 0), (65, 64), (130, 64)] {
        let all: Vec<usize> = (0..records).collect();
        let data = only(&digits, &all);
        let trained = minimum(&data, &Selection::all(records), None);
        let stay: Vec<usize> = all.into_iter().filter(|&at| at != gone).collect();
        let retained = Selection::new(records, stay.clone()).unwrap();
        let unlearned = minimum(&data, &retained, Some(trained));
        let never = only(&digits, &stay);
        let retrained = minimum(&never, &Selection::all(never.len()), None);
        let apart: Vec<f64> = unlearned
            .iter()
            .zip(&retrained)
            .map(|(a, b)| a - b)
            .collect();
        let (found, most) = (norm(&apart), 2.0 * bound / mu);
        assert!(found <= most, "{records} less {gone}: {found} > {most}");
    }
}
