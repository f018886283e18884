//! ONNX files, made by fixtures/make_onnx.py and computed by onnxruntime.

use proptest::prelude::*;
use rescind_network::{
    Evaluator, FromOnnx, Layer, Loss, Network, NetworkError, looks_like_onnx, read_onnx, softmax,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx")
}

fn file(name: &str) -> Vec<u8> {
    fs::read(fixtures().join(format!("{name}.onnx"))).unwrap()
}

fn read(bytes: &[u8]) -> Result<FromOnnx, NetworkError> {
    read_onnx(bytes, &mut |name| fs::read(fixtures().join(name)))
}

#[derive(Deserialize)]
struct Golden {
    inputs: Vec<Vec<f32>>,
    outputs: Vec<Vec<f32>>,
    /// The kind of the last node.
    last: String,
}

fn golden() -> BTreeMap<String, Golden> {
    serde_json::from_slice(&fs::read(fixtures().join("onnx.json")).unwrap()).unwrap()
}

fn shares(logits: &[f64]) -> Vec<f64> {
    let mut shares = vec![0.0; logits.len()];
    softmax(logits, &mut shares);
    shares
}

#[test]
fn networks_compute_what_onnxruntime_computes() {
    let golden = golden();
    assert!(golden.len() >= 11, "{} files", golden.len());
    for (name, golden) in golden {
        let bytes = file(&name);
        let nameless = ["gemm", "norms", "layer-norm"].contains(&&*name);
        assert!(looks_like_onnx(&bytes) || nameless);
        let FromOnnx { network, weights } = read(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        let network = Network::new(network).unwrap();
        let inputs = golden.inputs.concat();
        let evaluator = Evaluator::new(&network, Loss::SoftmaxCrossEntropy)
            .with_statistics(weights.statistics)
            .unwrap();
        let outputs = evaluator.logits(&weights.parameters, &inputs).unwrap();
        for (found, expected) in outputs.chunks(network.outputs()).zip(&golden.outputs) {
            let found: Vec<f64> = found.iter().map(|&value| f64::from(value)).collect();
            let found = match golden.last.as_str() {
                "Softmax" => shares(&found),
                "LogSoftmax" => shares(&found).iter().map(|p| p.ln()).collect(),
                _ => found,
            };
            for (found, &expected) in found.iter().zip(expected) {
                let expected = f64::from(expected);
                assert!(
                    (found - expected).abs() <= 2e-6 * (1.0 + expected.abs()),
                    "{name}: {found}, expected {expected}"
                );
            }
        }
    }
}

/// Exported with its names, a network has the layers and tensors of the module.
#[test]
fn layers_have_the_names_of_their_tensors() {
    let FromOnnx { network, .. } = read(&file("view")).unwrap();
    let network = Network::new(network).unwrap();
    let names: Vec<&str> = network
        .parameters()
        .iter()
        .map(|t| t.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "a.weight",
            "a.bias",
            "ln.weight",
            "ln.bias",
            "b.weight",
            "b.bias"
        ]
    );
}

/// One node after another becomes a layer; what exporters write as many, one too.
#[test]
fn patterns_become_one_layer() {
    for (name, expected) in [
        ("view-erf", 6),
        ("view", 6),
        // Its softplus is written as three nodes, and the softmax is left out.
        ("softplus", 3),
        ("residual", 10),
        ("layer-norm", 3),
    ] {
        let network = read(&file(name)).unwrap().network;
        let kinds: Vec<&Layer> = network.nodes.iter().map(|node| &node.layer).collect();
        assert_eq!(kinds.len(), expected, "{name}: {kinds:?}");
    }
}

#[test]
fn what_is_no_layer_here_is_named_all_at_once() {
    let error = read(&file("refused")).unwrap_err();
    let NetworkError::ForeignOnnx { problems } = &error else {
        panic!("{error}");
    };
    // Nodes that the output does not follow from are nobody's concern.
    assert_eq!(problems.len(), 1, "{error}");
    assert!(problems[0].contains("\"over channels\""), "{error}");
    assert!(error.to_string().contains("docs/network.md"));
    // The output is another tensor of the file.
    let mut bytes = file("refused");
    let name = |at: usize, bytes: &[u8]| bytes[at..].starts_with(b"\x0a\x01y");
    let at = (0..bytes.len()).rev().find(|&at| name(at, &bytes)).unwrap();
    bytes[at + 2] = b'z';
    let error = read(&bytes).unwrap_err();
    let NetworkError::ForeignOnnx { problems } = &error else {
        panic!("{error}");
    };
    assert_eq!(problems.len(), 2, "{error}");
    for (problem, parts) in problems.iter().zip([
        ["Conv \"first\"", "dilations are [2, 2]"],
        ["LeakyRelu \"leak\"", "Relu, Gelu"],
    ]) {
        assert!(parts.iter().all(|part| problem.contains(part)), "{problem}");
    }
}

/// Weights that lie beside the file are asked for by plain names alone.
#[test]
fn nothing_leads_out_of_the_folder() {
    let bytes = file("residual-beside");
    let name = b"residual-beside.onnx.data";
    let mut asked = Vec::new();
    read_onnx(&bytes, &mut |name| {
        asked.push(name.to_owned());
        fs::read(fixtures().join(name))
    })
    .unwrap();
    assert_eq!(asked, ["residual-beside.onnx.data"]);
    for other in ["../residual", "/tmp/else", "folder\\of\\data", "a/.."] {
        let mut other = other.as_bytes().to_vec();
        other.resize(name.len(), b'_');
        let mut hostile = bytes.clone();
        for at in 0..bytes.len() - name.len() {
            if bytes[at..].starts_with(name) {
                hostile[at..at + name.len()].copy_from_slice(&other);
            }
        }
        let error = read_onnx(&hostile, &mut |name| panic!("{name} was asked for"));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("not the name of a file"), "{error}");
    }
    let error = read_onnx(&bytes, &mut |_| {
        Err(io::Error::from(io::ErrorKind::NotFound))
    });
    let error = error.unwrap_err().to_string();
    assert!(error.contains("residual-beside.onnx.data"), "{error}");
    let error = read_onnx(&bytes, &mut |_| Ok(vec![0; 10]))
        .unwrap_err()
        .to_string();
    assert!(error.contains("leads out of the file"), "{error}");
}

/// A graph of so many nodes takes much more memory than its file.
#[test]
fn graphs_of_more_nodes_than_networks_have_are_refused() {
    let nodes = [0x0a, 0x00].repeat(100_000);
    let mut bytes = vec![0x08, 0x0a, 0x3a];
    let mut length = nodes.len();
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(nodes);
    let error = read(&bytes).unwrap_err();
    assert!(matches!(error, NetworkError::TooLarge { .. }), "{error}");
}

#[test]
fn cut_files_are_refused() {
    let bytes = file("residual");
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "{length}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn mutated_bytes_are_read_or_refused(
        which in 0_usize..4, at in 0_usize..4000, bytes in prop::collection::vec(any::<u8>(), 1..4),
    ) {
        let mut file = file(["residual", "norms", "gemm", "view"][which]);
        let at = at % file.len();
        for (own, new) in file[at..].iter_mut().zip(bytes) {
            *own = new;
        }
        drop(read(&file));
    }
}
