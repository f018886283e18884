//! The descent of a tangent model or a convex head, whose bound is known before anything is run.

use super::{Here, MethodPlan};
use crate::Error;
use crate::certificate::arithmetic::terms;
use crate::forgetting::MethodReport;
use crate::observer::Observer;
use crate::release::ReleaseError;
use crate::run::Parameterisation;
use rescind_data::Selection;
use rescind_privacy::noise::Origin;

/// Records that tell which way a descent would go.
const FEW: usize = 128;

/// What a descent from the old solution is taken for.
struct Taken {
    products: f64,
    /// Gradients in double precision besides, each at the price of four products.
    gradients: f64,
    how: &'static str,
}

/// Followed in the outputs (MNIST, 1000 of 60 000 records: 16 directions and a preconditioner).
const FOLLOWED: Taken = Taken {
    products: 17.0,
    gradients: 1.0,
    how: "sixteen directions, a preconditioner and a gradient in double precision, from a few \
          products that were timed",
};
/// By Newton steps.
const SOLVED: Taken = Taken {
    products: 45.0,
    gradients: 3.0,
    how: "three short solves and as many gradients in double precision, from a few products that \
          were timed",
};

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
            let taken = taken(here)?;
            let products = taken.products + 4.0 * taken.gradients;
            let records = here.retained.len() as f64;
            (here.speed.product * records * products, taken.how)
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

/// Which way a descent would go: the model's objective over a few records tells.
fn taken(here: &Here<'_>) -> Result<Taken, Error> {
    let all = &here.run.records.train;
    let few = here.retained.positions().iter().copied().take(FEW);
    let few = Selection::new(all.len(), few.collect())?;
    let model = here.run.model(Vec::new());
    let objective = here.run.objective(&model, &few)?;
    Ok(match objective.linear_outputs() {
        Some(_) => FOLLOWED,
        None => SOLVED,
    })
}
