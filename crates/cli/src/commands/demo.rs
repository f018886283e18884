use crate::commands::evaluate::models;
use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::figures::{number, seconds};
use crate::progress::Watch;
use clap::Args;
use rescind::forgetting::{ForgetRequest, Method};
use rescind::methods::newton::NewtonSettings;
use rescind::run::{Evaluation, Run, RunConfig, Scaling};
use rescind::training::TrainingSettings;
use rescind_data::RecordRequest;
use rescind_privacy::{Delta, Epsilon, NoiseScale, Sensitivity, analytic};
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
    guarantee: Guarantee,
}

/// What releasing the weights with noise would promise. Nothing is released.
#[derive(Serialize)]
struct Guarantee {
    released: bool,
    kind: &'static str,
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
        let radius = config.radius;
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
            release: None,
        };
        let answer = run.forget(&asked, &mut watch)?;
        run.retrain(&mut watch)?;
        let models = run.evaluate(&mut watch)?;
        drop(watch);
        console.print(&Demonstration {
            run: self.out,
            forgotten: FORGOTTEN,
            models,
            forget_seconds: answer.record.seconds,
            guarantee: Guarantee::of(radius)?,
        })?;
        Ok(Status::Done)
    }
}

impl Guarantee {
    /// Both the model and the retrained one lie in the ball, so at most its diameter apart.
    fn of(radius: f64) -> Result<Self, Failure> {
        let sensitivity = Sensitivity::new(2.0 * radius).map_err(Failure::failed)?;
        let delta = Delta::new(DELTA).map_err(Failure::failed)?;
        let sigma = NoiseScale::new(SIGMA).map_err(Failure::failed)?;
        let one = Epsilon::new(1.0).map_err(Failure::failed)?;
        let epsilon = analytic::epsilon(delta, sensitivity, sigma).map_err(Failure::failed)?;
        let needed = analytic::calibrate(one, delta, sensitivity).map_err(Failure::failed)?;
        Ok(Self {
            released: false,
            kind: "proved",
            sensitivity: sensitivity.value(),
            delta: DELTA,
            sigma: SIGMA,
            epsilon: epsilon.value(),
            sigma_for_epsilon_one: needed.value(),
        })
    }
}

impl fmt::Display for Demonstration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (records, guarantee) = (self.models.current.retained.records, &self.guarantee);
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
        let (sigma, epsilon) = (number(guarantee.sigma), number(guarantee.epsilon));
        let needed = number(guarantee.sigma_for_epsilon_one);
        let (diameter, delta) = (number(guarantee.sensitivity), number(guarantee.delta));
        writeln!(
            f,
            "Guarantee: nothing was released, so nothing is promised yet. Whatever the method,"
        )?;
        writeln!(
            f,
            "forgotten and retrained weights are at most {diameter} apart (proved: both stay in a ball)."
        )?;
        writeln!(
            f,
            "Noise of {sigma} on every weight would promise epsilon = {epsilon}"
        )?;
        writeln!(
            f,
            "at delta = {delta}: so large that it means nothing. A promise worth having, epsilon = 1,"
        )?;
        writeln!(
            f,
            "would need noise of {needed}, which leaves nothing of this model. The table above"
        )?;
        writeln!(f, "is a measurement, not a guarantee.\n")?;
        writeln!(f, "The run is in {}.", self.run.display())
    }
}
