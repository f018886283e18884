//! Times and products on given weights and records: one half of `benches/against_pytorch.py`.

use crate::architecture::Architecture;
use crate::failure::Failure;
use clap::Args;
use rescind_network::{Batch, Evaluator, Execution, Loss, Weights};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Bytes that the engine may take.
const MEMORY: usize = 4 << 30;

/// Time this engine on given weights and records, and write its products
///
/// WEIGHTS is a state_dict. RECORDS holds `inputs` and `direction` (F32) and `labels` (I32), and in
/// its metadata `network`: {"architecture": "mlp", "input": [1, 28, 28], "hidden": [32, 32],
/// "classes": 10, "activation": "relu", "norm": "none"}. One JSON object goes to standard output:
/// times in seconds, counts of operations, and the rate of plain matrix products. Gradient, HVP and
/// GGN product go to PRODUCTS.
#[derive(Args)]
pub struct ProductTimes {
    /// Weights (safetensors)
    weights: PathBuf,
    /// Records and a direction (safetensors)
    records: PathBuf,
    /// File to write the products to
    products: PathBuf,
    /// Threads
    threads: usize,
    /// Runs timed of each pass
    repeats: usize,
}

/// What the records' metadata says.
#[derive(Deserialize)]
struct Subject {
    #[serde(flatten)]
    architecture: Architecture,
    input: Vec<usize>,
    classes: usize,
}

#[derive(Serialize)]
struct Times {
    median: f64,
    min: f64,
    all: Vec<f64>,
}

#[derive(Serialize)]
struct Report {
    threads: usize,
    records: usize,
    parameters: usize,
    /// Share of the records whose primal pass the linearisation keeps.
    kept_share: f64,
    /// Operations of the matrix products, convolutions counted as direct ones.
    gradient_flops: f64,
    hvp_flops: f64,
    /// Operations a second of 1024³ products in single precision.
    gemm_rate_one_thread: f64,
    gemm_rate: f64,
    gradient: Times,
    linearize: Times,
    hvp: Times,
    ggn: Times,
}

impl ProductTimes {
    pub fn run(self) -> Result<(), Failure> {
        let bytes = std::fs::read(&self.records)?;
        let (_, header) = SafeTensors::read_metadata(&bytes)?;
        let metadata = header.metadata().as_ref().and_then(|m| m.get("network"));
        let subject: Subject = serde_json::from_str(metadata.ok_or("no metadata \"network\"")?)?;
        let network = subject
            .architecture
            .build(&subject.input, subject.classes)?;
        let file = SafeTensors::deserialize(&bytes)?;
        let inputs = values(&file, "inputs", Dtype::F32, f32::from_le_bytes)?;
        let direction = values(&file, "direction", Dtype::F32, f32::from_le_bytes)?;
        let labels = values(&file, "labels", Dtype::I32, u32::from_le_bytes)?;
        let Weights {
            parameters: w,
            statistics,
        } = Weights::<f32>::from_safetensors(&network, &std::fs::read(&self.weights)?)?;

        let (threads, repeats) = (self.threads, self.repeats);
        let batch = Batch::classes(&inputs, &labels);
        let evaluator = Evaluator::new(&network, Loss::SoftmaxCrossEntropy)
            .with_statistics(statistics)?
            .with_execution(Arc::new(Execution::new(threads, MEMORY)?));
        let mut gradient = vec![0.0; w.len()];
        let (mut hvp, mut ggn) = (gradient.clone(), gradient.clone());
        let gradient_times = time(repeats, || {
            Ok(evaluator.gradient(&w, batch, &mut gradient).map(drop)?)
        })?;
        let linearize_times = time(repeats, || Ok(evaluator.linearize(&w, batch).map(drop)?))?;
        let at = evaluator.linearize(&w, batch)?;
        let hvp_times = time(repeats, || Ok(at.hvp(&direction, &mut hvp)?))?;
        let ggn_times = time(repeats, || Ok(at.ggn(&direction, &mut ggn)?))?;

        let total = network.flops_per_record() as f64 * labels.len() as f64;
        let first = network.input_flops_per_record() as f64 * labels.len() as f64;
        let report = Report {
            threads,
            records: labels.len(),
            parameters: w.len(),
            kept_share: at.kept_share(),
            // Value, weight's and input's cotangent; no input's for the first layer.
            gradient_flops: 3.0 * total - first,
            // Two terms each of the value's tangent and of both cotangents' tangents; for the first
            // layer, whose input has no tangent, one term of two of them.
            hvp_flops: 6.0 * total - 4.0 * first,
            gemm_rate_one_thread: Execution::new(1, MEMORY)?.matrix_product_rate(),
            gemm_rate: Execution::new(threads, MEMORY)?.matrix_product_rate(),
            gradient: gradient_times,
            linearize: linearize_times,
            hvp: hvp_times,
            ggn: ggn_times,
        };
        write(
            &self.products,
            &[("gradient", &gradient), ("hvp", &hvp), ("ggn", &ggn)],
        )?;
        println!("{}", serde_json::to_string(&report)?);
        Ok(())
    }
}

/// A tensor of four-byte numbers.
fn values<N>(
    file: &SafeTensors<'_>,
    name: &str,
    dtype: Dtype,
    number: fn([u8; 4]) -> N,
) -> Result<Vec<N>, Failure> {
    let tensor = file.tensor(name)?;
    if tensor.dtype() != dtype {
        return Err(format!("{name} holds {:?}, expected {dtype:?}", tensor.dtype()).into());
    }
    let (numbers, _) = tensor.data().as_chunks::<4>();
    Ok(numbers.iter().map(|&bytes| number(bytes)).collect())
}

/// Times `work`, after a tenth as many runs to warm up.
fn time(repeats: usize, mut work: impl FnMut() -> Result<(), Failure>) -> Result<Times, Failure> {
    for _ in 0..repeats.div_ceil(10) {
        work()?;
    }
    let mut all = Vec::with_capacity(repeats);
    for _ in 0..repeats {
        let start = Instant::now();
        work()?;
        all.push(start.elapsed().as_secs_f64());
    }
    let mut sorted = all.clone();
    sorted.sort_by(f64::total_cmp);
    let median = *sorted.get(repeats / 2).ok_or("no repeats")?;
    Ok(Times {
        median,
        min: sorted[0],
        all,
    })
}

fn write(path: &Path, vectors: &[(&str, &[f32])]) -> Result<(), Failure> {
    let encoded: Vec<(&str, usize, Vec<u8>)> = vectors
        .iter()
        .map(|(name, v)| {
            (
                *name,
                v.len(),
                v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            )
        })
        .collect();
    let views = encoded
        .iter()
        .map(|(name, len, bytes)| Ok((*name, TensorView::new(Dtype::F32, vec![*len], bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    std::fs::write(path, safetensors::serialize(views, None)?)?;
    Ok(())
}
