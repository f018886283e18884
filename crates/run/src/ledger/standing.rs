//! What holds for a request today.

use super::entry::{ReleaseEntry, RequestEntry};
use rescind_privacy::accounting::{Accountant, RunAccountant};
use rescind_privacy::noise::Origin;
use rescind_privacy::sensitivity::GuaranteeKind;
use rescind_privacy::{Delta, Epsilon, Gdp, PrivacyError};

/// The guarantee of one request, given every release made since (docs/theory.md §5): as strong as
/// the weakest of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The request.
    pub request: RequestEntry,
    /// Numbers of the releases made since.
    pub releases: Vec<u64>,
    /// The weakest kind among them; none if nothing was released since.
    pub kind: Option<GuaranteeKind>,
    /// Whether the noise of one of them came from a fixed seed: then nothing holds against anyone
    /// who knows it.
    pub insecure_noise: bool,
    spent: RunAccountant,
}

impl Standing {
    pub(super) fn new<'a>(
        request: &RequestEntry,
        since: impl Iterator<Item = &'a ReleaseEntry>,
    ) -> Result<Self, PrivacyError> {
        let since: Vec<&ReleaseEntry> = since.collect();
        Ok(Self {
            request: request.clone(),
            releases: since.iter().map(|release| release.number).collect(),
            kind: since.iter().map(|release| release.kind).max(),
            insecure_noise: since.iter().any(|r| r.origin == Origin::InsecureSeed),
            spent: RunAccountant::of(since.iter().map(|release| &release.spent))?,
        })
    }

    /// The Gaussian privacy parameter of all releases since together; 0 if there is none.
    #[must_use]
    pub fn gdp(&self) -> Gdp {
        self.spent.gdp()
    }

    /// Probability that a constant behind one of them is wrong.
    #[must_use]
    pub fn failure_probability(&self) -> f64 {
        self.spent.failure_probability()
    }

    /// ε at δ today.
    ///
    /// # Errors
    /// [`PrivacyError::DeltaSpentOnFailures`] if the constants may already fail with probability δ.
    pub fn epsilon(&self, delta: Delta) -> Result<Epsilon, PrivacyError> {
        self.spent.epsilon(delta)
    }
}
