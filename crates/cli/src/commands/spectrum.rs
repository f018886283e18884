use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::figures::{count, number};
use crate::options::method::CurvatureName;
use crate::progress::Watch;
use crate::table::facts;
use clap::Args;
use rescind::Curvature;
use rescind::methods::newton::LipschitzSettings;
use rescind::{Run, Spectrum, SpectrumSettings};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// Measure the curvature at a run's weights
///
/// Its extreme eigenvalues by Lanczos, with bounds that hold except with a small probability, the
/// damping they suggest, and an estimate of how fast the Hessian changes. The figures come from the
/// private weights and carry no noise: keep them as private as the run.
#[derive(Args)]
#[command(after_help = "Example: rescind spectrum run --hessian-lipschitz")]
pub struct Measure {
    /// Run folder
    run: PathBuf,

    /// Curvature matrix
    #[arg(long, value_name = "NAME", default_value = "hessian")]
    curvature: CurvatureName,

    /// Take the curvature over about this many retained records, 0 for all; a network's are drawn
    /// where its outputs are curved and weighted to make up for it, others alike
    #[arg(long, value_name = "RECORDS", default_value_t = 0)]
    subsample: usize,

    /// Lanczos steps, one product each
    #[arg(long, value_name = "COUNT", default_value_t = SpectrumSettings::default().steps)]
    steps: usize,

    /// Probability with which the bounds may fail
    #[arg(long, value_name = "PROBABILITY", default_value_t = SpectrumSettings::default().failure_probability)]
    failure_probability: f64,

    /// Condition number that the suggested damping aims at
    #[arg(long, value_name = "NUMBER", default_value_t = SpectrumSettings::default().condition_number)]
    condition_number: f64,

    /// Estimate a Hessian-Lipschitz constant too, from differences of products along random
    /// directions and along the last update
    #[arg(long)]
    hessian_lipschitz: bool,

    /// With --hessian-lipschitz: random directions to try
    #[arg(long, value_name = "COUNT", default_value_t = LipschitzSettings::default().directions)]
    directions: u64,

    /// With --hessian-lipschitz: how far to move the weights along them
    #[arg(long, value_name = "LENGTH", default_value_t = LipschitzSettings::default().distance)]
    distance: f64,

    /// Seed of subsample, starts and directions
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Serialize)]
struct Measured {
    curvature: Curvature,
    condition_number: f64,
    failure_probability: f64,
    #[serde(flatten)]
    spectrum: Spectrum,
}

impl Measure {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let settings = SpectrumSettings {
            curvature: self.curvature.into(),
            subsample: (self.subsample > 0).then_some(self.subsample),
            steps: self.steps,
            failure_probability: self.failure_probability,
            condition_number: self.condition_number,
            hessian_lipschitz: self.hessian_lipschitz.then_some(LipschitzSettings {
                directions: self.directions,
                distance: self.distance,
                seed: self.seed,
                ..LipschitzSettings::default()
            }),
            seed: self.seed,
        };
        let mut watch = Watch::new(console);
        let spectrum = Run::open_to_read(&self.run)?.spectrum(&settings, &mut watch)?;
        drop(watch);
        console.print(&Measured {
            curvature: settings.curvature,
            condition_number: settings.condition_number,
            failure_probability: settings.failure_probability,
            spectrum,
        })?;
        Ok(Status::Done)
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.curvature {
            Curvature::Hessian => "Hessian",
            Curvature::GaussNewton => "Gauss-Newton matrix",
        };
        let (spectrum, extremes) = (&self.spectrum, &self.spectrum.extremes);
        let records = count(spectrum.records, "record");
        let steps = extremes.steps;
        writeln!(f, "{name} over {records}, {steps} Lanczos steps:\n")?;
        let bounds = &spectrum.suggestion;
        let rows = [
            ("least eigenvalue, at most", number(extremes.theta_min)),
            (
                "least eigenvalue, at least",
                number(bounds.lambda_min_lower),
            ),
            ("largest eigenvalue, at least", number(extremes.theta_max)),
            (
                "largest eigenvalue, at most",
                number(bounds.lambda_max_upper),
            ),
            ("suggested damping", number(bounds.damping)),
        ];
        writeln!(f, "{}\n", facts(rows))?;
        let (failure, condition) = (
            number(self.failure_probability),
            number(self.condition_number),
        );
        writeln!(
            f,
            "The outer bounds hold except with probability {failure}. The damping is the least that \
             keeps the condition number below {condition}: --damping spectrum takes it."
        )?;
        let Some(estimate) = &spectrum.hessian_lipschitz else {
            return Ok(());
        };
        writeln!(
            f,
            "\nHessian-Lipschitz constant: about {}, the largest change of the Hessian along {} \
             random directions{}. An estimate from below, whose error nobody bounds: a certificate \
             that rests on it says `estimated`.",
            number(estimate.value),
            estimate.random.len(),
            match estimate.update {
                Some(update) => format!(" and the last update ({})", number(update)),
                None => String::new(),
            },
        )?;
        if !spectrum.rough_parts.is_empty() {
            writeln!(
                f,
                "This network has no such constant: layers {} have no second derivative \
                 everywhere. Choose a smooth activation.",
                spectrum.rough_parts.join(", ")
            )?;
        }
        Ok(())
    }
}
