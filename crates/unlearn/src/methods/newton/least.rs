//! A lower bound on the least eigenvalue of the Hessian (docs/theory.md §2.7).

use super::damping::interrupted;
use super::task::NewtonTask;
use crate::error::Error;
use crate::objective::{Curvature, Objective};
use crate::observer::{Observer, relay};
use crate::phase::Phase;
use crate::precision::widened;
use rand::TryRng;
use rand::rngs::SysRng;
use rescind_curvature::{Control, LanczosSettings, LinearOperator, SpectrumEstimate};
use rescind_privacy::sensitivity::{Constant, Provenance, Symbol};
use std::sync::{Mutex, PoisonError};

/// What is conceded to the rounding of a product in binary64, as a share of the largest Ritz value:
/// some 10⁸ units of rounding, for sums over many records with cancellation between them.
const PRODUCT_ROUNDING: f64 = 1e-8;

/// λ_min of the Hessian over the records that stay, from below.
///
/// Products are in binary64. The start is drawn here by the operating system and told to nobody: the
/// probability is over that draw, and records could be made for a start known beforehand.
///
/// # Errors
/// No randomness; too few steps for the probability; what the model meets; [`Error::Interrupted`].
pub(super) fn least_eigenvalue(
    task: &NewtonTask<'_>,
    steps: usize,
    failure_probability: f64,
    observer: &mut dyn Observer,
) -> Result<Constant, Error> {
    let hessian = ExactHessian {
        retain: task.retain,
        weights: widened(task.weights),
        failure: Mutex::default(),
    };
    let seed = SysRng.try_next_u64();
    let seed = seed.map_err(|error| Error::NoRandomness {
        reason: error.to_string(),
    })?;
    let mut relay = relay(observer, Phase::Spectrum, Some(steps as u64));
    let settings = LanczosSettings { steps, seed };
    let measured = SpectrumEstimate::measure(&hessian, settings, &mut Control::new(&mut relay));
    let spectrum = match hessian.failure() {
        Some(failure) => return Err(failure),
        None => measured.map_err(interrupted)?,
    };
    let largest = spectrum.theta_min.abs().max(spectrum.theta_max.abs());
    let least = spectrum.lambda_min_lower(failure_probability)? - PRODUCT_ROUNDING * largest;
    Ok(Constant::new(
        Symbol::LeastEigenvalue,
        least,
        Provenance::Probabilistic {
            failure_probability,
        },
        format!(
            "{} Lanczos steps in double precision from a secret random start over {} records, with \
             the bound of Kuczynski and Wozniakowski 1992",
            spectrum.steps,
            task.retain.records(),
        ),
    )?)
}

/// The Hessian in binary64. A failure of the model becomes NaN, which ends the process, and is kept.
struct ExactHessian<'a> {
    retain: &'a dyn Objective,
    weights: Vec<f64>,
    failure: Mutex<Option<Error>>,
}

impl ExactHessian<'_> {
    fn failure(&self) -> Option<Error> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take()
    }
}

impl LinearOperator<f64> for ExactHessian<'_> {
    fn dim(&self) -> usize {
        self.weights.len()
    }

    fn apply(&self, v: &[f64], out: &mut [f64]) {
        let product = self
            .retain
            .exact_product(&self.weights, Curvature::Hessian, v, out);
        if let Err(error) = product {
            out.fill(f64::NAN);
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert(error);
        }
    }
}
