//! A promise to everyone who was ever forgotten.

use super::entry::Budget;
use super::history::History;
use rescind_certificate::MOST_DELTA;
use rescind_privacy::accounting::{Accountant, Spending};
use rescind_privacy::noise::Origin;
use rescind_privacy::{Delta, PrivacyError};

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
    /// Another budget is in force.
    #[error(
        "the run's budget is {kept}, and {asked} was asked for: leave it out, or change the run's \
         on purpose (rescind amend)"
    )]
    Another {
        /// The one in force.
        kept: Budget,
        /// The one given.
        asked: Budget,
    },
    /// A budget that is spent before it begins.
    #[error(
        "a budget of {budget} cannot be promised: request {request} stands at epsilon {spent} \
         already"
    )]
    Spent {
        /// The request that stands worst.
        request: u64,
        /// Its ε now.
        spent: f64,
        /// The budget asked for.
        budget: Budget,
    },
    /// A budget that no release could keep, or that every release keeps.
    #[error(
        "a budget of {budget} says nothing: expected an epsilon above 0, and a delta below \
         {MOST_DELTA}, well below one over the number of records, such as 1e-5"
    )]
    Empty {
        /// The budget asked for.
        budget: Budget,
    },
    /// Noise that whoever knows the seed takes off again keeps no promise.
    #[error(
        "the run has a budget, which noise from a fixed seed does not keep: leave \
         --insecure-noise-seed out, or lift the budget (rescind amend RUN --no-budget)"
    )]
    Seeded,
    /// The budget itself is not one.
    #[error("the budget is not usable: {0}")]
    Unusable(#[from] PrivacyError),
}

impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "epsilon {} at delta {}", self.epsilon, self.delta)
    }
}

impl Budget {
    /// The budget that a release must keep: the run's, or else the one it is asked with, which
    /// then becomes the run's. Two that differ are refused: which one holds is no guess. Noise from a
    /// fixed seed keeps none.
    pub(crate) fn in_force(
        history: &History,
        asked: Option<Budget>,
        noise: Origin,
    ) -> Result<Option<Budget>, BudgetExceeded> {
        match (history.budget().copied(), asked) {
            (Some(kept), Some(asked)) if kept != asked => {
                Err(BudgetExceeded::Another { kept, asked })
            }
            (Some(_), _) | (_, Some(_)) if noise == Origin::InsecureSeed => {
                Err(BudgetExceeded::Seeded)
            }
            (kept, asked) => Ok(kept.or(asked)),
        }
    }

    /// Refuses a budget that is out of range.
    ///
    /// # Errors
    /// [`BudgetExceeded::Empty`]; [`BudgetExceeded::Unusable`].
    pub fn validate(&self) -> Result<(), BudgetExceeded> {
        self.usable().map(drop)
    }

    /// Its δ, where the budget promises something and leaves room for a release.
    fn usable(&self) -> Result<Delta, BudgetExceeded> {
        let delta = Delta::new(self.delta)?;
        let epsilon = rescind_privacy::Epsilon::new(self.epsilon)?;
        match epsilon.value() <= 0.0 || delta.value() >= MOST_DELTA {
            true => Err(BudgetExceeded::Empty { budget: *self }),
            false => Ok(delta),
        }
    }

    /// Refuses a budget that is out of range, or that the releases so far have overspent.
    pub(crate) fn check_spent(&self, history: &History) -> Result<(), BudgetExceeded> {
        let delta = self.usable()?;
        let Some(oldest) = history.requests().next() else {
            return Ok(());
        };
        let spent = history.spent().epsilon(delta);
        let spent = spent.map_err(|reason| BudgetExceeded::Delta {
            request: oldest.number,
            reason,
        })?;
        match spent.value() <= self.epsilon {
            true => Ok(()),
            false => Err(BudgetExceeded::Spent {
                request: oldest.number,
                spent: spent.value(),
                budget: *self,
            }),
        }
    }

    /// Refuses a release after which a request, past or the one in hand, would no longer have its
    /// promise. The oldest request was in every release since: no other has less left.
    pub(crate) fn check(
        &self,
        history: &History,
        request: u64,
        planned: &Spending,
    ) -> Result<(), BudgetExceeded> {
        let delta = self.usable()?;
        let oldest = history.requests().next();
        let request = oldest.map_or(request, |oldest| oldest.number);
        let spent = history.spent();
        let before = spent.epsilon(delta).map_or(0.0, |epsilon| epsilon.value());
        let mut then = *spent;
        then.spend(planned)?;
        let after = then.epsilon(delta);
        let after = after.map_err(|reason| BudgetExceeded::Delta { request, reason })?;
        if after.value() > self.epsilon {
            return Err(BudgetExceeded::Epsilon {
                request,
                before,
                after: after.value(),
                budget: self.epsilon,
                delta: self.delta,
            });
        }
        Ok(())
    }
}
