//! Everything that can be refused, before anything is written or noised.

use super::error::ReleaseError;
use super::foundation::{check_ball, check_what_noise_leaves, non_smooth_layers, norm_above};
use super::opening::{Opening, check_request, request_entry};
use super::order::Basis;
use super::refusal::judge;
use crate::certificate::arithmetic::{Terms, noise_norm, terms};
use crate::certificate::{BallIdentity, BatchNorm, NoiseChoice};
use crate::ledger::{Entry, History, ReleaseEntry, RequestEntry, recover};
use rescind_data::Digest;
use rescind_privacy::noise::{NoiseSource, Origin};
use rescind_privacy::sensitivity::SensitivityBound;
use std::time::SystemTime;

/// A release that may be made: its terms, and the rows that will record it.
pub(super) struct Decision<'a> {
    pub(super) basis: Basis<'a>,
    pub(super) history: History,
    pub(super) terms: Terms,
    pub(super) ball: BallIdentity,
    pub(super) batch_norm: BatchNorm,
    pub(super) non_smooth_layers: Vec<String>,
    /// σ√d.
    pub(super) noise_norm: f64,
    pub(super) opening: Opening,
    pub(super) request: RequestEntry,
    /// Weights, content and state are filled in when they are known.
    pub(super) release: ReleaseEntry,
}

/// Whether noise that outweighs the weights is a reason to refuse.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    /// The noised weights are what is released.
    ByNoise,
    /// Training goes on after the noise and makes good what it did: its size says nothing of the
    /// model released.
    Not,
}

impl<'a> Decision<'a> {
    /// Decides on the release of weights whose bounds are `candidates`, `weights` being those that
    /// noise is first added to.
    pub(super) fn new(
        basis: Basis<'a>,
        weights: &[f64],
        candidates: Vec<SensitivityBound>,
        judged: Judged,
    ) -> Result<Self, ReleaseError> {
        let (network, number) = (basis.network, basis.request.number);
        let history = recover(basis.run)?.history;
        check_request(&basis.request, &history)?;
        let batch_norm = check_what_noise_leaves(&basis)?;
        let ball = check_ball(network, weights, &basis.ball)?;
        let non_smooth_layers = non_smooth_layers(network);
        let origin = match basis.insecure_noise_seed {
            Some(_) => Origin::InsecureSeed,
            None => Origin::OperatingSystem,
        };
        let terms = terms(&basis.noise, candidates, &non_smooth_layers, origin)?;
        let parameters = network.parameter_count() as u64;
        let noise_norm = noise_norm(terms.sigma, parameters);
        let accepted = !matches!(
            basis.noise,
            NoiseChoice::Promise {
                accept_noise: false,
                ..
            }
        );
        if judged == Judged::ByNoise && !accepted {
            let norm = norm_above(weights.iter().copied());
            if let Some(refusal) = judge(&terms, noise_norm, parameters, norm)? {
                return Err(ReleaseError::Refused(Box::new(refusal)));
            }
        }
        let unknown = Digest::from([0; 32]);
        let opening = Opening::new(&basis.request)?;
        let request = request_entry(&basis.request, &opening, unknown);
        let guarantee = &terms.guarantee;
        let release = ReleaseEntry {
            number,
            released_at: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            sigma: terms.sigma,
            sensitivity: guarantee.sensitivity,
            mu: guarantee.mu,
            failure_probability: guarantee.failure_probability,
            epsilon: guarantee.epsilon,
            delta: guarantee.delta,
            kind: guarantee.kind,
            origin,
            weights: unknown,
            content: unknown,
            state: unknown,
        };
        if let Some(budget) = &basis.budget {
            let planned = [
                Entry::Request(request.clone()),
                Entry::Release(release.clone()),
            ];
            budget.check(&history, &planned)?;
        }
        Ok(Self {
            basis,
            history,
            terms,
            ball,
            batch_norm,
            non_smooth_layers,
            noise_norm,
            opening,
            request,
            release,
        })
    }

    /// The generator that the order asks for.
    pub(super) fn noise_source(&self) -> Result<NoiseSource, ReleaseError> {
        Ok(match self.basis.insecure_noise_seed {
            Some(seed) => NoiseSource::insecure_from_seed(seed),
            None => NoiseSource::from_operating_system()?,
        })
    }
}
