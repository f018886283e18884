use crate::commands::evaluate::models;
use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::figures::{number, promise, seconds};
use crate::progress::Watch;
use clap::Args;
use rescind::certificate::NoiseChoice;
use rescind::forgetting::{ForgetRequest, Method, ReleaseChoice};
use rescind::methods::newton::NewtonSettings;
use rescind::release::Released;
use rescind::run::{Evaluation, Run, RunConfig, Scaling};
use rescind::training::TrainingSettings;
use rescind_data::RecordRequest;
use rescind_privacy::sensitivity::GuaranteeKind;
use rescind_privacy::{Epsilon, analytic};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// See it all in seconds: train on built-in digits, forget 50 records, compare with retraining
#[derive(Args)]
#[command(after_help = "Example: rescind demo")]
pub struct Demo {
    /// Run folder to make: new or empty
    #[arg(long, value_name = "RUN", default_value = "rescind-demo")]
    out: PathBuf,
}

const FORGOTTEN: usize = 50;
const DELTA: f64 = 1e-5;
/// Noise that leaves the demo's model useful.
const SIGMA: f64 = 0.01;

#[derive(Serialize)]
struct Demonstration {
    run: PathBuf,
    forgotten: usize,
    models: Evaluation,
    forget_seconds: f64,
    guarantee: Option<Guarantee>,
}

/// What the release promises.
#[derive(Serialize)]
struct Guarantee {
    certificate: PathBuf,
    kind: GuaranteeKind,
    sensitivity: f64,
    delta: f64,
    sigma: f64,
    epsilon: f64,
    sigma_for_epsilon_one: f64,
}

impl Demo {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let mut watch = Watch::new(console);
        let training = TrainingSettings {
            epochs: 40,
            batch: 32,
            ..TrainingSettings::default()
        };
        let config = RunConfig {
            scaling: Scaling::Fixed,
            training,
            ..RunConfig::default()
        };
        let mut run = Run::create(&self.out, config, None, &mut watch)?;
        run.train(&mut watch)?;
        let asked = ForgetRequest {
            request: RecordRequest::Random {
                count: FORGOTTEN,
                seed: 0,
            },
            method: Method::Newton {
                settings: NewtonSettings::default(),
            },
            release: Some(ReleaseChoice {
                noise: NoiseChoice::Sigma {
                    sigma: SIGMA,
                    delta: DELTA,
                },
                insecure_noise_seed: None,
                budget: None,
            }),
        };
        let answer = run.forget(&asked, &mut watch)?;
        run.retrain(&mut watch)?;
        let models = run.evaluate(&mut watch)?;
        drop(watch);
        let released = answer.release.as_ref();
        let guarantee = released.map(Guarantee::of).transpose()?;
        console.print(&Demonstration {
            run: self.out,
            forgotten: FORGOTTEN,
            models,
            forget_seconds: answer.record.seconds,
            guarantee,
        })?;
        Ok(Status::Done)
    }
}

impl Guarantee {
    fn of(released: &Released) -> Result<Self, Failure> {
        let guarantee = &released.certificate.guarantee;
        let one = Epsilon::new(1.0).map_err(Failure::failed)?;
        let needed = analytic::calibrate(one, guarantee.delta, guarantee.sensitivity);
        Ok(Self {
            certificate: released.folder.join("certificate.json"),
            kind: guarantee.kind,
            sensitivity: guarantee.sensitivity.value(),
            delta: guarantee.delta.value(),
            sigma: released.certificate.noise.sigma.value(),
            epsilon: guarantee.epsilon.value(),
            sigma_for_epsilon_one: needed.map_err(Failure::failed)?.value(),
        })
    }
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sigma, epsilon) = (number(self.sigma), promise(self.epsilon));
        let needed = number(self.sigma_for_epsilon_one);
        let (diameter, delta) = (number(self.sensitivity), promise(self.delta));
        writeln!(
            f,
            "Guarantee: \"released\" is \"now\" with noise of {sigma} on every weight. Whatever the\n\
             method, forgotten and retrained weights are at most {diameter} apart ({}: both stay in a\n\
             ball), so the release promises epsilon = {epsilon} at delta = {delta}: so large that\n\
             it protects nobody. A promise worth having, epsilon = 1, would need noise of\n\
             {needed}, which leaves nothing of this model. The table above is a measurement,\n\
             not a guarantee. All this is in the certificate, which anybody can check:\n\n  \
             rescind verify {}\n",
            self.kind,
            self.certificate.display()
        )
    }
}

impl fmt::Display for Demonstration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = self.models.current.retained.records;
        writeln!(
            f,
            "A network was trained on {} handwritten digits,",
            records + self.forgotten
        )?;
        writeln!(
            f,
            "made to forget {} of them, and retrained without them to compare.\n",
            self.forgotten
        )?;
        writeln!(
            f,
            "Accuracy on forgotten, retained and test records, loss on the forgotten ones, and"
        )?;
        writeln!(
            f,
            "distance of the weights from the retrained ones:\n\n{}\n",
            models(&self.models)
        )?;
        writeln!(
            f,
            "\"now\" has forgotten if it does on the forgotten records as \"retrained\" does.\n"
        )?;
        if let Some(retrained) = &self.models.retrained {
            let gap = self.models.current.forgotten.loss / retrained.forgotten.loss;
            let verdict = match gap {
                gap if gap > 1.5 => "the step overshot, which can itself be seen",
                gap if gap < 1.0 / 1.5 => "some of them is still there",
                _ => "about what retraining leaves",
            };
            writeln!(
                f,
                "Its loss on them is {gap:.2} times that of \"retrained\": {verdict}.\n"
            )?;
        }
        if let Some(retraining) = self.models.retraining_seconds {
            let (forget, retrain) = (seconds(self.forget_seconds), seconds(retraining));
            let share = 100.0 * self.forget_seconds / retraining;
            writeln!(
                f,
                "Time: forgetting {forget}, retraining {retrain} ({share:.0} % of it).\n"
            )?;
        }
        if let Some(guarantee) = &self.guarantee {
            writeln!(f, "{guarantee}")?;
        }
        writeln!(f, "The run is in {}.", self.run.display())
    }
}
