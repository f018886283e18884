//! Everything that can be refused, before anything is written or noised.

use super::error::ReleaseError;
use super::foundation::{check_ball, check_frozen, check_what_noise_leaves};
use super::opening::check_request;
use super::order::Basis;
use super::refusal::judge;
use crate::ledger::{Budget, BudgetEntry, History, ReleaseEntry};
use crate::time::{now, rfc3339};
use rescind_certificate::{
    BallIdentity, BatchNorm, BoundChoice, Declaration, Terms, noise_norm, terms,
};
use rescind_data::Digest;
use rescind_privacy::accounting::Spending;
use rescind_privacy::noise::Origin;
use rescind_privacy::sensitivity::SensitivityBound;
use rescind_privacy::{NoiseChoice, NoisyFineTuning};
use rescind_unlearn::{ModelDescription, norm_above};

/// A release that may be made: its terms, and the rows that will record it.
pub(super) struct Decision<'a> {
    pub(super) basis: Basis<'a>,
    pub(super) terms: Terms,
    pub(super) ball: BallIdentity,
    pub(super) batch_norm: BatchNorm,
    /// The budget, where the run has none yet and gets one with this release.
    pub(super) budget: Option<BudgetEntry>,
    /// Weights, content, state and the next noise are filled in when they are known.
    pub(super) release: ReleaseEntry,
}

/// Whether noise that outweighs the weights is a reason to refuse.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum NoiseLimit {
    /// The noised weights are what is released.
    Applies,
    /// Training goes on after the noise and makes good what it did, so that its size says nothing
    /// of the model released; or σ was given, or the noise accepted whatever it is.
    Waived,
}

impl NoiseLimit {
    /// For noise asked for in this way, `accepted` whatever it is or not, which training follows
    /// where it `recovers`.
    #[must_use]
    pub fn of(noise: &NoiseChoice, accepted: bool, recovers: bool) -> Self {
        match noise {
            NoiseChoice::Promise { .. } if !accepted && !recovers => Self::Applies,
            NoiseChoice::Promise { .. } | NoiseChoice::Sigma { .. } => Self::Waived,
        }
    }
}

/// The terms of a release whose weights, as far as they are noised, would be about as long as
/// `weights_norm`, or why it would
/// be refused: from settings, public numbers and that length, before any work. The bounds are those
/// of settings: measurements are not made yet.
///
/// # Errors
/// [`ReleaseError::Refused`]; [`ReleaseError::Terms`] where no promise follows.
pub fn terms_in_advance(
    (model, declarations): (&ModelDescription, &[Declaration]),
    noise: &NoiseChoice,
    bounds: Vec<SensitivityBound>,
    origin: Origin,
    limit: (NoiseLimit, f64),
) -> Result<Terms, ReleaseError> {
    let decided = BoundChoice::Public;
    terms_of(
        (model, declarations),
        noise,
        bounds,
        (origin, decided),
        limit,
    )
}

/// The same of bounds that measurements may have had a say in.
fn terms_of(
    (model, declarations): (&ModelDescription, &[Declaration]),
    noise: &NoiseChoice,
    bounds: Vec<SensitivityBound>,
    (origin, decided): (Origin, BoundChoice),
    (limit, weights_norm): (NoiseLimit, f64),
) -> Result<Terms, ReleaseError> {
    let rough = model.smoothness.rough_parts();
    let terms = terms(noise, bounds, &rough, declarations, origin, decided)?;
    let parameters = (model.parameters() - model.frozen()) as u64;
    if limit == NoiseLimit::Applies {
        let noise_norm = noise_norm(terms.sigma, parameters);
        if let Some(refusal) = judge(&terms, noise_norm, parameters, weights_norm)? {
            return Err(ReleaseError::Refused(Box::new(refusal)));
        }
    }
    Ok(terms)
}

/// What a release by these terms spends.
///
/// # Errors
/// [`ReleaseError::Privacy`] for a schedule out of range.
pub fn spending(
    terms: &Terms,
    schedule: Option<&NoisyFineTuning>,
) -> Result<Spending, ReleaseError> {
    Ok(match schedule {
        Some(schedule) => Spending::of_schedule(schedule, terms.sigma)?,
        None => Spending::Gaussian {
            sensitivity: terms.sensitivity,
            sigma: terms.sigma,
            failure_probability: terms.failure_probability,
        },
    })
}

impl<'a> Decision<'a> {
    /// Decides on the release of weights whose bounds are `candidates`, of which `decided` says what
    /// lets one of them bind; `weights` are those that noise is first added to.
    pub(super) fn new(
        basis: Basis<'a>,
        history: &History,
        weights: &[f64],
        (candidates, decided): (Vec<SensitivityBound>, BoundChoice),
        (limit, schedule): (NoiseLimit, Option<&NoisyFineTuning>),
    ) -> Result<Self, ReleaseError> {
        let number = match &basis.request {
            Some(request) => {
                check_request(request, history)?;
                request.number
            }
            None => match history.pending().last() {
                Some(pending) => pending.number,
                None => return Err(ReleaseError::NothingPending),
            },
        };
        let batch_norm = check_what_noise_leaves(&basis)?;
        let ball = check_ball(basis.model, weights, &basis.ball)?;
        check_frozen(basis.model, weights, &basis.ball)?;
        let origin = basis.origin();
        let norm = norm_above(basis.model.moving().of(weights).into_iter());
        let terms = terms_of(
            (basis.model, &basis.declarations),
            &basis.noise,
            candidates,
            (origin, decided),
            (limit, norm),
        )?;
        let unknown = Digest::from([0; 32]);
        let guarantee = &terms.guarantee;
        let release = ReleaseEntry {
            number,
            released_at: rfc3339(now()),
            spent: spending(&terms, schedule)?,
            epsilon: guarantee.epsilon,
            delta: guarantee.delta,
            kind: guarantee.kind,
            origin,
            weights: unknown,
            content: unknown,
            state: unknown,
            noise: unknown,
        };
        let budget = Budget::in_force(history, basis.budget, origin)?;
        if let Some(budget) = &budget {
            budget.check(history, number, &release.spent)?;
        }
        let first = budget.filter(|_| history.budget().is_none());
        Ok(Self {
            basis,
            terms,
            ball,
            batch_norm,
            budget: first.map(|budget| BudgetEntry {
                set_at: release.released_at.clone(),
                budget: Some(budget),
            }),
            release,
        })
    }
}

impl Basis<'_> {
    fn origin(&self) -> Origin {
        match self.insecure_noise_seed {
            Some(_) => Origin::InsecureSeed,
            None => Origin::OperatingSystem,
        }
    }
}
