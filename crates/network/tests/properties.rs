//! What must hold of every network: on random graphs, shapes and batches.

mod support;

use proptest::prelude::*;
use rescind_network::{
    Activation, Batch, Evaluator, Layer, Loss, Network, NetworkDescription, NodeDescription,
    Penalty, Shape,
};
use support::{along, derivative, direction, dot, labels, random, relative_error};

/// A layer wished for; it is skipped where it does not fit.
fn layer() -> impl Strategy<Value = Layer> {
    let activation = prop::sample::select(Activation::ALL.to_vec())
        .prop_filter("smooth", |a| a.is_smooth())
        .prop_map(|function| Layer::Activation { function });
    let side = || 1usize..4;
    let conv = (
        1usize..20,
        (side(), side()),
        (side(), side()),
        (0usize..3, 0usize..3),
        1usize..3,
    )
        .prop_flat_map(|(filters, kernel, stride, padding, groups)| {
            any::<bool>().prop_map(move |bias| Layer::Conv2d {
                filters,
                kernel: kernel.into(),
                stride: stride.into(),
                padding: padding.into(),
                groups,
                bias,
            })
        });
    let pool = ((side(), side()), (side(), side()), 0usize..2).prop_map(|(kernel, stride, p)| {
        Layer::AvgPool {
            kernel: kernel.into(),
            stride: stride.into(),
            padding: [p, p],
        }
    });
    prop_oneof![
        3 => conv,
        2 => activation,
        1 => pool,
        1 => (1usize..4).prop_map(|groups| Layer::GroupNorm { groups, epsilon: 1e-3 }),
        1 => Just(Layer::BatchNorm { epsilon: 1e-3 }),
        1 => Just(Layer::Flatten),
        1 => Just(Layer::Add),
        2 => ((1usize..9), any::<bool>())
            .prop_map(|(outputs, bias)| Layer::Linear { outputs, bias }),
    ]
}

/// Adds the wished layers one after another, sums reaching back to any node of the same shape.
fn build(input: &[usize], wishes: Vec<Layer>, outputs: usize) -> Network {
    let shape = Shape::from_dims(input).unwrap();
    let mut nodes: Vec<NodeDescription> = Vec::new();
    let mut last = "input".to_owned();
    for wish in wishes {
        let mut inputs = vec![last.clone()];
        if wish == Layer::Add {
            inputs.push(
                nodes
                    .get(nodes.len() / 2)
                    .map_or("input".into(), |n| n.name.clone()),
            );
        }
        let name = format!("n{}", nodes.len());
        let node = NodeDescription {
            name: name.clone(),
            layer: wish,
            inputs,
        };
        let mut tried = nodes.clone();
        tried.push(node);
        if fits(shape, &tried, outputs) {
            nodes = tried;
            last = name;
        }
    }
    Network::new(headed(shape, &nodes, outputs)).unwrap()
}

fn headed(input: Shape, nodes: &[NodeDescription], outputs: usize) -> NetworkDescription {
    let mut nodes = nodes.to_vec();
    let last = nodes.last().map_or("input".to_owned(), |n| n.name.clone());
    nodes.push(NodeDescription {
        name: "flat".into(),
        layer: Layer::Flatten,
        inputs: vec![last],
    });
    nodes.push(NodeDescription {
        name: "out".into(),
        layer: Layer::Linear {
            outputs,
            bias: true,
        },
        inputs: vec!["flat".into()],
    });
    NetworkDescription {
        input,
        nodes,
        output: "out".into(),
    }
}

fn fits(input: Shape, nodes: &[NodeDescription], outputs: usize) -> bool {
    Network::new(headed(input, nodes, outputs)).is_ok()
}

fn shape() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        (1usize..9).prop_map(|n| vec![n]),
        (1usize..18, 1usize..8, 1usize..8).prop_map(|(c, h, w)| vec![c, h, w]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn products_are_symmetric_linear_adjoint_and_right(
        input in shape(),
        wishes in prop::collection::vec(layer(), 0..7),
        outputs in 1usize..5,
        records in 1usize..7,
        seed in 0u64..1000,
        squared in any::<bool>(),
        weighted in any::<bool>(),
    ) {
        let network = build(&input, wishes, outputs);
        let d = network.parameter_count();
        let w: Vec<f64> = network.initialise(seed);
        let inputs = random(seed + 1, records * network.input_shape().len());
        let classes = labels(seed + 2, records, outputs);
        let values = random(seed + 3, records * outputs);
        let (loss, batch) = if squared {
            let targets = rescind_network::Targets::Values(values.as_slice());
            (Loss::SquaredError, Batch::new(&inputs, targets))
        } else {
            (Loss::SoftmaxCrossEntropy, Batch::classes(&inputs, &classes))
        };
        let weights: Vec<f64> = random(seed + 8, records).iter().map(|a| a.abs()).collect();
        let batch = if weighted { batch.weighted(&weights) } else { batch };
        let evaluator = Evaluator::new(&network, loss)
            .with_penalty(Penalty::new(0.1).unwrap().around(random(seed + 4, d)))
            .unwrap();
        let at = evaluator.linearize(&w, batch).unwrap();
        let (u, v) = (direction(seed + 5, d), direction(seed + 6, d));
        let product = |which: &str, v: &[f64]| {
            let mut out = vec![0.0; d];
            match which {
                "hvp" => at.hvp(v, &mut out).unwrap(),
                _ => at.ggn(v, &mut out).unwrap(),
            }
            out
        };
        for which in ["hvp", "ggn"] {
            let (hu, hv) = (product(which, &u), product(which, &v));
            let scale = support::norm(&hu).max(support::norm(&hv));
            prop_assert!((dot(&u, &hv) - dot(&v, &hu)).abs() <= 1e-10 * scale, "{which} symmetry");
            let mixed = product(which, &along(&u, -2.5, &v));
            prop_assert!(relative_error(&mixed, &along(&hu, -2.5, &hv)) <= 1e-9, "{which} linearity");
        }
        prop_assert!(dot(&v, &product("ggn", &v)) >= 0.1 * dot(&v, &v) * (1.0 - 1e-9));

        let jv = at.jvp(&v).unwrap();
        let y = random(seed + 7, jv.len());
        let mut jty = vec![0.0; d];
        at.vjp(&y, &mut jty).unwrap();
        let scale = support::norm(&jty).max(support::norm(&jv)).max(1e-9);
        prop_assert!((dot(&jv, &y) - dot(&jty, &v)).abs() <= 1e-9 * scale, "adjoint identity");

        let gradient_at = |t: f64| {
            let mut g = vec![0.0; d];
            evaluator.gradient(&along(&w, t, &v), batch, &mut g).unwrap();
            g
        };
        let error = relative_error(&product("hvp", &v), &derivative(1e-3, gradient_at));
        prop_assert!(error <= 1e-6, "hvp is off by {error:e}");
        let slope = derivative(1e-3, |t| vec![evaluator.loss(&along(&w, t, &v), batch).unwrap()]);
        let error = (dot(at.gradient(), &v) - slope[0]).abs() / slope[0].abs().max(1e-4);
        prop_assert!(error <= 1e-6, "gradient is off by {error:e}");

        // Records one by one agree with records together.
        let losses = evaluator.record_losses(&w, batch).unwrap();
        let norms = evaluator.record_gradient_norms(&w, batch).unwrap();
        let alone = Evaluator::new(&network, loss);
        let mean = (0..records).map(|i| losses[i] * if weighted { weights[i] } else { 1.0 });
        let mean = mean.sum::<f64>() / records as f64;
        let whole = alone.loss(&w, batch).unwrap();
        prop_assert!((whole - mean).abs() <= 1e-9 * mean.abs().max(1.0));
        let len = network.input_shape().len();
        let mut g = vec![0.0; d];
        for i in 0..records {
            let targets = if squared {
                rescind_network::Targets::Values(&values[i * outputs..][..outputs])
            } else {
                rescind_network::Targets::Classes(&classes[i..=i])
            };
            let one = Batch::new(&inputs[i * len..][..len], targets);
            let value = alone.gradient(&w, one, &mut g).unwrap();
            prop_assert!((losses[i] - value).abs() <= 1e-9 * value.abs().max(1.0));
            prop_assert!((norms[i] - support::norm(&g)).abs() <= 1e-8 * norms[i].max(1.0));
        }
    }
}

/// The whole Hessian of a small network, column by column, against second differences of the loss
/// alone: nothing of the engine's derivatives is used.
#[test]
fn a_dense_hessian_by_second_differences_of_the_loss() {
    let description = rescind_network::zoo::mlp(
        &[3],
        &[4],
        3,
        Activation::Tanh,
        rescind_network::zoo::Norm::None,
    );
    let network = Network::new(description.unwrap()).unwrap();
    let d = network.parameter_count();
    let w: Vec<f64> = network.initialise(3);
    let (inputs, classes) = (random(4, 5 * 3), labels(5, 5, 3));
    let batch = Batch::classes(&inputs, &classes);
    let evaluator = Evaluator::new(&network, Loss::SoftmaxCrossEntropy)
        .with_penalty(Penalty::new(0.3).unwrap())
        .unwrap();
    let at = evaluator.linearize(&w, batch).unwrap();
    let h = 1e-3;
    let loss = |moves: [(usize, f64); 2]| {
        let mut w = w.clone();
        moves.iter().for_each(|&(i, t)| w[i] += t);
        evaluator.loss(&w, batch).unwrap()
    };
    for i in 0..d {
        let mut unit = vec![0.0; d];
        unit[i] = 1.0;
        let mut column = vec![0.0; d];
        at.hvp(&unit, &mut column).unwrap();
        for (j, &value) in column.iter().enumerate() {
            let second = |h: f64| {
                let corner = |a: f64, b: f64| loss([(i, a * h), (j, b * h)]);
                let sum = corner(1.0, 1.0) - corner(1.0, -1.0) - corner(-1.0, 1.0);
                (sum + corner(-1.0, -1.0)) / (4.0 * h * h)
            };
            let expected = (4.0 * second(h) - second(2.0 * h)) / 3.0;
            assert!(
                (value - expected).abs() < 1e-7,
                "H[{i},{j}] = {value}, expected {expected}"
            );
        }
    }
}
