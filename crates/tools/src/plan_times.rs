//! Whether the times that a plan tells come true.

use crate::failure::Failure;
use crate::made_up;
use clap::Args;
use rescind::methods::MethodChoice;
use rescind::plan::PlanRequest;
use rescind::training::TrainingSettings;
use rescind::{ModelChoice, Parameterisation, ReleaseChoice, Request, Run, RunConfig};
use rescind_network::{Activation, Loss, zoo};
use rescind_privacy::NoiseChoice;
use std::path::Path;
use std::time::Instant;

/// Print the time that `rescind plan` predicts beside the time taken, for every method on several
/// models: of a first request and of a second, and of preparing
#[derive(Args)]
pub struct PlanTimes {
    /// Only models whose name has this in it
    #[arg(long)]
    only: Option<String>,
    /// Records of the made-up models
    #[arg(long, default_value_t = 40_000)]
    records: usize,
}

const FEATURES: usize = 64;
const CLASSES: usize = 10;

/// Times as predicted and as taken.
#[derive(Default)]
struct Tally {
    within: usize,
    all: usize,
}

impl PlanTimes {
    pub fn run(self) -> Result<(), Failure> {
        let folder = tempfile::tempdir()?;
        made_up::write(folder.path(), (self.records, FEATURES, CLASSES))?;
        println!(
            "{:30} {:20} {:>8} {:>10} {:>10} {:>6}",
            "model", "what", "records", "predicted", "taken", "ratio"
        );
        let mut tally = Tally::default();
        for (name, config) in models(folder.path())? {
            if self.only.as_ref().is_none_or(|only| name.contains(only)) {
                let root = folder.path().join(name.replace([' ', ','], "-"));
                tally.model(name, &root, config)?;
            }
        }
        println!("{} of {} within a factor of two", tally.within, tally.all);
        Ok(())
    }
}

fn models(records: &Path) -> Result<Vec<(&'static str, RunConfig)>, Failure> {
    let made_up = || -> Result<RunConfig, Failure> {
        Ok(RunConfig {
            data: made_up::source(records, 10)?,
            classes: Some(made_up::classes(CLASSES)),
            ..RunConfig::default()
        })
    };
    let mlp = |hidden: &[usize]| ModelChoice::Mlp {
        hidden: hidden.to_vec(),
        activation: Activation::Relu,
        norm: zoo::Norm::None,
    };
    let network = |config: RunConfig, hidden: &[usize]| RunConfig {
        model: mlp(hidden),
        training: TrainingSettings {
            early_checkpoint: Some(20),
            ..TrainingSettings::default()
        },
        ..config
    };
    let convex = |config: RunConfig, model: ModelChoice, loss: Loss| RunConfig {
        model,
        loss,
        parameterisation: Parameterisation::Tangent,
        training: TrainingSettings {
            penalty: 1e-4,
            until_gradient: Some(1e-7),
            ..TrainingSettings::default()
        },
        ..config
    };
    let (softmax, squared) = (Loss::SoftmaxCrossEntropy, Loss::SquaredError);
    Ok(vec![
        ("digits, network", network(RunConfig::default(), &[32, 32])),
        ("made up, network", network(made_up()?, &[128])),
        (
            "digits, tangent",
            convex(RunConfig::default(), mlp(&[64]), softmax),
        ),
        ("made up, tangent", convex(made_up()?, mlp(&[32]), softmax)),
        (
            "made up, tangent, squared error",
            convex(made_up()?, mlp(&[32]), squared),
        ),
        (
            "digits, head",
            convex(RunConfig::default(), ModelChoice::Logistic, softmax),
        ),
        (
            "made up, head",
            convex(made_up()?, ModelChoice::Logistic, softmax),
        ),
        (
            "made up, head, squared error",
            convex(made_up()?, ModelChoice::Logistic, squared),
        ),
    ])
}

fn plan(run: &Run, count: usize, seed: u64) -> Result<rescind::plan::Plan, Failure> {
    let asked = PlanRequest {
        records: vec![format!("random:{count}?seed={seed}").parse()?],
        epsilon: 1.0,
        delta: 1e-5,
    };
    Ok(run.plan(&asked, &mut ())?)
}

impl Tally {
    fn model(&mut self, name: &str, root: &Path, config: RunConfig) -> Result<(), Failure> {
        let mut run = Run::create(root, config, None, &mut ())?;
        run.train(&mut ())?;
        let all = run.retained().len();
        for (at, method) in plan(&run, 10, 0)?.methods.into_iter().enumerate() {
            let mut run = run.fork(&root.with_extension(format!("{at}")))?;
            for (again, count) in [10, all / 100].into_iter().enumerate() {
                self.request(name, &mut run, &method.method, (count, again as u64), "")?;
            }
        }
        let preparing = plan(&run, 10, 0)?.preparing;
        let Some(preparing) = preparing else {
            return Ok(());
        };
        let mut run = run.fork(&root.with_extension("prepared"))?;
        let began = Instant::now();
        run.refresh(&mut ())?;
        let taken = began.elapsed().as_secs_f64();
        self.line(name, "preparing", all, preparing.seconds, taken);
        for (again, count) in [1, 10].into_iter().enumerate() {
            self.request(
                name,
                &mut run,
                "descent",
                (count, again as u64),
                ", prepared",
            )?;
        }
        Ok(())
    }

    fn request(
        &mut self,
        name: &str,
        run: &mut Run,
        method: &str,
        (count, seed): (usize, u64),
        how: &str,
    ) -> Result<(), Failure> {
        let methods = plan(run, count, seed)?.methods;
        let predicted = methods.iter().find(|own| own.method == method);
        let predicted = predicted.ok_or("no longer planned")?.seconds;
        let records = format!("random:{count}?seed={seed}").parse()?;
        let asked = Request::of(records).by(MethodChoice::named(method));
        let asked = match method {
            "noisy-finetune" | "output-perturbation" => {
                asked.released(ReleaseChoice::new(NoiseChoice::Promise {
                    epsilon: 1.0,
                    delta: 1e-5,
                }))
            }
            _ => asked,
        };
        let began = Instant::now();
        run.forget(&asked, &mut ())?;
        let taken = began.elapsed().as_secs_f64();
        self.line(name, &format!("{method}{how}"), count, predicted, taken);
        Ok(())
    }

    fn line(&mut self, name: &str, what: &str, records: usize, predicted: f64, taken: f64) {
        let ratio = predicted / taken;
        let within = (0.5..=2.0).contains(&ratio);
        self.all += 1;
        self.within += usize::from(within);
        let mark = if within { "" } else { " *" };
        println!(
            "{name:30} {what:20} {records:>8} {predicted:>10.4} {taken:>10.4} {ratio:>6.2}{mark}"
        );
    }
}
