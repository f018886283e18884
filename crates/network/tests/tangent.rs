//! The tangent model against differences of the network's outputs, and its curvature against
//! differences of its gradient.

mod support;

use rescind_network::zoo::{self, Norm};
use rescind_network::{Activation, Execution, Loss, Network, NetworkError, Tangent};
use std::sync::Arc;
use support::{along, derivative, direction, dot, labels, random, relative_error};

const CROSS_ENTROPY: Loss = Loss::SoftmaxCrossEntropy;

/// Convolutions around which a picture also goes straight on, with group norm and pooling.
const RESIDUAL: &str = r#"{"input": [1, 6, 6], "output": "logits", "nodes": [
    {"name": "a", "layer": {"kind": "conv2d", "filters": 4, "kernel": [3, 3]}, "inputs": ["input"]},
    {"name": "b", "layer": {"kind": "max_pool", "kernel": [2, 2], "stride": [2, 2]}, "inputs": ["a"]},
    {"name": "c", "layer": {"kind": "group_norm", "groups": 2}, "inputs": ["b"]},
    {"name": "d", "layer": {"kind": "activation", "function": "silu"}, "inputs": ["c"]},
    {"name": "e", "layer": {"kind": "conv2d", "filters": 4, "kernel": [1, 1]}, "inputs": ["d"]},
    {"name": "f", "layer": {"kind": "add"}, "inputs": ["e", "b"]},
    {"name": "g", "layer": {"kind": "global_avg_pool"}, "inputs": ["f"]},
    {"name": "logits", "layer": {"kind": "linear", "outputs": 3}, "inputs": ["g"]}
]}"#;

fn networks() -> Vec<Network> {
    let gelu = Activation::Gelu;
    let all = [
        zoo::mlp(&[6], &[9, 5], 3, Activation::Tanh, Norm::None).unwrap(),
        zoo::mlp(&[6], &[16], 4, Activation::Relu, Norm::Group).unwrap(),
        zoo::mlp(&[6], &[8], 3, gelu, Norm::Batch).unwrap(),
        zoo::allcnn(&[1, 8, 8], 3, gelu, Norm::None).unwrap(),
        serde_json::from_str(RESIDUAL).unwrap(),
    ];
    all.map(|description| Network::new(description).unwrap())
        .into()
}

fn single(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&x| x as f32).collect()
}

fn one_thread(budget: usize) -> Arc<Execution> {
    Arc::new(Execution::new(1, budget).unwrap())
}

#[test]
fn outputs_gradient_and_curvature_agree_with_differences() {
    for network in networks() {
        let (d, k) = (network.parameter_count(), network.outputs());
        let origin: Vec<f64> = network.initialise(3);
        let records = 7;
        let inputs = single(&random(4, records * network.input_shape().len()));
        let exact: Vec<f64> = inputs.iter().map(|&x| f64::from(x)).collect();
        let labels = labels(5, records, k);
        let tangent = Tangent::new(&network, &origin, inputs, one_thread(1 << 30), true).unwrap();
        let evaluator =
            rescind_network::Evaluator::new(&network, rescind_network::Loss::SoftmaxCrossEntropy);

        // z(v) = J v, however far v is from 0.
        let v: Vec<f64> = direction(6, d).iter().map(|x| 5.0 * x).collect();
        let unit = direction(6, d);
        let slope = derivative(1e-4, |t| {
            evaluator.logits(&along(&origin, t, &unit), &exact).unwrap()
        });
        let expected: Vec<f64> = slope.iter().map(|x| 5.0 * x).collect();
        let z = tangent.logits(&v).unwrap();
        assert!(relative_error(&z, &expected) < 1e-7);

        let u = direction(7, d);
        for loss in [Loss::SoftmaxCrossEntropy, Loss::SquaredError] {
            let at = |t: f64| {
                let mut g = vec![0.0; d];
                let v = along(&v, t, &u);
                (tangent.gradient(loss, &v, &labels, &mut g).unwrap(), g)
            };
            let (value, g) = at(0.0);
            let of_record = |(z, &y): (&[f64], &u32)| match loss {
                Loss::SoftmaxCrossEntropy => {
                    z.iter().map(|z| z.exp()).sum::<f64>().ln() - z[y as usize]
                }
                Loss::SquaredError => {
                    let squares = z.iter().map(|z| z * z).sum::<f64>();
                    0.5 * (squares - 2.0 * z[y as usize] + 1.0)
                }
            };
            let by_hand: f64 =
                z.chunks(k).zip(&labels).map(of_record).sum::<f64>() / records as f64;
            assert!((value - by_hand).abs() < 1e-12 * by_hand.max(1.0));
            let slope = derivative(1e-3, |t| vec![at(t).0]);
            assert!((dot(&g, &u) - slope[0]).abs() < 1e-9 * slope[0].abs().max(1.0));

            let mut hu = vec![0.0; d];
            let p = tangent.probabilities(&v).unwrap();
            let p = (loss == Loss::SoftmaxCrossEntropy).then_some(&*p);
            tangent.hessian_product(p, &u, &mut hu).unwrap();
            assert!(relative_error(&hu, &derivative(1e-3, |t| at(t).1)) < 1e-8);
        }
    }
}

#[test]
fn a_product_with_the_transpose_is_the_adjoint_and_inner_products_are_those_of_rows() {
    for network in &networks() {
        let (d, k, records) = (network.parameter_count(), network.outputs(), 5);
        let origin: Vec<f64> = network.initialise(3);
        let inputs = single(&random(4, records * network.input_shape().len()));
        let tangent = Tangent::new(network, &origin, inputs, one_thread(1 << 30), true).unwrap();
        let (v, u) = (direction(5, d), random(6, records * k));
        let mut back = vec![f64::NAN; d];
        tangent.vjp(&u, &mut back).unwrap();
        let ahead = tangent.logits(&v).unwrap();
        assert!((dot(&ahead, &u) - dot(&back, &v)).abs() < 1e-12 * dot(&u, &u));

        let gram = tangent.gram(&u).unwrap();
        // Every record's own row, by a cotangent that is zero elsewhere.
        let rows: Vec<Vec<f64>> = (0..records)
            .map(|i| {
                let mut own = vec![0.0; records * k];
                own[i * k..][..k].copy_from_slice(&u[i * k..][..k]);
                let mut row = vec![0.0; d];
                tangent.vjp(&own, &mut row).unwrap();
                row
            })
            .collect();
        for i in 0..records {
            for j in 0..records {
                let expected = if i <= j { dot(&rows[i], &rows[j]) } else { 0.0 };
                let found = gram[i * records + j];
                assert!(
                    (found - expected).abs() < 1e-12 * dot(&back, &back),
                    "{i}, {j}"
                );
            }
        }
    }
}

#[test]
fn inner_products_in_many_blocks_have_the_same_bits_on_any_number_of_threads() {
    let network =
        Network::new(zoo::mlp(&[30], &[20], 4, Activation::Gelu, Norm::None).unwrap()).unwrap();
    let origin: Vec<f32> = network.initialise(1);
    let records = 500;
    let inputs = single(&random(2, records * 30));
    let u = single(&random(3, records * 4));
    let run = |threads: usize| {
        let execution = Arc::new(Execution::new(threads, 1 << 30).unwrap());
        let tangent = Tangent::new(&network, &origin, inputs.as_slice(), execution, true).unwrap();
        let gram = tangent.gram(&u).unwrap();
        let mut row = vec![0.0; origin.len()];
        // A row from the last block against one from the first.
        for record in [3, 497] {
            let mut own = vec![0.0; records * 4];
            own[record * 4..][..4].copy_from_slice(&u[record * 4..][..4]);
            let mut one = vec![0.0f32; origin.len()];
            tangent.vjp(&own, &mut one).unwrap();
            row.iter_mut().zip(one).for_each(|(r, o)| *r += o);
        }
        let square: f32 = row.iter().map(|r| r * r).sum();
        let of = |i: usize, j: usize| gram[i * records + j];
        let expected = of(3, 3) + of(497, 497) + 2.0 * of(3, 497);
        assert!(
            (square - expected).abs() < 1e-4 * expected,
            "{square} {expected}"
        );
        gram
    };
    let one = run(1);
    assert!(run(2) == one && run(5) == one);
    let small = Arc::new(Execution::new(1, 1 << 20).unwrap());
    let tangent = Tangent::new(&network, &origin, inputs.as_slice(), small, true).unwrap();
    assert!(matches!(
        tangent.gram(&u),
        Err(NetworkError::MemoryBudget { .. })
    ));
}

#[test]
fn bits_do_not_depend_on_threads_or_on_what_is_kept() {
    let network =
        Network::new(zoo::mlp(&[1, 8, 8], &[40, 30], 10, Activation::Gelu, Norm::None).unwrap())
            .unwrap();
    let (d, records) = (network.parameter_count(), 3000);
    let origin: Vec<f32> = network.initialise(1);
    let inputs = single(&random(2, records * 64));
    let labels = labels(3, records, 10);
    let v = single(&random(4, d));
    let run = |threads: usize, keep: bool| {
        let execution = Arc::new(Execution::new(threads, 1 << 30).unwrap());
        let tangent = Tangent::new(&network, &origin, inputs.as_slice(), execution, keep).unwrap();
        let (mut g, mut h) = (vec![0.0; d], vec![0.0; d]);
        let loss = tangent
            .gradient(CROSS_ENTROPY, &v, &labels, &mut g)
            .unwrap();
        let p = tangent.probabilities(&v).unwrap();
        tangent.hessian_product(Some(&p), &v, &mut h).unwrap();
        (loss.to_bits(), g, h, p)
    };
    let first = run(1, true);
    for (threads, keep) in [(1, false), (3, true), (3, false)] {
        assert!(
            run(threads, keep) == first,
            "{threads} threads, keep {keep}"
        );
    }
}

#[test]
fn wrong_lengths_and_labels_are_refused() {
    let network =
        Network::new(zoo::mlp(&[3], &[4], 2, Activation::Relu, Norm::None).unwrap()).unwrap();
    let origin: Vec<f64> = network.initialise(1);
    let execution = one_thread(1 << 30);
    let new = |origin: &[f64], inputs: Vec<f32>, execution| {
        Tangent::new(&network, origin, inputs, execution, true).map(|_| ())
    };
    let wrong = |result| matches!(result, Err(NetworkError::WrongLength { .. }));
    assert!(wrong(new(&origin[1..], vec![0.0; 3], execution.clone())));
    assert!(wrong(new(&origin, vec![0.0; 4], execution.clone())));
    assert!(matches!(
        new(&origin, Vec::new(), execution.clone()),
        Err(NetworkError::EmptyBatch)
    ));
    assert!(matches!(
        new(&origin, vec![0.0; 3], one_thread(10)),
        Err(NetworkError::MemoryBudget { .. })
    ));
    let d = origin.len();
    let tangent = Tangent::new(&network, &origin, vec![0.1; 6], execution, true).unwrap();
    assert_eq!((tangent.records(), tangent.dim()), (2, d));
    let (mut out, v) = (vec![0.0; d], vec![0.0; d]);
    assert!(wrong(tangent.logits(&v[1..]).map(|_| ())));
    assert!(wrong(
        tangent
            .gradient(CROSS_ENTROPY, &v, &[0], &mut out)
            .map(|_| ())
    ));
    assert!(wrong(tangent.hessian_product(
        Some(&[0.5; 3]),
        &v,
        &mut out
    )));
    assert!(matches!(
        tangent.gradient(CROSS_ENTROPY, &v, &[0, 2], &mut out),
        Err(NetworkError::LabelOutOfRange { .. })
    ));
}

#[test]
fn the_network_of_the_documented_experiment_can_be_built() {
    let text = include_str!("../../../docs/networks/mnist-convolutions.json");
    let network = Network::new(serde_json::from_str(text).unwrap()).unwrap();
    assert_eq!(network.parameter_count(), 50_698);
}
