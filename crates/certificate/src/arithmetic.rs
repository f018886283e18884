//! From bounds and noise to the promise: the one computation that releases make and verifiers
//! make again.

use super::declaration::{Declaration, weakest};
use super::record::{BoundRecord, Guarantee};
use rescind_privacy::noise::Origin;
use rescind_privacy::sensitivity::{
    CandidateBounds, GuaranteeKind, Provenance, SensitivityBound, Theorem,
};
use rescind_privacy::{
    Delta, Epsilon, Gdp, NoiseChoice, NoiseScale, PrivacyError, Sensitivity, analytic,
};

/// Why bounds and noise make no promise.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TermsError {
    /// The privacy arithmetic refuses its input.
    #[error(transparent)]
    Privacy(#[from] PrivacyError),
    /// Every bound is excluded.
    #[error(
        "no bound on the distance from retraining can be relied on ({reasons}): give one that \
         holds, such as the diameter of the ball to which weights are projected"
    )]
    NoUsableBound {
        /// Why each is excluded.
        reasons: String,
    },
    /// δ = 1.
    #[error("delta is 1: a promise that may always be broken protects nobody; give one below 1")]
    EmptyPromise,
    /// The bound speaks of another mechanism.
    #[error(
        "the {theorem} bound is for weights that the mechanism itself projects and fine-tunes, but \
         this release only adds noise to them: give a bound for noise added once, or order noisy \
         fine-tuning"
    )]
    OtherMechanism {
        /// The theorem.
        theorem: Theorem,
    },
}

/// σ and what it promises.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// σ of every noising.
    pub sigma: NoiseScale,
    /// The promise.
    pub guarantee: Guarantee,
    /// Every candidate bound, smallest first, and what it would promise.
    pub bounds: Vec<BoundRecord>,
}

/// Computes σ (or takes it as given) and the promise of every candidate bound. A promise is no
/// better than what it takes on somebody's word.
///
/// The smallest bound binds, among those that may be relied on: a Newton bound may not where the
/// model has parts without a Lipschitz Hessian, nor one whose constants may fail with a
/// probability of δ or more. Failure probabilities are taken out of δ before σ or ε is computed.
///
/// # Errors
/// [`TermsError`] where no promise follows.
pub fn terms(
    choice: &NoiseChoice,
    candidates: Vec<SensitivityBound>,
    rough_parts: &[String],
    declarations: &[Declaration],
    origin: Origin,
) -> Result<Terms, TermsError> {
    let delta = Delta::new(choice.delta())?;
    if delta.value() >= 1.0 {
        return Err(TermsError::EmptyPromise);
    }
    let candidates = CandidateBounds::new(candidates)?;
    let excluded: Vec<Option<String>> = candidates
        .ascending()
        .map(|bound| exclusion(bound, delta, rough_parts))
        .collect();
    let usable = candidates
        .ascending()
        .zip(&excluded)
        .find(|(_, excluded)| excluded.is_none());
    let Some((binding, _)) = usable else {
        let reasons: Vec<String> = excluded.into_iter().flatten().collect();
        return Err(TermsError::NoUsableBound {
            reasons: reasons.join("; "),
        });
    };
    let mechanism_delta = delta.less_failure(binding.failure_probability())?;
    let sensitivity = binding.value();
    let (sigma, epsilon) = match *choice {
        NoiseChoice::Sigma { sigma, .. } => {
            let sigma = NoiseScale::new(sigma)?;
            (
                sigma,
                analytic::epsilon(mechanism_delta, sensitivity, sigma)?,
            )
        }
        NoiseChoice::Promise { epsilon, .. } => {
            let epsilon = Epsilon::new(epsilon)?;
            (
                analytic::calibrate(epsilon, mechanism_delta, sensitivity)?,
                epsilon,
            )
        }
    };
    let guarantee = Guarantee {
        epsilon,
        delta,
        mu: Gdp::of_release(sensitivity, sigma)?,
        kind: kind(binding, declarations, origin),
        binding: binding.theorem(),
        sensitivity,
        failure_probability: binding.failure_probability(),
        mechanism_delta,
    };
    let bounds = candidates
        .ascending()
        .zip(excluded)
        .map(|(bound, excluded)| record((bound, declarations), excluded, delta, sigma))
        .collect::<Result<_, _>>()?;
    Ok(Terms {
        sigma,
        guarantee,
        bounds,
    })
}

/// The weakest thing the promise rests on. That nobody knows a fixed seed is an assumption.
fn kind(binding: &SensitivityBound, declarations: &[Declaration], origin: Origin) -> GuaranteeKind {
    let kind = binding.kind().max(weakest(declarations, binding.theorem()));
    match origin {
        Origin::OperatingSystem => kind,
        Origin::InsecureSeed => kind.max(GuaranteeKind::Assumed),
    }
}

fn exclusion(bound: &SensitivityBound, delta: Delta, rough: &[String]) -> Option<String> {
    let failure = bound.failure_probability();
    if bound.theorem().needs_smoothness() && !rough.is_empty() {
        let layers = rough.join(", ");
        Some(format!(
            "the theorem needs a Lipschitz Hessian, which parts {layers} do not have"
        ))
    } else if delta.less_failure(failure).is_err() {
        let delta = delta.value();
        Some(format!(
            "its constants may be wrong with probability {failure:e}, which leaves nothing of \
             delta {delta:e}"
        ))
    } else {
        None
    }
}

fn record(
    (bound, declarations): (&SensitivityBound, &[Declaration]),
    excluded: Option<String>,
    delta: Delta,
    sigma: NoiseScale,
) -> Result<BoundRecord, PrivacyError> {
    let failure_probability = bound.failure_probability();
    let promise = match excluded {
        Some(_) => None,
        None => Some(promise(
            bound.value(),
            delta.less_failure(failure_probability)?,
            sigma,
        )?),
    };
    Ok(BoundRecord {
        theorem: bound.theorem(),
        constants: bound.constants().to_vec(),
        value: bound.value().value(),
        kind: bound.kind().max(weakest(declarations, bound.theorem())),
        failure_probability,
        excluded,
        mu: promise.map(|(mu, _)| mu),
        epsilon: promise.map(|(_, epsilon)| epsilon),
    })
}

fn promise(
    sensitivity: Sensitivity,
    delta: Delta,
    sigma: NoiseScale,
) -> Result<(Gdp, Epsilon), PrivacyError> {
    let mu = Gdp::of_release(sensitivity, sigma)?;
    Ok((mu, analytic::epsilon(delta, sensitivity, sigma)?))
}

/// σ√d.
#[must_use]
pub fn noise_norm(sigma: NoiseScale, parameters: u64) -> f64 {
    sigma.value() * (parameters as f64).sqrt()
}

/// Whether a constant was computed from the records, so that they decide the bound too.
pub(crate) fn comes_from_records(provenance: Provenance) -> bool {
    match provenance {
        Provenance::Measured | Provenance::Probabilistic { .. } | Provenance::Estimated => true,
        Provenance::Proved | Provenance::Declared | Provenance::Assumed => false,
    }
}
