//! Times of a network's passes and curvature products.

use crate::architecture::Architecture;
use crate::failure::Failure;
use clap::Args;
use rescind_data::{DataSource, load};
use rescind_network::{
    Batch, Evaluator, Execution, Loss, Network, NetworkDescription, NetworkError,
};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Time a network's passes and curvature products on this machine
///
/// At random weights, over records of the data source, on all processors. Beside each time stands
/// the share of the machine's rate of plain matrix products that it reaches; fast convolutions take
/// fewer operations than are counted, and may pass 100 %.
#[derive(Args)]
#[command(after_help = "Example: cargo xtask bench --model mlp --hidden 32,32 --records 128")]
pub struct Bench {
    /// Where the records are, as `rescind train --data` takes it
    #[arg(long, value_name = "SOURCE", default_value = "digits")]
    data: DataSource,

    #[command(flatten)]
    architecture: Architecture,

    /// Take the network from this description (a network.json) instead
    #[arg(long, value_name = "FILE", conflicts_with = "architecture")]
    network: Option<PathBuf>,

    /// Records in a pass; all there are if fewer
    #[arg(long, value_name = "COUNT", default_value_t = 128)]
    records: usize,

    /// Seconds to spend on each figure
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    spend: f64,

    /// Seed of the weights and the direction
    #[arg(long, default_value_t = 42)]
    seed: u64,

    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Timings {
    records: usize,
    parameters: usize,
    threads: usize,
    /// Floating-point operations a second of plain matrix products.
    matrix_product_rate: f64,
    /// Floating-point operations of a forward pass over one record.
    flops_per_record: u64,
    passes: Vec<Pass>,
}

#[derive(Serialize)]
struct Pass {
    name: &'static str,
    /// The median.
    seconds: f64,
    /// Runs timed.
    runs: usize,
    /// Share of the rate of matrix products reached.
    share: f64,
}

impl Bench {
    pub fn run(self) -> Result<(), Failure> {
        if self.records == 0 || !(self.spend > 0.0 && self.spend.is_finite()) {
            return Err("give --records of at least 1 and --spend above 0".into());
        }
        let timings = self.time()?;
        match self.json {
            true => println!("{}", serde_json::to_string_pretty(&timings)?),
            false => print!("{timings}"),
        }
        Ok(())
    }

    fn time(&self) -> Result<Timings, Failure> {
        let data = load(&self.data, None)?.train;
        let network = match &self.network {
            Some(path) => {
                let text = std::fs::read(path)?;
                Network::new(serde_json::from_slice::<NetworkDescription>(&text)?)?
            }
            None => {
                let classes = data.class_names().len();
                self.architecture.build(data.input_shape(), classes)?
            }
        };
        let records = self.records.min(data.len());
        let inputs = &data.inputs()[..records * data.input_len()];
        let batch = Batch::classes(inputs, &data.labels()[..records]);
        let evaluator = Evaluator::new(&network, Loss::SoftmaxCrossEntropy);
        let w: Vec<f32> = network.initialise(self.seed);
        let v: Vec<f32> = network.initialise(self.seed.wrapping_add(1));
        let mut out = vec![0.0; w.len()];

        let execution = Execution::default();
        let rate = execution.matrix_product_rate();
        let forward = network.flops_per_record() as f64 * records as f64;
        let first = network.input_flops_per_record() as f64 * records as f64;
        let time = |name, operations: f64, work: &mut dyn FnMut() -> Result<(), NetworkError>| {
            let (seconds, runs) = median(self.spend, work)?;
            let share = operations / seconds / rate;
            Ok::<_, Failure>(Pass {
                name,
                seconds,
                runs,
                share,
            })
        };
        let gradient = 3.0 * forward - first;
        let mut passes = vec![
            time("gradient", gradient, &mut || {
                evaluator.gradient(&w, batch, &mut out).map(drop)
            })?,
            time("linearize", gradient, &mut || {
                evaluator.linearize(&w, batch).map(drop)
            })?,
        ];
        let at = evaluator.linearize(&w, batch)?;
        passes.push(time(
            "hessian product",
            6.0 * forward - 4.0 * first,
            &mut || at.hvp(&v, &mut out),
        )?);
        passes.push(time(
            "gauss-newton product",
            4.0 * forward - 2.0 * first,
            &mut || at.ggn(&v, &mut out),
        )?);
        Ok(Timings {
            records,
            parameters: w.len(),
            threads: execution.threads(),
            matrix_product_rate: rate,
            flops_per_record: network.flops_per_record() as u64,
            passes,
        })
    }
}

/// Median seconds of a piece of work run for about so long, and how often it ran.
fn median(
    spend: f64,
    work: &mut dyn FnMut() -> Result<(), NetworkError>,
) -> Result<(f64, usize), Failure> {
    let mut run = || {
        let start = Instant::now();
        work()?;
        Ok::<_, Failure>(start.elapsed())
    };
    run()?;
    let (mut all, mut spent) = (vec![run()?], Duration::ZERO);
    while spent.as_secs_f64() < spend {
        let took = run()?;
        spent += took;
        all.push(took);
    }
    all.sort();
    Ok((all[all.len() / 2].as_secs_f64(), all.len()))
}

impl fmt::Display for Timings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} records, {} weights, {} threads; plain matrix products run at {:.1} GFLOP/s.\n",
            self.records,
            self.parameters,
            self.threads,
            self.matrix_product_rate / 1e9
        )?;
        writeln!(
            f,
            "pass                       time     per record    runs   of the rate"
        )?;
        for pass in &self.passes {
            let (whole, each) = (1e6 * pass.seconds, 1e6 * pass.seconds / self.records as f64);
            let (name, runs, share) = (pass.name, pass.runs, 100.0 * pass.share);
            writeln!(
                f,
                "{name:20} {whole:9.1} µs {each:10.3} µs {runs:7} {share:11.0} %"
            )?;
        }
        Ok(())
    }
}
