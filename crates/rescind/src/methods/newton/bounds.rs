//! How far a step is from retraining: candidate bounds (THEORY §2).

use super::damping::interrupted;
use super::lipschitz::{LipschitzEstimate, LipschitzSettings};
use super::{Damping, Exact, NewtonSettings, NewtonTask};
use crate::observer::{Observer, Phase, relay};
use crate::training::{Ball, require};
use crate::{Curvature, Error};
use rescind_curvature::{Control, LanczosSettings, SpectrumEstimate};
use rescind_privacy::sensitivity::{Constant, Provenance, SensitivityBound, Symbol, Theorem};
use serde::{Deserialize, Serialize};

/// Constants that the theorem of the Newton step needs and nobody can read off the run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constants {
    /// A Lipschitz constant M of the Hessian within the ball. Without one the theorem gives no
    /// bound, and the ball's diameter alone holds.
    pub hessian_lipschitz: Option<HessianLipschitz>,
    /// The gradient norm G ≥ 0 at which the reference run stops: assumed, unless training stops by
    /// its gradient. 0 if absent: a reference run that has converged.
    pub gradient_bound: Option<f64>,
    /// Lanczos steps for a lower bound on the least eigenvalue of the Hessian.
    pub lanczos_steps: usize,
    /// Probability that this lower bound fails, in (0, 1); the certificate adds it to δ.
    pub failure_probability: f64,
}

/// Where a Hessian-Lipschitz constant comes from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum HessianLipschitz {
    /// This M ≥ 0 is taken for granted.
    Assumed {
        /// M.
        value: f64,
    },
    /// M is estimated along random directions and along the step: evidence, not a bound.
    Estimated {
        /// How.
        settings: LipschitzSettings,
    },
}

impl Default for Constants {
    /// No M, G = 0, 100 Lanczos steps, failure probability 1e-6.
    fn default() -> Self {
        Constants {
            hessian_lipschitz: None,
            gradient_bound: None,
            lanczos_steps: 100,
            failure_probability: 1e-6,
        }
    }
}

impl Constants {
    pub(super) fn validate(&self) -> Result<(), Error> {
        let check = |name, value: Option<f64>| {
            let value = value.unwrap_or(0.0);
            require(
                value >= 0.0 && value.is_finite(),
                name,
                value,
                "finite, at least 0",
            )
        };
        let assumed = match self.hessian_lipschitz {
            Some(HessianLipschitz::Assumed { value }) => Some(value),
            _ => None,
        };
        check("the Hessian-Lipschitz constant", assumed)?;
        check("the gradient bound", self.gradient_bound)?;
        require(
            self.lanczos_steps > 0,
            "the Lanczos steps",
            0.0,
            "at least 1",
        )?;
        let failure = self.failure_probability;
        let valid = failure > 0.0 && failure < 1.0;
        require(
            valid,
            "the failure probability",
            failure,
            "between 0 and 1, both excluded",
        )
    }
}

/// The diameter of the ball: both outcomes are projected into it.
pub(crate) fn diameter(ball: &Ball) -> Result<SensitivityBound, Error> {
    let radius = Constant::new(
        Symbol::BallRadius,
        ball.radius(),
        Provenance::Proved,
        "a setting of the run; training and forgetting project into the ball after every step",
    )?;
    Ok(SensitivityBound::new(Theorem::BallDiameter, vec![radius])?)
}

/// M, as it was asked for.
fn lipschitz(
    task: &NewtonTask<'_>,
    source: HessianLipschitz,
    x: &[f64],
    observer: &mut dyn Observer,
) -> Result<Constant, Error> {
    let (value, provenance, how) = match source {
        HessianLipschitz::Assumed { value } => {
            (value, Provenance::Assumed, "given by the user".to_owned())
        }
        HessianLipschitz::Estimated { settings } => {
            let (retain, w) = (task.retain, task.weights);
            let moved = w.iter().zip(x).map(|(w, x)| (f64::from(*w) - x) as f32);
            let moved: Vec<f32> = moved.collect();
            let estimate = LipschitzEstimate::measure(retain, w, Some(&moved), settings, observer)?;
            let how = format!(
                "the largest change of the Hessian along {} random directions and the step, in {} \
                 products",
                settings.directions, estimate.products
            );
            (estimate.value, Provenance::Estimated, how)
        }
    };
    Ok(Constant::new(
        Symbol::HessianLipschitz,
        value,
        provenance,
        how,
    )?)
}

/// All bounds there are, and why the theorem of the step gives none if it does not.
pub(super) fn candidates(
    task: &NewtonTask<'_>,
    settings: &NewtonSettings,
    exact: Option<&Exact<'_>>,
    damping: f64,
    observer: &mut dyn Observer,
) -> Result<(Vec<SensitivityBound>, Option<String>), Error> {
    let ball = diameter(task.ball)?;
    let asked = &settings.constants;
    let (Some(source), Some(exact)) = (asked.hessian_lipschitz, exact) else {
        let why = "no Hessian-Lipschitz constant was given, so the theorem of the Newton step \
                   gives no bound";
        return Ok((vec![ball], Some(why.to_owned())));
    };
    let (steps, failure_probability) = (asked.lanczos_steps, asked.failure_probability);
    let operator = task.retain.curvature(task.weights, Curvature::Hessian)?;
    let lanczos = LanczosSettings {
        steps,
        seed: settings.seed,
    };
    let spectrum = {
        let mut relay = relay(observer, Phase::Spectrum, Some(steps as u64));
        SpectrumEstimate::measure(&operator, lanczos, &mut Control::new(&mut relay))
            .map_err(interrupted)?
    };
    let least = spectrum.lambda_min_lower(failure_probability)?;
    let residual = exact.theorem_residual(damping)?;
    let retained = task.retain.records();
    let gradient = match (task.proved_gradient_bound, asked.gradient_bound) {
        (Some(proved), _) => Constant::new(
            Symbol::GradientBound,
            proved,
            Provenance::Proved,
            "training and retraining run until the full gradient's norm is at most this",
        ),
        (None, given) => Constant::new(
            Symbol::GradientBound,
            given.unwrap_or(0.0),
            Provenance::Assumed,
            match given {
                Some(_) => "given by the user: retraining is taken to stop there",
                None => "retraining is taken to reach a stationary point",
            },
        ),
    }?;
    let (provenance, how) = match settings.damping {
        Damping::Given { .. } => (Provenance::Proved, "a setting of the request"),
        Damping::Sampling { .. } => (
            Provenance::Proved,
            "a setting of the request divided by the root of a record count",
        ),
        Damping::FromSpectrum { .. } => (Provenance::Measured, "chosen from the measured spectrum"),
    };
    let constants = vec![
        Constant::new(
            Symbol::Distance,
            2.0 * task.ball.radius(),
            Provenance::Proved,
            "both ends lie in the ball: twice its radius",
        )?,
        lipschitz(task, source, exact.step(), observer)?,
        Constant::new(Symbol::Damping, damping, provenance, how)?,
        gradient,
        Constant::new(
            Symbol::Residual,
            residual,
            Provenance::Measured,
            format!("gradient and Hessian product over {retained} records, in double precision"),
        )?,
        Constant::new(
            Symbol::LeastEigenvalue,
            least,
            Provenance::Probabilistic {
                failure_probability,
            },
            format!(
                "{} Lanczos steps from a random start over {retained} records, with the bound of \
                 Kuczynski and Wozniakowski 1992",
                spectrum.steps
            ),
        )?,
    ];
    // Refused where the damping does not exceed −λ_min: then there is no theorem to apply.
    match SensitivityBound::new(Theorem::NewtonStep, constants) {
        Ok(step) => Ok((vec![ball, step], None)),
        Err(why) => Ok((vec![ball], Some(why.to_string()))),
    }
}
