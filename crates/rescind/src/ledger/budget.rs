//! A promise to everyone who was ever forgotten.

use super::entry::Entry;
use super::history::History;
use super::standing::Standing;
use rescind_privacy::{Delta, PrivacyError};
use serde::{Deserialize, Serialize};

/// The (ε, δ) that must hold for every request, whatever is released later.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// ε, at least 0.
    pub epsilon: f64,
    /// δ, above 0 and below 1.
    pub delta: f64,
}

/// A release that would break the budget; nothing was written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BudgetExceeded {
    /// ε would become too large.
    #[error(
        "this release would leave request {request} with epsilon {after} at delta {delta}; its \
         budget is {budget}, and it stands at {before} now. Release with more noise, gather \
         several requests in one release, or forget without releasing"
    )]
    Epsilon {
        /// The first request whose promise would break.
        request: u64,
        /// Its ε now.
        before: f64,
        /// Its ε after the release.
        after: f64,
        /// The ε promised.
        budget: f64,
        /// At this δ.
        delta: f64,
    },
    /// The constants of its releases would use up δ.
    #[error("this release would leave request {request} without a promise: {reason}")]
    Delta {
        /// The first request whose promise would break.
        request: u64,
        /// What the arithmetic says.
        reason: PrivacyError,
    },
    /// The budget itself is not one.
    #[error("the budget is not usable: {0}")]
    Unusable(#[from] PrivacyError),
}

impl Budget {
    /// Refuses entries after which a request, past or planned, would no longer have its promise.
    pub(crate) fn check(&self, history: &History, planned: &[Entry]) -> Result<(), BudgetExceeded> {
        let delta = Delta::new(self.delta)?;
        rescind_privacy::Epsilon::new(self.epsilon)?;
        let before = history.standings()?;
        let epsilon_before = |number: u64| {
            let found = before
                .iter()
                .find(|standing| standing.request.number == number);
            found
                .and_then(|standing| standing.epsilon(delta).ok())
                .map_or(0.0, |e| e.value())
        };
        for standing in history.standings_after(planned)? {
            let request = standing.request.number;
            let after = of(&standing, delta)?;
            if after > self.epsilon {
                return Err(BudgetExceeded::Epsilon {
                    request,
                    before: epsilon_before(request),
                    after,
                    budget: self.epsilon,
                    delta: self.delta,
                });
            }
        }
        Ok(())
    }
}

fn of(standing: &Standing, delta: Delta) -> Result<f64, BudgetExceeded> {
    let request = standing.request.number;
    let epsilon = standing.epsilon(delta);
    epsilon
        .map(|e| e.value())
        .map_err(|reason| BudgetExceeded::Delta { request, reason })
}
