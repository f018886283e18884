//! Every layer and every network of the zoo against central differences.

mod support;

use rescind_network::zoo::{self, Norm};
use rescind_network::{
    Activation, Batch, Evaluator, Layer, Loss, Network, NetworkDescription, NodeDescription, Shape,
};
use support::{derivative_errors, labels, random};

const LIMIT: f64 = 1e-6;

fn check(what: &str, description: NetworkDescription, records: usize, step: f64) {
    let network = Network::new(description).unwrap();
    let mut w: Vec<f64> = network.initialise(5);
    // Norms start at scale 1 and shift 0, where their own derivatives would go unnoticed.
    for (w, r) in w.iter_mut().zip(random(6, network.parameter_count())) {
        *w += 0.05 * r;
    }
    let mut statistics: Vec<f64> = network.initial_statistics();
    for (s, r) in statistics
        .iter_mut()
        .zip(random(7, network.statistic_count()))
    {
        *s += 0.3 * r;
    }
    let inputs = random(8, records * network.input_shape().len());
    let labels = labels(9, records, network.outputs());
    let evaluator = Evaluator::new(&network, Loss::SoftmaxCrossEntropy)
        .with_statistics(statistics)
        .unwrap();
    let batch = Batch::classes(&inputs, &labels);
    for (name, error) in derivative_errors(&evaluator, &w, batch, step) {
        assert!(error <= LIMIT, "{what}: {name} is off by {error:e}");
    }
}

/// input → layers one after another → flatten → linear 3.
fn chain(input: &[usize], layers: Vec<Layer>) -> NetworkDescription {
    let mut nodes: Vec<NodeDescription> = Vec::new();
    let mut last = "input".to_owned();
    let head = [
        Layer::Flatten,
        Layer::Linear {
            outputs: 3,
            bias: true,
        },
    ];
    for (i, layer) in layers.into_iter().chain(head).enumerate() {
        let name = format!("n{i}");
        nodes.push(NodeDescription {
            name: name.clone(),
            layer,
            inputs: vec![last],
        });
        last = name;
    }
    NetworkDescription {
        input: Shape::from_dims(input).unwrap(),
        nodes,
        output: last,
    }
}

fn conv(filters: usize, kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2]) -> Layer {
    Layer::Conv2d {
        filters,
        kernel,
        stride,
        padding,
        groups: 1,
        bias: true,
    }
}

fn bend(function: Activation) -> Layer {
    Layer::Activation { function }
}

#[test]
fn activations() {
    for function in Activation::ALL {
        let step = if function.is_smooth() { 1e-3 } else { 1e-6 };
        let layers = vec![
            Layer::Linear {
                outputs: 7,
                bias: true,
            },
            bend(function),
            Layer::Linear {
                outputs: 5,
                bias: false,
            },
            bend(function),
        ];
        check(function.name(), chain(&[4], layers), 5, step);
    }
}

#[test]
fn convolutions() {
    let geometries = [
        ("same", [3, 3], [1, 1], [1, 1]),
        ("valid", [3, 3], [1, 1], [0, 0]),
        ("wide padding", [3, 3], [1, 1], [2, 2]),
        ("stride", [3, 3], [2, 2], [1, 1]),
        ("uneven", [2, 3], [2, 1], [0, 2]),
        ("pointwise", [1, 1], [1, 1], [0, 0]),
        ("pointwise, stride", [1, 1], [2, 2], [0, 0]),
        ("whole picture", [5, 6], [1, 1], [0, 0]),
        ("stride past the end", [2, 2], [3, 5], [1, 0]),
    ];
    for (what, kernel, stride, padding) in geometries {
        let layers = vec![
            conv(4, [3, 3], [1, 1], [1, 1]),
            bend(Activation::Tanh),
            conv(6, kernel, stride, padding),
            bend(Activation::Silu),
        ];
        check(what, chain(&[2, 5, 6], layers), 2, 1e-3);
    }
}

#[test]
fn grouped_convolutions() {
    for (groups, kernel) in [(2, 3), (4, 3), (2, 1), (4, 1)] {
        let grouped = Layer::Conv2d {
            filters: 8,
            kernel: [kernel; 2],
            stride: [1, 1],
            padding: [kernel / 2; 2],
            groups,
            bias: false,
        };
        let layers = vec![
            conv(4, [3, 3], [1, 1], [1, 1]),
            bend(Activation::Gelu),
            grouped,
        ];
        check("groups", chain(&[3, 4, 5], layers), 2, 1e-3);
    }
}

#[test]
fn winograd_convolutions() {
    // Enough channels and tiles for the fast algorithm, channel counts off the lane width, and
    // pictures that do not divide into tiles; last, tiles for several blocks.
    let sizes = [
        ([16, 8, 8], 1),
        ([17, 7, 10], 0),
        ([19, 9, 6], 2),
        ([16, 28, 32], 1),
    ];
    for (input, padding) in sizes {
        let layers = vec![
            conv(18, [3, 3], [1, 1], [padding; 2]),
            bend(Activation::Tanh),
            conv(33, [3, 3], [1, 1], [1, 1]),
            bend(Activation::Softplus),
            Layer::GlobalAvgPool,
        ];
        check("winograd", chain(&input, layers), 9, 1e-3);
    }
}

#[test]
fn pooling() {
    let window = |kernel, stride, padding| (kernel, stride, padding);
    for (kernel, stride, padding) in [
        window([2, 2], [2, 2], [0, 0]),
        window([3, 2], [1, 2], [1, 1]),
        window([3, 3], [2, 2], [1, 0]),
    ] {
        let first = || vec![conv(5, [3, 3], [1, 1], [1, 1]), bend(Activation::Tanh)];
        let mut max = first();
        max.push(Layer::MaxPool {
            kernel,
            stride,
            padding,
        });
        check("max pool", chain(&[2, 6, 5], max), 3, 1e-5);
        let mut average = first();
        average.push(Layer::AvgPool {
            kernel,
            stride,
            padding,
        });
        check("average pool", chain(&[2, 6, 5], average), 3, 1e-3);
    }
}

#[test]
fn norms() {
    for norm in [
        Layer::GroupNorm {
            groups: 2,
            epsilon: 1e-5,
        },
        Layer::GroupNorm {
            groups: 6,
            epsilon: 1e-5,
        },
        Layer::BatchNorm { epsilon: 1e-5 },
    ] {
        let layers = vec![
            conv(6, [3, 3], [1, 1], [1, 1]),
            norm.clone(),
            bend(Activation::Tanh),
            conv(6, [3, 3], [2, 2], [1, 1]),
            norm.clone(),
        ];
        check("norm on pictures", chain(&[2, 5, 4], layers), 3, 1e-3);
        // As the first layer its input has no tangent; on features it has one position.
        let layers = vec![
            norm.clone(),
            Layer::Linear {
                outputs: 6,
                bias: true,
            },
            norm,
        ];
        check("norm on features", chain(&[6], layers), 3, 1e-3);
    }
}

#[test]
fn sums_with_shared_inputs() {
    let node = |name: &str, layer: Layer, inputs: &[&str]| NodeDescription {
        name: name.into(),
        layer,
        inputs: inputs.iter().map(|&s| s.into()).collect(),
    };
    let description = NetworkDescription {
        input: Shape::from_dims(&[3, 4, 4]).unwrap(),
        nodes: vec![
            node("b", conv(3, [3, 3], [1, 1], [1, 1]), &["a"]),
            node("a", conv(3, [1, 1], [1, 1], [0, 0]), &["input"]),
            node("bent", bend(Activation::Tanh), &["b"]),
            // The input itself, a node twice, and a node that others use too.
            node("sum", Layer::Add, &["bent", "a", "input", "bent"]),
            node("late", Layer::Add, &["sum", "b"]),
            node("flat", Layer::Flatten, &["late"]),
            node(
                "out",
                Layer::Linear {
                    outputs: 4,
                    bias: true,
                },
                &["flat"],
            ),
        ],
        output: "out".into(),
    };
    check("sums", description, 3, 1e-3);
}

#[test]
fn a_picture_of_several_channels_flattened_at_once() {
    let layers = vec![
        Layer::Flatten,
        Layer::Linear {
            outputs: 5,
            bias: true,
        },
    ];
    check("flatten", chain(&[3, 2, 4], layers), 2, 1e-3);
}

#[test]
fn zoo_mlp_and_logistic() {
    check("logistic", zoo::logistic(&[1, 3, 3], 4).unwrap(), 6, 1e-3);
    for norm in [Norm::None, Norm::Group, Norm::Batch] {
        let mlp = zoo::mlp(&[1, 4, 4], &[8, 6], 3, Activation::Softplus, norm).unwrap();
        check("mlp", mlp, 4, 1e-3);
    }
}

#[test]
fn long_rows_and_few_records() {
    // Rows off the lane width, records off the number that run abreast, and one too many.
    for records in [1, 4, 7, 13] {
        let mlp = zoo::mlp(&[133], &[129, 5], 3, Activation::Tanh, Norm::None).unwrap();
        check("long rows", mlp, records, 1e-3);
    }
}

#[test]
fn zoo_allcnn() {
    for norm in [Norm::None, Norm::Group, Norm::Batch] {
        let net = zoo::allcnn(&[3, 8, 8], 5, Activation::Silu, norm).unwrap();
        check("allcnn", net, 2, 1e-3);
    }
}

#[test]
#[ignore = "slow tier: differences in eleven million weights, with each norm"]
fn zoo_resnet18() {
    for norm in [Norm::None, Norm::Group, Norm::Batch] {
        let net = zoo::resnet18(&[1, 8, 8], 4, Activation::Gelu, norm).unwrap();
        check("resnet18", net, 2, 1e-3);
    }
}
