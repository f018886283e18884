use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::figures::{number, promise};
use crate::options::quantity;
use crate::table::facts;
use clap::Args;
use rescind::certificate::found_at;
use rescind_privacy::{Delta, Epsilon, Gdp, NoiseScale, Sensitivity, analytic, classical};
use serde::Serialize;
use std::fmt;

/// Noise from a promise, or the promise that noise keeps
///
/// Give two of --epsilon, --delta and --sigma: the third is computed. No model is needed. The
/// promise (epsilon, delta) is an inequality: whatever set of outcomes is looked at, the release falls
/// into it with a probability of at most e^epsilon times that of a release without the records, plus
/// delta, and the other way round.
#[derive(Args)]
#[command(after_help = "Example: rescind calibrate --sensitivity 1 --epsilon 1 --delta 1e-5")]
pub struct Calibrate {
    /// Greatest distance between what is released and what retraining gives, before noise
    #[arg(long, value_name = "DISTANCE", value_parser = quantity(Sensitivity::new))]
    sensitivity: Sensitivity,

    /// Privacy loss promised, 0 or more; typical promises lie between 0.1 and 10
    #[arg(long, value_parser = quantity(Epsilon::new))]
    epsilon: Option<Epsilon>,

    /// What may come on top of the factor e^epsilon, such as 1e-5
    #[arg(long, value_parser = quantity(Delta::new))]
    delta: Option<Delta>,

    /// Standard deviation of the noise on every weight
    #[arg(long, value_parser = quantity(NoiseScale::new))]
    sigma: Option<NoiseScale>,

    /// Use the older formula, proved only for epsilon up to 1 and always with more noise
    #[arg(long, conflicts_with = "sigma")]
    classical: bool,
}

#[derive(Serialize)]
struct Calibration {
    mechanism: &'static str,
    sensitivity: f64,
    epsilon: f64,
    delta: f64,
    sigma: f64,
    /// Parameter of Gaussian differential privacy.
    gdp: f64,
    #[serde(skip)]
    found: String,
}

impl Calibrate {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let sensitivity = self.sensitivity;
        let (epsilon, delta, sigma) = match (self.epsilon, self.delta, self.sigma) {
            (Some(epsilon), Some(delta), None) => {
                let formula = if self.classical {
                    classical::calibrate
                } else {
                    analytic::calibrate
                };
                let unproved = self.classical && epsilon.value() > 1.0;
                let sigma =
                    formula(epsilon, delta, sensitivity).map_err(|error| match unproved {
                        true => Failure::Refused(error.to_string()),
                        false => Failure::usage(error),
                    })?;
                (epsilon, delta, sigma)
            }
            (None, Some(delta), Some(sigma)) => {
                let epsilon =
                    analytic::epsilon(delta, sensitivity, sigma).map_err(Failure::usage)?;
                (epsilon, delta, sigma)
            }
            (Some(epsilon), None, Some(sigma)) => {
                let delta = analytic::delta(epsilon, sensitivity, sigma).map_err(Failure::usage)?;
                (epsilon, delta, sigma)
            }
            _ => {
                let wanted = "give exactly two of --epsilon, --delta and --sigma: the third is \
                              computed";
                return Err(Failure::usage(wanted));
            }
        };
        let gdp = Gdp::of_release(sensitivity, sigma).map_err(Failure::usage)?;
        console.print(&Calibration {
            mechanism: if self.classical {
                "classical"
            } else {
                "analytic"
            },
            sensitivity: sensitivity.value(),
            epsilon: epsilon.value(),
            delta: delta.value(),
            sigma: sigma.value(),
            gdp: gdp.mu(),
            found: found_at(gdp, 0.0),
        })?;
        Ok(Status::Done)
    }
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            (
                "sensitivity",
                number(self.sensitivity),
                "greatest distance to hide",
            ),
            (
                "sigma",
                number(self.sigma),
                "standard deviation of the noise on every weight",
            ),
            (
                "epsilon",
                promise(self.epsilon),
                "exponent of the factor between probabilities",
            ),
            (
                "delta",
                promise(self.delta),
                "what may come on top of e^epsilon",
            ),
            (
                "gdp",
                number(self.gdp),
                "sensitivity over sigma: 1 or less is strong, 10 is none",
            ),
        ];
        writeln!(f, "The {} Gaussian mechanism:\n", self.mechanism)?;
        f.write_str(&facts(rows.map(|(name, value, meaning)| {
            (name, format!("{value:<10}  {meaning}"))
        })))?;
        writeln!(f, "\n{}", self.found)
    }
}
