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
    /// How many releases were made since.
    pub releases: u64,
    /// The number of the first of them.
    pub first_release: Option<u64>,
    /// The weakest kind among them; none if nothing was released since.
    pub kind: Option<GuaranteeKind>,
    /// Whether the noise of one of them came from a fixed seed: then nothing holds against anyone
    /// who knows it.
    pub insecure_noise: bool,
    spent: RunAccountant,
}

/// The releases from some point on, gathered from the newest back.
#[derive(Debug)]
pub(super) struct Since {
    releases: u64,
    first: Option<u64>,
    kind: Option<GuaranteeKind>,
    insecure_noise: bool,
    spent: RunAccountant,
}

impl Since {
    /// None yet.
    pub fn now() -> Result<Self, PrivacyError> {
        Ok(Self {
            releases: 0,
            first: None,
            kind: None,
            insecure_noise: false,
            spent: RunAccountant::new()?,
        })
    }

    /// The release before these too.
    pub fn and(&mut self, release: &ReleaseEntry) -> Result<(), PrivacyError> {
        self.spent.spend(&release.spent)?;
        self.releases += 1;
        self.first = Some(release.number);
        self.kind = self.kind.max(Some(release.kind));
        self.insecure_noise |= release.origin == Origin::InsecureSeed;
        Ok(())
    }

    /// What holds for the request that these were made after.
    pub fn standing(&self, request: &RequestEntry) -> Standing {
        Standing {
            request: request.clone(),
            releases: self.releases,
            first_release: self.first,
            kind: self.kind,
            insecure_noise: self.insecure_noise,
            spent: self.spent,
        }
    }
}

impl Standing {
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
