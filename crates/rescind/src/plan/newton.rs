//! One Newton step, and noise for the ball's diameter.

use super::{Here, MethodPlan};
use crate::Error;
use crate::certificate::arithmetic::{noise_norm, terms};
use crate::forgetting::MethodReport;
use crate::methods::newton::{NewtonSettings, Preconditioning, SolverChoice, diameter};
use crate::observer::Observer;
use crate::release::ReleaseError;
use rescind_privacy::noise::Origin;

pub(super) fn plan(here: &Here<'_>, observer: &mut dyn Observer) -> Result<MethodPlan, Error> {
    let bounds = vec![diameter(&here.run.ball)?];
    let terms = terms(&here.noise, bounds, &[], Origin::OperatingSystem);
    let terms = terms.map_err(ReleaseError::from)?;
    let parameters = here.run.network.parameter_count() as u64;
    let noise = noise_norm(terms.sigma, parameters);
    let norm = rescind_curvature::norm(&here.state.weights.parameters);
    let refused = (noise >= norm)
        .then(|| format!("noise of length {noise:.3e} would destroy weights of length {norm:.3}"));
    let accuracy = here.accuracy_with_noise(Some(terms.sigma), observer)?;
    let (seconds, time) = seconds(here);
    Ok(MethodPlan {
        method: "newton".to_owned(),
        kind: Some(terms.guarantee.kind),
        sensitivity: Some(terms.guarantee.sensitivity.value()),
        sigma: Some(terms.sigma.value()),
        refused,
        accuracy: Some(accuracy),
        seconds,
        how: format!(
            "accuracy: the private weights with noise of this sigma, in memory; time: {time}; \
             bound: the ball's diameter, which alone is proved for a network"
        ),
    })
}

/// Seconds of a step with the default settings.
fn seconds(here: &Here<'_>) -> (f64, &'static str) {
    let requests = here.run.state().map_or(&[][..], |state| &state.requests);
    let earlier = requests
        .iter()
        .rev()
        .find_map(|request| match &request.method {
            MethodReport::Newton { report } => {
                Some(report.prepare_seconds + report.solve_seconds + report.check_seconds)
            }
            _ => None,
        });
    if let Some(seconds) = earlier {
        return (seconds, "that of the last Newton step of this run");
    }
    let settings = NewtonSettings::default();
    let all = here.retained.len();
    let curved = settings.subsample.map_or(all, |records| records.min(all)) as f64;
    let products = match settings.solver {
        SolverChoice::Cg { stopping } | SolverChoice::Minres { stopping } => {
            stopping.max_products as f64
        }
        SolverChoice::Lissa { .. } | SolverChoice::Dense { .. } => 0.0,
    };
    let sketch = match settings.preconditioning {
        Preconditioning::Nystrom { rank, records } => {
            rank as f64 * records.map_or(curved, |records| curved.min(records as f64))
        }
        Preconditioning::None => 0.0,
    };
    // The outputs of all records say which of them the curvature is taken over: a third of the
    // passes that a product makes.
    let drawn = all as f64 / 3.0;
    let seconds = here.speed.product * (products * curved + sketch + drawn);
    (
        seconds,
        "at most so many products with the curvature, of which a few were timed",
    )
}
