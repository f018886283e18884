//! How far a step is from retraining: candidate bounds (docs/theory.md §2).

use super::constants::HessianLipschitz;
use super::damping::{Damping, interrupted};
use super::exact::Exact;
use super::lipschitz::LipschitzEstimate;
use super::settings::NewtonSettings;
use super::task::NewtonTask;
use crate::error::Error;
use crate::methods::diameter::diameter;
use crate::objective::Curvature;
use crate::observer::{Observer, relay};
use crate::phase::Phase;
use crate::products::Watched;
use rescind_curvature::{Control, LanczosSettings, SpectrumEstimate};
use rescind_privacy::sensitivity::{Constant, Provenance, SensitivityBound, Symbol, Theorem};

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
    let operator = Watched::new(task.retain.curvature(task.weights, Curvature::Hessian)?);
    let lanczos = LanczosSettings {
        steps,
        seed: settings.seed,
    };
    let spectrum = {
        let mut relay = relay(observer, Phase::Spectrum, Some(steps as u64));
        let measured = SpectrumEstimate::measure(&operator, lanczos, &mut Control::new(&mut relay));
        operator.outcome(measured.map_err(interrupted))?
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
