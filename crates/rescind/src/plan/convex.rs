//! The descent of a tangent model or a convex head, whose bound is known before anything is run.

use super::{Here, MethodPlan};
use crate::Error;
use crate::certificate::arithmetic::terms;
use crate::forgetting::MethodReport;
use crate::observer::Observer;
use crate::release::ReleaseError;
use crate::run::Parameterisation;
use rescind_privacy::noise::Origin;

/// Products that a descent from the old solution is taken for (MNIST, 1000 of 60 000 records: 14
/// directions, a preconditioner, and a gradient in double precision at the price of four).
const PRODUCTS: f64 = 19.0;

pub(super) fn plan(here: &Here<'_>, observer: &mut dyn Observer) -> Result<MethodPlan, Error> {
    let bounds = here.run.bounds_of_reached()?;
    let terms = terms(&here.noise, bounds, &[], Origin::OperatingSystem);
    let terms = terms.map_err(ReleaseError::from)?;
    let method = match here.run.config.parameterisation {
        Parameterisation::Head => "head",
        _ => "tangent",
    };
    let requests = here.run.state().map_or(&[][..], |state| &state.requests);
    let earlier = requests.iter().rev().find_map(|request| {
        let own = matches!(
            request.method,
            MethodReport::Tangent { .. } | MethodReport::Head { .. }
        );
        own.then_some(request.seconds)
    });
    let (seconds, time) = match earlier {
        Some(seconds) => (seconds, "that of the last such request of this run"),
        None => {
            let records = here.retained.len() as f64;
            let how = "fourteen directions, a preconditioner and a gradient in double precision, \
                       from a few products that were timed";
            (here.speed.product * records * PRODUCTS, how)
        }
    };
    Ok(MethodPlan {
        method: method.to_owned(),
        kind: Some(terms.guarantee.kind),
        sensitivity: Some(terms.guarantee.sensitivity.value()),
        sigma: Some(terms.sigma.value()),
        refused: None,
        accuracy: Some(here.accuracy_with_noise(Some(terms.sigma), observer)?),
        seconds,
        how: format!(
            "accuracy: the private weights with noise of this sigma, in memory; time: {time}; \
             bound: 2 G / mu, from the gradient that both sides reach and the penalty"
        ),
    })
}
