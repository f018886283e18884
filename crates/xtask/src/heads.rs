//! Times of requests to a head on made-up features, warm and end to end.

use crate::failure::Failure;
use clap::{Args, ValueEnum};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rescind::methods::MethodChoice;
use rescind::methods::descent::DescentReport;
use rescind::training::TrainingSettings;
use rescind::{ModelChoice, Parameterisation, ReleaseChoice, Request, Run, RunConfig, Scaling};
use rescind_network::Loss;
use rescind_privacy::NoiseChoice;
use serde::Serialize;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

/// Time requests to a head: made-up features of unit length, a class drawn from a made-up model of
/// them
#[derive(Args)]
pub struct Heads {
    /// Records
    #[arg(long, default_value_t = 100_000)]
    records: usize,
    /// Features of each
    #[arg(long, default_value_t = 512)]
    features: usize,
    /// Classes
    #[arg(long, default_value_t = 10)]
    classes: usize,
    /// Loss
    #[arg(long, value_enum, default_value_t)]
    loss: LossName,
    /// Penalty; the gradient norm to reach is a thousandth of it
    #[arg(long, default_value_t = 1e-3)]
    penalty: f64,
    /// Requests for a single record each
    #[arg(long, default_value_t = 50)]
    requests: u64,
    /// Train afresh at the end, to compare
    #[arg(long)]
    retrain: bool,
    /// Where records and run lie; a temporary folder if absent
    #[arg(long)]
    folder: Option<std::path::PathBuf>,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum LossName {
    CrossEntropy,
    #[default]
    SquaredError,
}

#[derive(Default, Serialize)]
struct Times {
    records: usize,
    seconds_of_training: f64,
    seconds_of_preparing: f64,
    single_median: f64,
    single_greatest: f64,
    /// Medians of the first and of the last ten: whether a request costs more after many others.
    first_ten: f64,
    last_ten: f64,
    singles_together: f64,
    passes_over_records: u64,
    hundred: f64,
    release: f64,
    cold: f64,
    retraining: Option<f64>,
}

impl Heads {
    pub fn run(self) -> Result<(), Failure> {
        let temporary = tempfile::tempdir()?;
        let folder = self.folder.clone().unwrap_or(temporary.path().to_owned());
        std::fs::create_dir_all(&folder)?;
        self.write_records(&folder)?;
        let source = format!(
            "npy:{}?label={}&test=0",
            folder.join("x.npy").display(),
            folder.join("y.npy").display()
        );
        let config = RunConfig {
            data: source.parse()?,
            classes: Some((0..self.classes).map(|class| class.to_string()).collect()),
            model: ModelChoice::Logistic,
            parameterisation: Parameterisation::Tangent,
            loss: match self.loss {
                LossName::CrossEntropy => Loss::SoftmaxCrossEntropy,
                LossName::SquaredError => Loss::SquaredError,
            },
            scaling: Scaling::None,
            training: TrainingSettings {
                penalty: self.penalty,
                until_gradient: Some(1e-3 * self.penalty),
                ..TrainingSettings::default()
            },
            keep_iterates: false,
            ..RunConfig::default()
        };
        let root = folder.join("run");
        let mut times = Times {
            records: self.records,
            ..Times::default()
        };
        let mut run = Run::create(&root, config, None, &mut ())?;
        times.seconds_of_training = timed(|| run.train(&mut ()))?.0;
        let (seconds, made) = timed(|| run.refresh(&mut ()))?;
        times.seconds_of_preparing = seconds;
        println!("{}", serde_json::to_string(&made)?);
        // By position, as people are looked up: a draw would go through all of them.
        let mut left: Vec<usize> = (0..self.records).collect();
        left.shuffle(&mut ChaCha8Rng::seed_from_u64(11));
        let mut asked = |records: usize| -> Result<Request, Failure> {
            let some = left.split_off(left.len().saturating_sub(records));
            let some: Vec<String> = some.iter().map(usize::to_string).collect();
            let request = Request::of(some.join(",").parse()?);
            Ok(request.by(MethodChoice::named("descent")))
        };
        let mut singles = Vec::new();
        for _ in 0..self.requests {
            let request = asked(1)?;
            let (seconds, answer) = timed(|| run.forget(&request, &mut ()))?;
            singles.push(seconds);
            let report: DescentReport = answer.record.method.details().ok_or("no details")?;
            if !report.prepared {
                return Err("a request was not answered from what was prepared".into());
            }
            times.passes_over_records += report.effort.exact_gradients;
        }
        times.singles_together = singles.iter().sum();
        times.first_ten = median(&singles[..singles.len().min(10)]);
        times.last_ten = median(&singles[singles.len().saturating_sub(10)..]);
        times.single_median = median(&singles);
        times.single_greatest = singles.iter().copied().fold(0.0, f64::max);
        let request = asked(100)?;
        times.hundred = timed(|| run.forget(&request, &mut ()))?.0;
        let choice = ReleaseChoice {
            accept_noise: true,
            ..ReleaseChoice::new(NoiseChoice::Promise {
                epsilon: 1.0,
                delta: 1e-7,
            })
        };
        times.release = timed(|| run.release(&choice, &mut ()))?.0;
        drop(run);
        let began = Instant::now();
        let mut run = Run::open(&root)?;
        run.forget(&asked(1)?, &mut ())?;
        times.cold = began.elapsed().as_secs_f64();
        if self.retrain {
            times.retraining = Some(timed(|| run.retrain(&mut ()))?.0);
        }
        println!("{}", serde_json::to_string_pretty(&times)?);
        Ok(())
    }

    /// `x.npy` and `y.npy`, of which the first rows are the same whatever the number of records.
    fn write_records(&self, folder: &Path) -> Result<(), Failure> {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let normal = |rng: &mut ChaCha8Rng| -> f64 {
            // The sum of twelve uniform numbers: near enough.
            (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
        };
        let model: Vec<f64> = (0..self.classes * self.features)
            .map(|_| normal(&mut rng))
            .collect();
        let scales: Vec<f64> = (0..self.features)
            .map(|j| 1.0 / (1.0 + j as f64).sqrt())
            .collect();
        let mut inputs = npy(&folder.join("x.npy"), "<f4", &[self.records, self.features])?;
        let mut labels = npy(&folder.join("y.npy"), "<i4", &[self.records])?;
        let mut row = vec![0.0; self.features];
        for _ in 0..self.records {
            for (x, scale) in row.iter_mut().zip(&scales) {
                *x = scale * normal(&mut rng);
            }
            let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
            row.iter_mut().for_each(|x| *x /= length);
            let score = |class: usize| {
                let own = model[class * self.features..].iter();
                own.zip(&row).map(|(m, x)| m * x).sum::<f64>()
            };
            let scores: Vec<f64> = (0..self.classes)
                .map(|class| 3.0 * score(class) + 0.5 * normal(&mut rng))
                .collect();
            let best = scores
                .iter()
                .enumerate()
                .max_by(|a, b| a.1.total_cmp(b.1))
                .map_or(0, |best| best.0);
            for x in &row {
                inputs.write_all(&(*x as f32).to_le_bytes())?;
            }
            labels.write_all(&(best as i32).to_le_bytes())?;
        }
        inputs.flush()?;
        labels.flush()?;
        Ok(())
    }
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<(f64, T), E> {
    let began = Instant::now();
    let done = work()?;
    Ok((began.elapsed().as_secs_f64(), done))
}

/// A NumPy file of this type and shape, its header written.
fn npy(path: &Path, kind: &str, shape: &[usize]) -> Result<BufWriter<File>, Failure> {
    let shape: String = shape.iter().map(|n| format!("{n},")).collect();
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(b"\x93NUMPY\x01\x00")?;
    file.write_all(&(header.len() as u16).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    Ok(file)
}
