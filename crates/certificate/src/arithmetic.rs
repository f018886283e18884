//! From bounds and noise to the promise: the one computation that releases make and verifiers
//! make again.

use super::bound_choice::BoundChoice;
use super::declaration::{Declaration, weakest};
use super::printable::quoted_all;
use super::record::{BoundRecord, Exclusion, Guarantee};
use rescind_privacy::noise::Origin;
use rescind_privacy::sensitivity::{
    CandidateBounds, GuaranteeKind, Provenance, SensitivityBound, Theorem,
};
use rescind_privacy::{
    Delta, Epsilon, Gdp, NoiseChoice, NoiseScale, PrivacyError, Sensitivity, analytic,
};

/// From here on δ says nothing: publishing a tenth of all records as they are, picked at random, keeps
/// (0, 0.1).
pub const MOST_DELTA: f64 = 0.1;

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
    /// δ so large that the promise says nothing.
    #[error(
        "delta is {delta}: a tenth of all outcomes and more may then give the records away, whatever \
         epsilon is; give a delta well below one over the number of records, such as 1e-5"
    )]
    DeltaTooLarge {
        /// δ as asked for.
        delta: f64,
    },
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
    /// Δ, the bound that binds.
    pub sensitivity: Sensitivity,
    /// The share of δ that pays for constants of that bound that may be wrong.
    pub failure_probability: f64,
    /// The rest, for which the noise is computed.
    pub mechanism_delta: Delta,
    /// Every candidate bound, smallest first.
    pub bounds: Vec<BoundRecord>,
}

impl Terms {
    /// The bounds that may be published: the one that binds, and those that rest on nothing
    /// measured. What is measured of others would be told for nothing.
    #[must_use]
    pub fn published(&self) -> Vec<BoundRecord> {
        let measured = |bound: &BoundRecord| {
            let mut all = bound.constants.iter();
            all.any(|constant| comes_from_records(constant.provenance()))
        };
        let binding = self.guarantee.binding;
        let published = self
            .bounds
            .iter()
            .filter(|bound| bound.theorem == binding || !measured(bound));
        published.cloned().collect()
    }
}

/// Computes σ (or takes it as given) and the promise of every candidate bound. A promise is no
/// better than what it takes on somebody's word.
///
/// The smallest bound binds, among those that may be relied on: a Newton bound may not where the
/// model has parts without a Lipschitz Hessian, nor one whose constants may fail with a
/// probability of δ or more. Failure probabilities are taken out of δ before σ or ε is computed.
/// `decided` says whether measurements have a say in which bound that is.
///
/// # Errors
/// [`TermsError`] where no promise follows.
pub fn terms(
    choice: &NoiseChoice,
    candidates: Vec<SensitivityBound>,
    rough_parts: &[String],
    declarations: &[Declaration],
    origin: Origin,
    decided: BoundChoice,
) -> Result<Terms, TermsError> {
    let delta = Delta::new(choice.delta())?;
    if delta.value() >= MOST_DELTA {
        let delta = delta.value();
        return Err(TermsError::DeltaTooLarge { delta });
    }
    let candidates = CandidateBounds::new(candidates)?;
    let excluded: Vec<Option<Exclusion>> = candidates
        .ascending()
        .map(|bound| exclusion(bound, delta, rough_parts))
        .collect();
    let mut judged = candidates.ascending().zip(&excluded);
    let Some((binding, _)) = judged.find(|(_, excluded)| excluded.is_none()) else {
        let reasons: Vec<String> = candidates
            .ascending()
            .zip(&excluded)
            .filter_map(|(bound, excluded)| {
                let failure = bound.failure_probability();
                Some(why_excluded((*excluded)?, rough_parts, failure, delta))
            })
            .collect();
        return Err(TermsError::NoUsableBound {
            reasons: reasons.join("; "),
        });
    };
    let mechanism_delta = delta.less_failure(binding.failure_probability())?;
    let sensitivity = binding.value();
    let (sigma, epsilon) = match *choice {
        NoiseChoice::Sigma { sigma, .. } => {
            let sigma = NoiseScale::new(sigma)?;
            // By the parameter as it is written down: a reader, and a budget, find the same.
            let gdp = Gdp::of_release(sensitivity, sigma)?;
            (sigma, gdp.epsilon(mechanism_delta)?)
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
        gdp: Gdp::of_release(sensitivity, sigma)?,
        kind: kind(binding, declarations, origin, decided),
        binding: binding.theorem(),
    };
    let failure_probability = binding.failure_probability();
    let bounds = candidates
        .ascending()
        .zip(excluded)
        .map(|(bound, excluded)| BoundRecord {
            theorem: bound.theorem(),
            constants: bound.constants().to_vec(),
            value: bound.value().value(),
            kind: bound.kind().max(weakest(declarations, bound.theorem())),
            failure_probability: bound.failure_probability(),
            excluded,
        })
        .collect();
    Ok(Terms {
        sigma,
        guarantee,
        sensitivity,
        failure_probability,
        mechanism_delta,
        bounds,
    })
}

/// The weakest thing the promise rests on. That nobody knows a fixed seed is an assumption, and so is
/// that measurements would have let the same bound bind without the forgotten records.
fn kind(
    binding: &SensitivityBound,
    declarations: &[Declaration],
    origin: Origin,
    decided: BoundChoice,
) -> GuaranteeKind {
    let kind = binding.kind().max(weakest(declarations, binding.theorem()));
    match (origin, decided) {
        (Origin::OperatingSystem, BoundChoice::Public) => kind,
        (Origin::InsecureSeed, _) | (_, BoundChoice::Measured) => kind.max(GuaranteeKind::Assumed),
    }
}

fn exclusion(bound: &SensitivityBound, delta: Delta, rough: &[String]) -> Option<Exclusion> {
    if bound.theorem().needs_smoothness() && !rough.is_empty() {
        Some(Exclusion::HessianNotLipschitz)
    } else if delta.less_failure(bound.failure_probability()).is_err() {
        Some(Exclusion::FailureExceedsDelta)
    } else {
        None
    }
}

/// An exclusion in words.
pub(crate) fn why_excluded(
    exclusion: Exclusion,
    rough_parts: &[String],
    failure: f64,
    delta: Delta,
) -> String {
    match exclusion {
        Exclusion::HessianNotLipschitz => {
            let parts = quoted_all(rough_parts);
            format!("the theorem needs a Lipschitz Hessian, which parts {parts} do not have")
        }
        Exclusion::FailureExceedsDelta => format!(
            "its constants may be wrong with probability {failure:e}, which leaves nothing of \
             delta {:e}",
            delta.value()
        ),
    }
}

/// The least ε at δ that the noise promises to those who rely on a bound; nothing where they may not.
#[must_use]
pub fn epsilon_by(bound: &BoundRecord, delta: Delta, sigma: NoiseScale) -> Option<Epsilon> {
    let usable = bound.excluded.is_none();
    let delta = delta.less_failure(bound.failure_probability).ok();
    let (delta, sensitivity) = delta
        .filter(|_| usable)
        .zip(Sensitivity::new(bound.value).ok())?;
    let gdp = Gdp::of_release(sensitivity, sigma).ok()?;
    gdp.epsilon(delta).ok()
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
        Provenance::Proved | Provenance::Assumed => false,
    }
}
