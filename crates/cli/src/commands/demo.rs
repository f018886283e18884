use crate::commands::evaluate::models;
use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::figures::{number, promise, seconds};
use crate::place::Place;
use crate::progress::Watch;
use clap::Args;
use rescind::certificate::percentage;
use rescind::methods::MethodChoice;
use rescind::release::Released;
use rescind::training::TrainingSettings;
use rescind::{
    Code, Evaluation, ModelChoice, Parameterisation, ReleaseChoice, Request, Run, RunConfig,
    Scaling,
};
use rescind_data::RecordRequest;
use rescind_evaluate::attack::AttackSettings;
use rescind_evaluate::report::{self, Options};
use rescind_network::{Activation, zoo};
use rescind_privacy::NoiseChoice;
use rescind_privacy::sensitivity::GuaranteeKind;
use rescind_privacy::{Epsilon, Sensitivity, analytic};
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// See it all in seconds: train on built-in digits, forget 50 records, compare with retraining
///
/// Twice: with an ordinary network, of which little can be promised, and with a tangent model, whose
/// promise is proved. Writes both runs and a report of the second.
#[derive(Args)]
#[command(after_help = "Example: rescind demo")]
pub struct Demo {
    /// Folder to make: new, or without runs in it
    #[arg(long, value_name = "DIR", default_value = "rescind-demo")]
    out: PathBuf,
}

const FORGOTTEN: usize = 50;
const DELTA: f64 = 1e-5;
/// Noise that leaves the network of the demo useful.
const SIGMA: f64 = 0.01;
/// The tangent model's penalty, and the gradient it is trained to.
const PENALTY: f64 = 1e-4;
const GRADIENT: f64 = 1e-7;

#[derive(Serialize)]
struct Demonstration {
    folder: Place,
    forgotten: usize,
    network: Part,
    tangent: Part,
    report: Place,
}

/// One model, forgotten from and retrained.
#[derive(Serialize)]
struct Part {
    run: Place,
    models: Evaluation,
    forget_seconds: f64,
    guarantee: Guarantee,
}

/// What the release promises.
#[derive(Serialize)]
struct Guarantee {
    certificate: Place,
    kind: GuaranteeKind,
    sensitivity: f64,
    delta: f64,
    sigma: f64,
    epsilon: f64,
    sigma_for_epsilon_one: f64,
    /// The greatest share of forgotten records that somebody finds who judges by what is
    /// released and wrongly accuses 1 %.
    found_at_one_percent: f64,
}

impl Demo {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        if self.out.join("run.json").exists() {
            let error = rescind::Error::RunExists { path: self.out };
            return Err(error.into());
        }
        let mut watch = Watch::new(console);
        let (network, _) = demonstrate(
            &self.out.join("network"),
            ordinary(),
            MethodChoice::named("newton"),
            NoiseChoice::Sigma {
                sigma: SIGMA,
                delta: DELTA,
            },
            &mut watch,
        )?;
        let promise = NoiseChoice::Promise {
            epsilon: 1.0,
            delta: DELTA,
        };
        let place = self.out.join("tangent");
        let (tangent, run) = demonstrate(
            &place,
            linear(),
            MethodChoice::named("descent"),
            promise,
            &mut watch,
        )?;
        let report = self.out.join("report.html");
        let options = Options {
            attack: Some(AttackSettings::default()),
            ..Options::default()
        };
        report::of_run(&run, &options, &mut watch)?.write(&report)?;
        drop(watch);
        console.print_done(&Demonstration {
            folder: self.out.into(),
            forgotten: FORGOTTEN,
            network,
            tangent,
            report: report.into(),
        });
        Ok(Status::Done)
    }
}

fn ordinary() -> RunConfig {
    RunConfig {
        scaling: Scaling::Fixed,
        training: TrainingSettings {
            epochs: 40,
            batch: 32,
            ..TrainingSettings::default()
        },
        ..RunConfig::default()
    }
}

fn linear() -> RunConfig {
    RunConfig {
        scaling: Scaling::Fixed,
        parameterisation: Parameterisation::Tangent,
        model: ModelChoice::Mlp {
            hidden: vec![64],
            activation: Activation::Relu,
            norm: zoo::Norm::None,
        },
        training: TrainingSettings {
            penalty: PENALTY,
            until_gradient: Some(GRADIENT),
            ..TrainingSettings::default()
        },
        ..RunConfig::default()
    }
}

/// Trains, forgets, releases, retrains and measures.
fn demonstrate(
    place: &Path,
    config: RunConfig,
    method: MethodChoice,
    noise: NoiseChoice,
    watch: &mut Watch,
) -> Result<(Part, Run), Failure> {
    // Started again after it was broken off, it goes on.
    let mut run = Run::create_or_open(place, config, None, watch)?;
    run.train(watch)?;
    let records = RecordRequest::Random {
        count: FORGOTTEN,
        seed: 0,
    };
    let asked = Request::of(records).by(method).keyed("demo");
    let asked = asked.released(ReleaseChoice::new(noise));
    let answer = run.forget(&asked, watch)?;
    run.retrain(watch)?;
    let released = answer.release.as_ref();
    let released =
        released.ok_or_else(|| Failure::other(Code::NotReleased, "nothing was released"))?;
    let part = Part {
        run: place.into(),
        models: run.evaluate(watch)?,
        forget_seconds: answer.record.seconds,
        guarantee: Guarantee::of(released)?,
    };
    Ok((part, run))
}

impl Guarantee {
    fn of(released: &Released) -> Result<Self, Failure> {
        let guarantee = &released.certificate.guarantee;
        let one = Epsilon::new(1.0)?;
        let sensitivity = released.certificate.sensitivity();
        let bound = Sensitivity::new(sensitivity)?;
        let needed = analytic::calibrate(one, guarantee.delta, bound);
        Ok(Self {
            certificate: released.folder.join("certificate.json").into(),
            kind: guarantee.kind,
            sensitivity,
            delta: guarantee.delta.value(),
            sigma: released.certificate.noise.sigma.value(),
            epsilon: guarantee.epsilon.value(),
            sigma_for_epsilon_one: needed?.value(),
            found_at_one_percent: guarantee.gdp.found(0.01),
        })
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", models(&self.models))?;
        if let Some(retraining) = self.models.retraining_seconds {
            let (forget, retrain) = (seconds(self.forget_seconds), seconds(retraining));
            let share = 100.0 * self.forget_seconds / retraining;
            writeln!(
                f,
                "Time: forgetting {forget}, retraining {retrain} ({share:.0} % of it)."
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Demonstration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (network, tangent) = (&self.network, &self.tangent);
        let records = network.models.current.retained.records + self.forgotten;
        let forgotten = self.forgotten;
        writeln!(
            f,
            "Two models were trained on {records} handwritten digits, made to forget {forgotten} of\n\
             them, and retrained without them to compare. The tables show accuracy on\n\
             forgotten, retained and test records, loss on the forgotten ones, and distance\n\
             of the weights from the retrained ones. \"now\" has forgotten if it does on the\n\
             forgotten records as \"retrained\" does; \"released\" is \"now\" with noise on every\n\
             weight, and alone may be handed out.\n"
        )?;
        writeln!(f, "An ordinary network, by one Newton step:\n\n{network}")?;
        if let Some(retrained) = &network.models.retrained {
            let gap = network.models.current.forgotten.loss / retrained.forgotten.loss;
            let verdict = match gap {
                gap if gap > 1.5 => "the step overshot, which can itself be seen",
                gap if gap < 1.0 / 1.5 => "some of them is still there",
                _ => "about what retraining leaves",
            };
            writeln!(
                f,
                "Its loss on the forgotten records is {gap:.2} times that of \"retrained\":\n{verdict}."
            )?;
        }
        let promised = &network.guarantee;
        writeln!(
            f,
            "Guarantee: whatever the method, both weights lie in a ball and so at most {}\n\
             apart ({}). Noise of {} then promises epsilon = {} at delta = {}:\n\
             so large that it protects nobody. A promise worth having, epsilon = 1, would\n\
             take noise of {}, which leaves nothing of the model.\n",
            number(promised.sensitivity),
            promised.kind,
            number(promised.sigma),
            promise(promised.epsilon),
            promise(promised.delta),
            number(promised.sigma_for_epsilon_one),
        )?;
        let promised = &tangent.guarantee;
        writeln!(
            f,
            "A tangent model (the network linearised at its random start, all weights\n\
             trained), by going on to the new optimum:\n\n{tangent}\
             Guarantee: both weights are within {} of each other ({}: it follows from\n\
             how training stops). Noise of {} promises epsilon = {} at delta = {}:\n\
             whatever is looked for in the released weights, its probability is at most\n\
             {:.2} times what it is in weights trained without the records and noised alike,\n\
             plus {}. Whoever judges by what is released, and would accuse 1 % of the\n\
             forgotten records had they never been used, finds at most {} of them.\n",
            number(promised.sensitivity),
            promised.kind,
            number(promised.sigma),
            promise(promised.epsilon),
            promise(promised.delta),
            (100.0 * promised.epsilon.exp()).ceil() / 100.0,
            promise(promised.delta),
            percentage(promised.found_at_one_percent),
        )?;
        writeln!(
            f,
            "All this is in certificates, which anybody can check, and on a page to read:\n\n  \
             rescind verify {}\n  {}",
            promised.certificate.word(),
            self.report.display()
        )
    }
}
