//! How far a step is from retraining: candidate bounds (docs/theory.md §2).

use super::constants::HessianLipschitz;
use super::damping::Damping;
use super::exact::Exact;
use super::least::least_eigenvalue;
use super::lipschitz::LipschitzEstimate;
use super::settings::NewtonSettings;
use super::task::NewtonTask;
use crate::error::Error;
use crate::methods::diameter::diameter;
use crate::observer::Observer;
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
            // A certificate quotes this: settings alone, no count that follows from the records.
            let how = format!(
                "the largest change of the Hessian along {} random directions and the step",
                settings.directions
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
    if task.batch_norm {
        let why = "the model has batch norm, whose statistics would be others without the forgotten \
                   records: the theorem compares minima of one function, and these are two";
        return Ok((vec![ball], Some(why.to_owned())));
    }
    let least = least_eigenvalue(
        task,
        asked.lanczos_steps,
        asked.failure_probability,
        observer,
    )?;
    let residual = exact.theorem_residual(damping)?;
    let retained = task.retain.records();
    // A network's training also ends after its last epoch, wherever the gradient is by then: that
    // the reference run gets there is proved of no network.
    let (value, how) = match (asked.gradient_bound, task.gradient_stop) {
        (Some(given), _) => (
            given,
            "given by the user: retraining is taken to stop there",
        ),
        (None, Some(stop)) => (
            stop,
            "a setting of the run: retraining is taken to get there before its last epoch",
        ),
        (None, None) => (0.0, "retraining is taken to reach a stationary point"),
    };
    let gradient = Constant::new(Symbol::GradientBound, value, Provenance::Assumed, how)?;
    let (provenance, how) = match settings.damping {
        Damping::Given { .. } => (Provenance::Proved, "a setting of the request"),
        Damping::Sampling { .. } | Damping::FromSpectrum { .. } => {
            (Provenance::Measured, "chosen from the measured spectrum")
        }
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
        least,
    ];
    // Refused where the damping does not exceed −λ_min: then there is no theorem to apply.
    match SensitivityBound::new(Theorem::NewtonStep, constants) {
        Ok(step) => Ok((vec![ball, step], None)),
        Err(why) => Ok((vec![ball], Some(why.to_string()))),
    }
}
