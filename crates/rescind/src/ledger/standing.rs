//! What holds for a request today.

use super::entry::{ReleaseEntry, RequestEntry};
use rescind_privacy::noise::Origin;
use rescind_privacy::sensitivity::GuaranteeKind;
use rescind_privacy::{Delta, Epsilon, Gdp, PrivacyError};

/// The guarantee of one request, given every release made since (THEORY §5): √Σμ², constants
/// failing with the sum of their probabilities, as strong as the weakest release.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The request.
    pub request: RequestEntry,
    /// Numbers of the releases made since.
    pub releases: Vec<u64>,
    /// μ of all of them together; 0 if there is none.
    pub mu: Gdp,
    /// Probability that a constant behind one of them is wrong.
    pub failure_probability: f64,
    /// The weakest kind among them; none if nothing was released since.
    pub kind: Option<GuaranteeKind>,
    /// Whether the noise of one of them came from a fixed seed: then nothing holds against anyone
    /// who knows it.
    pub insecure_noise: bool,
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
            mu: Gdp::compose(since.iter().map(|release| release.mu))?,
            failure_probability: add_failures(since.iter().map(|r| r.failure_probability)),
            kind: since.iter().map(|release| release.kind).max(),
            insecure_noise: since.iter().any(|r| r.origin == Origin::InsecureSeed),
        })
    }

    /// ε at δ today.
    ///
    /// # Errors
    /// [`PrivacyError::DeltaSpentOnFailures`] if the constants may already fail with probability δ.
    pub fn epsilon(&self, delta: Delta) -> Result<Epsilon, PrivacyError> {
        if self.releases.is_empty() {
            return Epsilon::new(0.0);
        }
        self.mu
            .epsilon(delta.less_failure(self.failure_probability)?)
    }
}

/// The sum of probabilities, rounded up.
fn add_failures(failures: impl Iterator<Item = f64>) -> f64 {
    failures
        .filter(|failure| *failure > 0.0)
        .fold(0.0, |sum, failure| (sum + failure).next_up())
}
