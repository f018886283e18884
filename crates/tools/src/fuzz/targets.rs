//! What is fed, and with what to begin.

use crate::failure::Failure;
use rescind::RunConfig;
use rescind::verify::{Evidence, verify};
use rescind_data::{DataSource, Digest, HeldOut, Manifest, PositionRanges, RecordRequest};
use rescind_data::{Selection, load, read_subjects};
use rescind_evaluate::compare::Comparison;
use rescind_network::zoo::{self, Norm};
use rescind_network::{Activation, Network, NetworkDescription, Weights, read_onnx};
use std::fs;
use std::io::Cursor;
use std::path::Path;

/// A parser.
pub struct Target {
    pub name: &'static str,
    /// Reads an input, if that can be read; it may put files into the folder.
    pub read: fn(&[u8], &Path) -> Result<bool, Failure>,
    /// Folder or files of the corpus, under the repository.
    files: &'static [&'static str],
}

pub const TARGETS: &[Target] = &[
    Target {
        name: "source",
        read: |input, _| text(input, |text| text.parse::<DataSource>().is_ok()),
        files: &["crates/tools/corpus/source"],
    },
    Target {
        name: "request",
        read: |input, _| text(input, |text| text.parse::<RecordRequest>().is_ok()),
        files: &["crates/tools/corpus/request"],
    },
    Target {
        name: "ranges",
        read: |input, _| text(input, |text| text.parse::<PositionRanges>().is_ok()),
        files: &["crates/tools/corpus/ranges"],
    },
    Target {
        name: "selection",
        read: |input, _| Ok(serde_json::from_slice::<Selection>(input).is_ok()),
        files: &["crates/tools/corpus/selection"],
    },
    Target {
        name: "idx",
        read: |input, place| {
            for part in ["train", "t10k"] {
                let images = format!("{part}-images-idx3-ubyte");
                let labels = format!("{part}-labels-idx1-ubyte");
                fs::write(place.join(images), input)?;
                fs::write(place.join(labels), b"\0\0\x08\x01\0\0\0\x02\x03\x04")?;
            }
            Ok(load(&DataSource::Mnist(place.to_owned()), None).is_ok())
        },
        files: &["crates/tools/corpus/idx"],
    },
    Target {
        name: "mat5",
        read: |input, place| {
            for part in ["train", "test"] {
                fs::write(place.join(format!("{part}_32x32.mat")), input)?;
            }
            Ok(load(&DataSource::Svhn(place.to_owned()), None).is_ok())
        },
        files: &[
            "crates/data/tests/fixtures/svhn-plain.mat",
            "crates/data/tests/fixtures/svhn-compressed.mat",
            "crates/data/tests/fixtures/svhn-labels-double.mat",
        ],
    },
    Target {
        name: "picture",
        read: |input, place| {
            let class = place.join("train").join("c");
            fs::create_dir_all(&class)?;
            fs::create_dir_all(place.join("test"))?;
            fs::write(class.join("a.png"), input)?;
            Ok(load(&DataSource::images(place), None).is_ok())
        },
        files: &[
            "crates/data/tests/fixtures/orange.jpg",
            "crates/data/tests/fixtures/grey.jpg",
            "crates/data/tests/fixtures/noise.jpg",
            "crates/data/tests/fixtures/noise-progressive.jpg",
            "crates/data/tests/fixtures/noise.webp",
            "crates/data/tests/fixtures/lossless.webp",
            "crates/tools/corpus/picture",
        ],
    },
    Target {
        name: "pickle",
        read: |input, _| Ok(rescind_pickle::read(input).is_ok()),
        files: &["crates/tools/corpus/pickle"],
    },
    Target {
        name: "weights",
        read: |input, _| {
            let network = zoo::mlp(&[3], &[4], 2, Activation::Relu, Norm::Batch)?;
            let network = Network::new(network)?;
            Ok(Weights::<f32>::from_safetensors(&network, input).is_ok())
        },
        files: &[
            "crates/network/tests/fixtures/state.pt",
            "crates/network/tests/fixtures/views.pt",
            "crates/network/tests/fixtures/checkpoint.pt",
            "crates/tools/corpus/weights",
        ],
    },
    Target {
        name: "network",
        read: |input, _| {
            let description = serde_json::from_slice::<NetworkDescription>(input);
            Ok(description.is_ok_and(|description| Network::new(description).is_ok()))
        },
        files: &["crates/tools/corpus/network", "docs/networks"],
    },
    Target {
        name: "certificate",
        read: |input, _| Ok(verify(input, &Evidence::default()).holds()),
        files: &["crates/certificate/tests/golden/certificate.json"],
    },
    Target {
        name: "manifest",
        read: |input, _| {
            let read = Manifest::open(Cursor::new(input.to_vec()));
            Ok(read.and_then(|manifest| manifest.check()).is_ok())
        },
        files: &[],
    },
    Target {
        name: "run",
        read: |input, _| Ok(serde_json::from_slice::<RunConfig>(input).is_ok()),
        files: &["crates/tools/corpus/run"],
    },
    Target {
        name: "comparison",
        read: |input, place| {
            let path = place.join("c.toml");
            fs::write(&path, input)?;
            Ok(Comparison::read(&path).is_ok())
        },
        files: &["experiments"],
    },
    Target {
        name: "table",
        read: |input, place| {
            let path = place.join("t.csv");
            fs::write(&path, input)?;
            let source = format!("csv:{}?label=y&test=0.2", path.display());
            Ok(load(&source.parse()?, None).is_ok())
        },
        files: &["crates/tools/corpus/table"],
    },
    Target {
        name: "parquet",
        read: |input, place| {
            let path = place.join("t.parquet");
            fs::write(&path, input)?;
            let source = format!("parquet:{}?label=y&drop=day&hash=plan", path.display());
            Ok(load(&format!("{source}&missing=mark").parse()?, None).is_ok())
        },
        files: &["crates/tools/corpus/parquet"],
    },
    Target {
        name: "npz",
        read: |input, place| {
            let path = place.join("t.npz");
            fs::write(&path, input)?;
            let source = format!("npz:{}?inputs=x&label=y&test=0", path.display());
            Ok(load(&source.parse()?, None).is_ok())
        },
        files: &["crates/tools/corpus/npz"],
    },
    Target {
        name: "subjects",
        read: |input, _| Ok(read_subjects(input, None).is_ok()),
        files: &["crates/tools/corpus/subjects"],
    },
    Target {
        name: "onnx",
        // Whatever a file says lies beside it is the file itself.
        read: |input, _| Ok(read_onnx(input, &mut |_| Ok(input.to_vec())).is_ok()),
        files: &[
            "crates/network/tests/fixtures/onnx/residual.onnx",
            "crates/network/tests/fixtures/onnx/norms.onnx",
            "crates/network/tests/fixtures/onnx/gemm.onnx",
            "crates/network/tests/fixtures/onnx/view.onnx",
            "crates/network/tests/fixtures/onnx/softplus.onnx",
            "crates/network/tests/fixtures/onnx/mean-dynamo.onnx",
        ],
    },
];

/// Only what is text can be an argument.
fn text(input: &[u8], read: impl Fn(&str) -> bool) -> Result<bool, Failure> {
    Ok(std::str::from_utf8(input).is_ok_and(read))
}

/// The files to begin with.
pub fn corpus(target: &Target) -> Result<Vec<Vec<u8>>, Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    for name in target.files {
        let path = root.join(name);
        if path.is_dir() {
            let mut paths = Vec::new();
            for entry in fs::read_dir(&path)? {
                paths.push(entry?.path());
            }
            paths.sort();
            for path in paths {
                found.push(fs::read(path)?);
            }
        } else {
            found.push(fs::read(path)?);
        }
    }
    if target.name == "manifest" {
        let digits = load(&DataSource::Digits, None)?.train;
        let secret = Digest::from([7; 32]);
        let manifest = Manifest::new(&digits, "digits".to_owned(), secret, HeldOut::NONE)?;
        found.push(manifest.to_bytes()?);
    }
    match found.is_empty() {
        true => Err(format!("{} has no files to begin with", target.name).into()),
        false => Ok(found),
    }
}
