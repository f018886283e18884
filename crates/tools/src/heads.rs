//! Times of requests to a head on made-up features, warm and end to end.

use crate::failure::Failure;
use crate::made_up;
use clap::{Args, ValueEnum};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rescind::methods::MethodChoice;
use rescind::methods::descent::DescentReport;
use rescind::training::{TrainingEnding, TrainingSettings};
use rescind::{ModelChoice, Parameterisation, ReleaseChoice, Request, Run, RunConfig, Scaling};
use rescind_network::Loss;
use rescind_privacy::NoiseChoice;
use serde::Serialize;
use std::time::Instant;

/// Requests for a hundred records, and releases after each, of which medians are told.
const REPEATED: usize = 11;

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
    /// Compute the gradient over all records after every single request, and hold the bound to it
    #[arg(long)]
    check: bool,
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
    /// The greatest share of a stated bound that the true gradient was.
    greatest_share: Option<f64>,
    /// Medians of as many as are made of each, in turn.
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
        let folder = folder.canonicalize()?;
        made_up::write(&folder, (self.records, self.features, self.classes))?;
        let config = RunConfig {
            data: made_up::source(&folder, 0)?,
            classes: Some(made_up::classes(self.classes)),
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
            if self.check {
                let share = share_of_bound(&run)?;
                if share > 1.0 {
                    return Err(format!("the gradient is {share} times its bound").into());
                }
                times.greatest_share = Some(times.greatest_share.unwrap_or(0.0).max(share));
            }
        }
        times.singles_together = singles.iter().sum();
        times.first_ten = median(&singles[..singles.len().min(10)]);
        times.last_ten = median(&singles[singles.len().saturating_sub(10)..]);
        times.single_median = median(&singles);
        times.single_greatest = singles.iter().copied().fold(0.0, f64::max);
        let choice = ReleaseChoice {
            accept_noise: true,
            ..ReleaseChoice::new(NoiseChoice::Promise {
                epsilon: 1.0,
                delta: 1e-7,
            })
        };
        let (mut hundreds, mut releases) = (Vec::new(), Vec::new());
        for _ in 0..REPEATED {
            let request = asked(100)?;
            hundreds.push(timed(|| run.forget(&request, &mut ()))?.0);
            releases.push(timed(|| run.release(&choice, &mut ()))?.0);
        }
        times.hundred = median(&hundreds);
        times.release = median(&releases);
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
}

/// The gradient over all records that stay, by the bound that was stated.
fn share_of_bound(run: &Run) -> Result<f64, Failure> {
    let state = run.state().ok_or("no state")?;
    let Some(TrainingEnding::GradientReached { gradient_norm }) = state.progress.ending else {
        return Err("no bound was stated".into());
    };
    let file = format!("private/state/{:06}/exact.safetensors", state.number);
    let bytes = std::fs::read(run.root().join(file))?;
    let network = run.classifier()?.network();
    let w = rescind_network::Weights::<f64>::from_safetensors(network, &bytes)?.parameters;
    let mut gradient = vec![0.0; w.len()];
    let objective = run.objective(run.retained(), &[])?;
    objective.exact_gradient(&w, &mut gradient)?;
    let squares: f64 = gradient.iter().map(|g| g * g).sum();
    Ok(squares.sqrt() / gradient_norm)
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
