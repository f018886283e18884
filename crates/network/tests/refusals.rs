//! What the engine must refuse, with which words; nothing here may panic or allocate what a hostile
//! file claims.

mod support;

use proptest::prelude::*;
use rescind_network::zoo::{self, Norm};
use rescind_network::{
    Activation, Batch, Evaluator, Layer, Loss, Network, NetworkDescription, NetworkError,
    NodeDescription, Penalty, Shape, Tangent, Targets, Weights,
};

fn parse(json: &str) -> Result<Network, NetworkError> {
    Network::new(serde_json::from_str::<NetworkDescription>(json).expect("a description"))
}

/// A description around `nodes`, whose output is "out".
fn described(input: &str, nodes: &str) -> Result<Network, NetworkError> {
    parse(&format!(
        r#"{{"input": {input}, "nodes": [{nodes}], "output": "out"}}"#
    ))
}

fn node(name: &str, layer: &str, inputs: &str) -> String {
    format!(r#"{{"name": "{name}", "layer": {layer}, "inputs": [{inputs}]}}"#)
}

const LINEAR: &str = r#"{"kind": "linear", "outputs": 3}"#;

#[test]
fn graphs_that_are_none() {
    let two = |a: &str, b: &str| {
        described(
            "[4]",
            &format!("{}, {}", node("a", LINEAR, a), node("out", LINEAR, b)),
        )
    };
    assert!(matches!(
        two(r#""out""#, r#""a""#),
        Err(NetworkError::Cycle { .. })
    ));
    let dangling = two(r#""input""#, r#""nowhere""#).unwrap_err();
    assert_eq!(
        dangling.to_string(),
        "node \"out\" takes its input from \"nowhere\", which the description does not have: name a node or \"input\""
    );
    let unused = two(r#""input""#, r#""input""#).unwrap_err();
    assert_eq!(unused, NetworkError::UnusedNode { node: "a".into() });
    let twice = described(
        "[4]",
        &[
            node("out", LINEAR, r#""input""#),
            node("out", LINEAR, r#""input""#),
        ]
        .join(","),
    );
    assert!(matches!(twice, Err(NetworkError::DuplicateNode { .. })));
    let arity = described("[4]", &node("out", LINEAR, r#""input", "input""#));
    assert!(matches!(
        arity,
        Err(NetworkError::WrongArity { found: 2, .. })
    ));
    let none = described("[4]", &node("out", r#"{"kind": "flatten"}"#, r#""input""#));
    assert_eq!(none.unwrap_err(), NetworkError::NoParameters);
    let nothing = parse(r#"{"input": [4], "nodes": [], "output": "out"}"#);
    assert!(matches!(
        nothing,
        Err(NetworkError::DanglingReference { .. })
    ));
}

#[test]
fn layers_that_do_not_fit() {
    for (input, layer, word) in [
        ("[3, 8, 8]", LINEAR, "flatten"),
        (
            "[12]",
            r#"{"kind": "conv2d", "filters": 2, "kernel": [1, 1]}"#,
            "picture",
        ),
        (
            "[3, 4, 4]",
            r#"{"kind": "conv2d", "filters": 2, "kernel": [5, 5]}"#,
            "larger",
        ),
        (
            "[3, 4, 4]",
            r#"{"kind": "conv2d", "filters": 2, "kernel": [0, 1]}"#,
            "positive",
        ),
        (
            "[3, 4, 4]",
            r#"{"kind": "conv2d", "filters": 2, "kernel": [1, 1], "stride": [0, 1]}"#,
            "positive",
        ),
        (
            "[3, 4, 4]",
            r#"{"kind": "conv2d", "filters": 4, "kernel": [1, 1], "groups": 2}"#,
            "divide",
        ),
        (
            "[3, 4, 4]",
            r#"{"kind": "conv2d", "filters": 0, "kernel": [1, 1]}"#,
            "empty",
        ),
        (
            "[3, 4, 4]",
            r#"{"kind": "group_norm", "groups": 2}"#,
            "divide",
        ),
        (
            "[3, 4, 4]",
            r#"{"kind": "batch_norm", "epsilon": 0.0}"#,
            "epsilon",
        ),
        (
            "[3, 4, 4]",
            r#"{"kind": "max_pool", "kernel": [2, 2], "stride": [1, 1], "padding": [2, 0]}"#,
            "half",
        ),
    ] {
        let error = described(input, &node("out", layer, r#""input""#)).unwrap_err();
        assert!(
            matches!(error, NetworkError::LayerDoesNotFit { .. }),
            "{layer}: {error:?}"
        );
        assert!(error.to_string().contains(word), "{layer}: {error}");
    }
    let nodes = [
        node(
            "conv",
            r#"{"kind": "conv2d", "filters": 2, "kernel": [2, 2]}"#,
            r#""input""#,
        ),
        node("out", r#"{"kind": "add"}"#, r#""conv", "input""#),
    ];
    let unequal = described("[2, 4, 4]", &nodes.join(",")).unwrap_err();
    assert!(unequal.to_string().contains("equal shapes"), "{unequal}");
    let conv = node(
        "out",
        r#"{"kind": "conv2d", "filters": 2, "kernel": [2, 2]}"#,
        r#""input""#,
    );
    let picture = described("[2, 4, 4]", &conv).unwrap_err();
    assert!(matches!(picture, NetworkError::OutputNotVector { .. }));
    let unknown = r#"{"input": [4], "nodes": [{"name": "a", "layer": {"kind": "transformer"}, "inputs": ["input"]}], "output": "a"}"#;
    let error = serde_json::from_str::<NetworkDescription>(unknown).unwrap_err();
    assert!(error.to_string().contains("transformer"), "{error}");
    for name in ["Gelu", "swish", ""] {
        assert!(matches!(
            name.parse::<Activation>(),
            Err(NetworkError::UnknownName { .. })
        ));
    }
}

#[test]
fn sizes_that_no_network_has() {
    for input in [
        "[0]",
        "[]",
        "[1, 2]",
        "[18446744073709551615, 18446744073709551615, 2]",
        "[4000000000]",
    ] {
        let text = format!(r#"{{"input": {input}, "nodes": [], "output": "a"}}"#);
        assert!(
            serde_json::from_str::<NetworkDescription>(&text).is_err(),
            "{input}"
        );
    }
    for layer in [
        r#"{"kind": "linear", "outputs": 18446744073709551615}"#,
        r#"{"kind": "linear", "outputs": 0}"#,
    ] {
        let error = described("[4]", &node("out", layer, r#""input""#)).unwrap_err();
        assert!(
            matches!(error, NetworkError::LayerDoesNotFit { .. }),
            "{error:?}"
        );
    }
    for layer in [
        r#"{"kind": "conv2d", "filters": 268435456, "kernel": [1, 1]}"#,
        r#"{"kind": "conv2d", "filters": 2, "kernel": [18446744073709551615, 1]}"#,
        r#"{"kind": "conv2d", "filters": 2, "kernel": [1, 1], "padding": [9223372036854775807, 0]}"#,
        r#"{"kind": "conv2d", "filters": 5, "kernel": [1, 1], "padding": [4096, 4096]}"#,
    ] {
        let error = described("[3, 8, 8]", &node("out", layer, r#""input""#)).unwrap_err();
        assert!(
            matches!(error, NetworkError::LayerDoesNotFit { .. }),
            "{error:?}"
        );
    }
    // Allowed activations, but 2⁵² weights between them.
    let wide = r#"{"kind": "linear", "outputs": 67108864}"#;
    let nodes = [node("a", wide, r#""input""#), node("out", wide, r#""a""#)];
    let error = described("[67108864]", &nodes.join(",")).unwrap_err();
    assert!(
        matches!(
            error,
            NetworkError::TooLarge {
                what: "parameters",
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn architectures_that_cannot_be_built() {
    let picture = [3, 8, 8];
    for built in [
        zoo::logistic(&[], 3),
        zoo::logistic(&[4], 0),
        zoo::mlp(&picture, &[8, 0], 3, Activation::Relu, Norm::None),
        zoo::allcnn(&[64], 3, Activation::Relu, Norm::None),
        zoo::resnet18(&[64], 3, Activation::Relu, Norm::Group),
    ] {
        assert!(
            matches!(built, Err(NetworkError::Architecture { .. })),
            "{built:?}"
        );
    }
}

#[test]
fn batches_and_vectors_that_do_not_suit() {
    let network = Network::new(zoo::logistic(&[2], 3).unwrap()).unwrap();
    let w = vec![0.0f64; network.parameter_count()];
    let of = |loss| Evaluator::new(&network, loss);
    let cross = of(Loss::SoftmaxCrossEntropy);
    let loss = |inputs: &[f64], labels: &[u32]| {
        cross.loss(&w, Batch::classes(inputs, labels)).unwrap_err()
    };
    assert_eq!(loss(&[], &[]), NetworkError::EmptyBatch);
    assert!(matches!(
        loss(&[1.0, 2.0, 3.0], &[0]),
        NetworkError::WrongLength { what: "batch", .. }
    ));
    let short = loss(&[1.0; 4], &[0]);
    assert!(matches!(
        short,
        NetworkError::WrongLength {
            what: "targets",
            ..
        }
    ));
    assert_eq!(
        loss(&[1.0; 4], &[0, 3]).to_string(),
        "record 1 has label 3, but the network has 3 outputs: labels run from 0 to 2"
    );
    let soft = |values: &[f64]| {
        let targets = Targets::Values(values);
        let batch = Batch::new(&[1.0, 2.0], targets);
        cross.loss(&w, batch).unwrap_err()
    };
    for values in [[0.5, 0.5, 0.5], [1.5, -0.5, 0.0], [f64::NAN, 0.5, 0.5]] {
        assert!(
            matches!(soft(&values), NetworkError::BadTarget { record: 0, .. }),
            "{values:?}"
        );
    }
    let batch = Batch::classes(&[1.0, 2.0], &[1]);
    let weighted = |weights: &[f64]| cross.loss(&w, batch.weighted(weights)).unwrap_err();
    assert!(matches!(
        weighted(&[1.0, 2.0]),
        NetworkError::WrongLength { found: 2, .. }
    ));
    for weight in [-1.0, f64::NAN, f64::INFINITY] {
        let error = weighted(&[weight]);
        assert!(matches!(error, NetworkError::BadTarget { record: 0, .. }));
    }
    let wrong = |result: Result<(), NetworkError>| {
        assert!(
            matches!(result, Err(NetworkError::WrongLength { .. })),
            "{result:?}"
        );
    };
    wrong(cross.loss(&w[1..], batch).map(|_| ()));
    wrong(cross.gradient(&w, batch, &mut [0.0; 3]).map(|_| ()));
    let at = cross.linearize(&w, batch).unwrap();
    let mut out = w.clone();
    wrong(at.hvp(&w[1..], &mut out));
    wrong(at.ggn(&w, &mut out[1..]));
    wrong(at.vjp(&[0.0; 2], &mut out));
    wrong(at.jvp(&[]).map(|_| ()));
    wrong(
        of(Loss::SquaredError)
            .with_statistics(vec![0.0])
            .map(|_| ()),
    );
    let centred = Penalty::new(1.0).unwrap().around(vec![0.0; 2]);
    wrong(of(Loss::SquaredError).with_penalty(centred).map(|_| ()));
    for strength in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(Penalty::<f64>::new(strength).is_err());
    }
}

#[test]
fn a_non_finite_activation_is_located() {
    let description = zoo::mlp(&[2], &[400], 3, Activation::Tanh, Norm::None).unwrap();
    let network = Network::new(description).unwrap();
    let w: Vec<f32> = network.initialise(1);
    let evaluator = Evaluator::new(&network, Loss::SoftmaxCrossEntropy);
    // Enough records for several chunks (of 20 million operations); the bad one is in a late one.
    let records = 20_000;
    let mut inputs = vec![0.5f32; records * 2];
    inputs[2 * 19_990] = f32::NAN;
    let expected = NetworkError::NonFinite {
        layer: "layers.0".into(),
        record: 19_990,
    };
    assert_eq!(evaluator.logits(&w, &inputs).unwrap_err(), expected);
    let labels = vec![0; records];
    let refused = evaluator
        .linearize(&w, Batch::classes(&inputs, &labels))
        .map(|_| ());
    assert_eq!(refused.unwrap_err(), expected);
    // Weights so large that a later layer overflows.
    let mut huge = w.clone();
    huge[network.parameters()[2].range.clone()].fill(f32::MAX);
    let error = evaluator.logits(&huge, &[5.0, 5.0]).unwrap_err();
    assert_eq!(
        error,
        NetworkError::NonFinite {
            layer: "layers.2".into(),
            record: 0
        }
    );
    let tangent = |inputs: &[f32]| Tangent::new(&network, &w, inputs, Default::default(), true);
    assert_eq!(tangent(&inputs).err(), Some(expected));
}

#[test]
fn what_is_not_finite_is_seen_behind_layers_that_compare() {
    let pool = Layer::MaxPool {
        kernel: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
    };
    let relu = Layer::Activation {
        function: Activation::Relu,
    };
    for first in [pool, relu] {
        let node = |name: &str, layer, from: &str| NodeDescription {
            name: name.into(),
            layer,
            inputs: vec![from.into()],
        };
        let linear = Layer::Linear {
            outputs: 2,
            bias: true,
        };
        let network = Network::new(NetworkDescription {
            input: Shape::from_dims(&[1, 2, 2]).unwrap(),
            nodes: vec![
                node("first", first, "input"),
                node("flatten", Layer::Flatten, "first"),
                node("last", linear, "flatten"),
            ],
            output: "last".into(),
        })
        .unwrap();
        let w: Vec<f32> = network.initialise(1);
        let evaluator = Evaluator::new(&network, Loss::SoftmaxCrossEntropy);
        for bad in 0..4 {
            let mut inputs = [0.5f32, -1.0, 2.0, 0.1];
            inputs[bad] = f32::NAN;
            let expected = NetworkError::NonFinite {
                layer: "last".into(),
                record: 0,
            };
            assert_eq!(evaluator.logits(&w, &inputs), Err(expected));
        }
    }
}

fn small() -> (Network, Weights<f32>) {
    let network =
        Network::new(zoo::mlp(&[3], &[4], 2, Activation::Relu, Norm::Batch).unwrap()).unwrap();
    let weights = Weights {
        parameters: network.initialise(1),
        statistics: network.initial_statistics(),
    };
    (network, weights)
}

#[test]
fn weights_survive_the_file() {
    let (network, weights) = small();
    let bytes = weights.to_safetensors(&network).unwrap();
    assert_eq!(
        Weights::<f32>::from_safetensors(&network, &bytes).unwrap(),
        weights
    );
    let wide = Weights::<f64>::from_safetensors(&network, &bytes).unwrap();
    assert!(
        wide.parameters
            .iter()
            .zip(&weights.parameters)
            .all(|(a, b)| (*a as f32 - b).abs() == 0.0)
    );
}

/// The same file with other names.
fn renamed(bytes: &[u8], name: impl Fn(&str) -> String) -> Vec<u8> {
    let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
    let tensors = file
        .tensors()
        .into_iter()
        .map(|(old, view)| (name(&old), view));
    safetensors::serialize(tensors, None).unwrap()
}

#[test]
fn names_wrapped_by_pytorch_are_taken_and_others_shown() {
    let (network, weights) = small();
    let bytes = weights.to_safetensors(&network).unwrap();
    for prefix in [
        "module.",
        "_orig_mod.",
        "_orig_mod.module.",
        "module._orig_mod.",
    ] {
        let wrapped = renamed(&bytes, |name| format!("{prefix}{name}"));
        let read = Weights::<f32>::from_safetensors(&network, &wrapped).unwrap();
        assert_eq!(read, weights, "{prefix}");
    }
    let other = renamed(&bytes, |name| name.replace("layers.0", "fc"));
    let error = Weights::<f32>::from_safetensors(&network, &other).unwrap_err();
    assert_eq!(
        error
            .to_string()
            .split_once('\n')
            .unwrap_or_else(|| panic!("{error}"))
            .1,
        "  the network             the file\n  \
           layers.0.weight [4, 3]  fc.bias [4]\n  \
           layers.0.bias [4]       fc.weight [4, 3]"
    );
}

#[test]
fn weights_of_another_network_are_told_apart() {
    let (network, weights) = small();
    let bytes = weights.to_safetensors(&network).unwrap();
    let other = |hidden: &[usize], norm| {
        let description = zoo::mlp(&[3], hidden, 2, Activation::Relu, norm).unwrap();
        let network = Network::new(description).unwrap();
        Weights::<f32>::from_safetensors(&network, &bytes).unwrap_err()
    };
    let NetworkError::Misfit {
        fitting,
        expected,
        apart,
    } = other(&[5], Norm::Batch)
    else {
        panic!()
    };
    // Of one name: the bias of the last layer is the same.
    assert_eq!((fitting, expected), (1, 8));
    let (own, found) = &apart[0];
    assert_eq!(own, &Some(("layers.0.weight".to_owned(), vec![5, 3])));
    assert_eq!(found, &Some(("layers.0.weight".to_owned(), vec![4, 3])));
    let unexpected = other(&[4], Norm::Group);
    let NetworkError::Misfit { apart, .. } = &unexpected else {
        panic!("{unexpected:?}")
    };
    let strangers: Vec<_> = apart.iter().filter(|(own, _)| own.is_none()).collect();
    assert_eq!(strangers.len(), 2, "{unexpected}");
    assert!(
        unexpected.to_string().contains("running_mean [4]"),
        "{unexpected}"
    );
    let mut bad = weights.clone();
    bad.parameters[0] = f32::INFINITY;
    let bytes = bad.to_safetensors(&network).unwrap();
    let error = Weights::<f32>::from_safetensors(&network, &bytes).unwrap_err();
    assert_eq!(
        error,
        NetworkError::TensorNotFinite {
            name: "layers.0.weight".into()
        }
    );
    bad.parameters.pop();
    assert!(matches!(
        bad.to_safetensors(&network),
        Err(NetworkError::WrongLength { .. })
    ));
}

#[test]
fn a_truncated_file_and_a_hostile_header_are_damaged() {
    let (network, weights) = small();
    let bytes = weights.to_safetensors(&network).unwrap();
    let read = |bytes: &[u8]| Weights::<f32>::from_safetensors(&network, bytes);
    for len in 0..bytes.len() {
        assert!(
            matches!(
                read(&bytes[..len]),
                Err(NetworkError::DamagedWeights { .. })
            ),
            "{len}"
        );
    }
    // A header that claims an exabyte, and one whose tensor does.
    let mut claimed = bytes.clone();
    claimed[..8].copy_from_slice(&(1u64 << 60).to_le_bytes());
    assert!(matches!(
        read(&claimed),
        Err(NetworkError::DamagedWeights { .. })
    ));
    let header = br#"{"layers.0.weight":{"dtype":"F32","shape":[1073741824,1073741824],"data_offsets":[0,4611686018427387904]}}"#;
    let mut hostile = (header.len() as u64).to_le_bytes().to_vec();
    hostile.extend_from_slice(header);
    assert!(matches!(
        read(&hostile),
        Err(NetworkError::DamagedWeights { .. })
    ));
}

proptest! {
    #[test]
    fn no_flipped_byte_panics(position in 0usize..600, value in any::<u8>()) {
        let (network, weights) = small();
        let mut bytes = weights.to_safetensors(&network).unwrap();
        let position = position % bytes.len();
        bytes[position] = value;
        // Any answer will do, as long as it is one.
        if let Ok(read) = Weights::<f32>::from_safetensors(&network, &bytes) {
            prop_assert!(read.parameters.iter().all(|x| x.is_finite()));
        }
    }

    #[test]
    fn no_description_panics(
        layers in prop::collection::vec((0usize..7, any::<u16>(), any::<u16>(), any::<u16>()), 0..6),
        input in prop::collection::vec(0usize..5000, 0..4),
    ) {
        let mut last = "input".to_owned();
        let mut nodes = Vec::new();
        for (i, (kind, a, b, c)) in layers.into_iter().enumerate() {
            let layer = match kind {
                0 => format!(r#"{{"kind":"linear","outputs":{a}}}"#),
                1 => format!(r#"{{"kind":"conv2d","filters":{a},"kernel":[{b},{c}],"padding":[{c},{b}],"groups":{}}}"#, c % 5),
                2 => format!(r#"{{"kind":"max_pool","kernel":[{a},{b}],"stride":[{b},{c}]}}"#),
                3 => r#"{"kind":"flatten"}"#.to_owned(),
                4 => format!(r#"{{"kind":"group_norm","groups":{a}}}"#),
                5 => r#"{"kind":"global_avg_pool"}"#.to_owned(),
                _ => r#"{"kind":"batch_norm"}"#.to_owned(),
            };
            nodes.push(node(&format!("n{i}"), &layer, &format!("\"{last}\"")));
            last = format!("n{i}");
        }
        let text = format!(r#"{{"input": {input:?}, "nodes": [{}], "output": "{last}"}}"#, nodes.join(","));
        if let Ok(description) = serde_json::from_str::<NetworkDescription>(&text)
            && let Ok(network) = Network::new(description)
        {
            prop_assert!(network.parameter_count() > 0);
        }
    }
}
