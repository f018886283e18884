//! What requests do to the fit to the records that stay, over inputs of many sizes.

use crate::failure::Failure;
use clap::Args;
use rescind::methods::MethodChoice;
use rescind::training::TrainingSettings;
use rescind::{
    EvaluationSet, ModelChoice, Parameterisation, ReleaseChoice, Request, Run, RunConfig, Scaling,
};
use rescind_data::DataSource;
use rescind_network::Loss;
use rescind_privacy::NoiseChoice;
use std::path::Path;

/// Take requests at the defaults with inputs of many sizes, and compare the loss on the records
/// that stay with what it was before
#[derive(Args)]
pub struct Scales {
    /// Where the records are
    #[arg(long, default_value = "digits")]
    data: DataSource,
    /// What inputs are multiplied by, one after another
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1e-3,1e-2,1e-1,1,10,100,1000"
    )]
    scales: Vec<f64>,
    /// Shares of the records that are trained on: the others are held out
    #[arg(long, value_delimiter = ',', default_value = "1,0.1")]
    trained: Vec<f64>,
    /// Shares of the records trained on that are forgotten
    #[arg(long, value_delimiter = ',', default_value = "0.001,0.05,0.4")]
    forgotten: Vec<f64>,
    /// Epochs of networks
    #[arg(long, default_value_t = TrainingSettings::default().epochs)]
    epochs: u64,
    /// Only models and methods whose line has this in it
    #[arg(long)]
    only: Option<String>,
}

/// What is trained, and what makes it forget.
const CASES: &[(&str, &[&str])] = &[
    ("network", &["newton", "noisy-finetune", "rewind"]),
    ("logistic", &["newton"]),
    ("tangent", &["descent"]),
    ("tangent, squared error", &["descent"]),
    ("head", &["descent"]),
];

/// Penalty of a convex model, and what its gradient has to reach, as the program has them.
const PENALTY: f64 = 1e-4;
const GRADIENT: f64 = 1e-7;

impl Scales {
    pub fn run(self) -> Result<(), Failure> {
        println!(
            "{:>8} {:>8} {:>7} {:24} {:15} {:>9} {:>9} {:>8} {:>7} {:>7}",
            "records",
            "scale",
            "forgot",
            "model",
            "method",
            "before",
            "after",
            "change",
            "test",
            ""
        );
        for &trained in &self.trained {
            for &scale in &self.scales {
                for (model, methods) in CASES {
                    let methods = methods.iter().filter(|method| {
                        let line = format!("{model} {method}");
                        self.only.as_ref().is_none_or(|only| line.contains(only))
                    });
                    let methods: Vec<&str> = methods.copied().collect();
                    if !methods.is_empty() {
                        self.case(trained, scale, model, &methods)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn config(&self, trained: f64, scale: f64, model: &str) -> RunConfig {
        let convex = !matches!(model, "network" | "logistic");
        RunConfig {
            data: self.data.clone(),
            model: match model {
                "head" | "logistic" => ModelChoice::Logistic,
                _ => ModelChoice::default(),
            },
            parameterisation: match convex {
                true => Parameterisation::Tangent,
                false => Parameterisation::Full,
            },
            loss: match model {
                "tangent, squared error" => Loss::SquaredError,
                _ => Loss::SoftmaxCrossEntropy,
            },
            scaling: match scale {
                1.0 => Scaling::None,
                _ => Scaling::Supplied {
                    mean: vec![0.0],
                    std: vec![1.0 / scale as f32],
                },
            },
            declared_by: Some("the sweep".to_owned()),
            training: TrainingSettings {
                validation: 1.0 - trained,
                epochs: self.epochs,
                penalty: if convex { PENALTY } else { 0.0 },
                until_gradient: convex.then_some(GRADIENT),
                early_checkpoint: (model == "network").then_some((2 * self.epochs / 3).max(1)),
                ..TrainingSettings::default()
            },
            ..RunConfig::default()
        }
    }

    fn case(&self, trained: f64, scale: f64, model: &str, methods: &[&str]) -> Result<(), Failure> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().join("run");
        let config = self.config(trained, scale, model);
        let mut run = Run::create(&root, config, None, &mut ())?;
        if let Err(error) = run.train(&mut ()) {
            println!(
                "{:>8} {scale:>8} {:>7} {model:24} {:15} {error}",
                "", "", "training"
            );
            return Ok(());
        }
        for (at, method) in methods.iter().enumerate() {
            for (again, share) in self.forgotten.iter().enumerate() {
                let copy = folder.path().join(format!("{at}-{again}"));
                self.request(&run, &copy, method, *share, &format!("{scale:>8}"), model)?;
            }
        }
        Ok(())
    }

    fn request(
        &self,
        run: &Run,
        copy: &Path,
        method: &str,
        share: f64,
        scale: &str,
        model: &str,
    ) -> Result<(), Failure> {
        let mut run = run.fork(copy)?;
        let all = run.retained().len();
        let count = ((share * all as f64) as usize).max(1);
        let asked = Request::of(format!("random:{count}").parse()?).by(MethodChoice::named(method));
        let asked = match method {
            "noisy-finetune" => asked.released(ReleaseChoice::new(NoiseChoice::Promise {
                epsilon: 1.0,
                delta: 1e-5,
            })),
            _ => asked,
        };
        let before = run.private_weights()?.clone();
        let line = format!("{all:>8} {scale} {count:>7} {model:24} {method:15}");
        if let Err(error) = run.forget(&asked, &mut ()) {
            println!("{line} {}: {error}", error.code().as_str());
            return Ok(());
        }
        let after = run.private_weights()?.clone();
        let stay = run.retained().clone();
        let on = |weights: &rescind_network::Weights<f32>, set| {
            let measured =
                run.model()
                    .measure(&weights.parameters, &weights.statistics, set, &mut ());
            measured
                .map(|measured| measured.map(|m| (m.loss, m.share_right())))
                .map_err(|error| error.to_string())
        };
        let tell = |weights| -> Result<(f64, f64), Failure> {
            let stay = on(weights, EvaluationSet::Records(&stay))?
                .ok_or("no loss")?
                .0;
            let test = on(weights, EvaluationSet::Test)?.ok_or("no accuracy")?.1;
            Ok((stay, test))
        };
        let (before, after) = (tell(&before)?, tell(&after)?);
        println!(
            "{line} {:>9.3e} {:>9.3e} {:>+7.1}% {:>6.1}% {:>6.1}%",
            before.0,
            after.0,
            100.0 * (after.0 / before.0 - 1.0),
            100.0 * before.1,
            100.0 * after.1
        );
        Ok(())
    }
}
