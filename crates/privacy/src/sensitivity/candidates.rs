//! All bounds known for one release, and which of them binds.

use super::bound::SensitivityBound;
use super::theorem::Theorem;
use crate::error::PrivacyError;

/// Every bound known for one release, each from a different theorem. The smallest binds; of two
/// equal ones, that with the stronger foundation.
#[derive(Debug, Clone, PartialEq)]
pub struct CandidateBounds {
    binding: SensitivityBound,
    others: Vec<SensitivityBound>,
}

impl CandidateBounds {
    /// Finds the binding bound.
    ///
    /// # Errors
    /// [`PrivacyError::BadCandidates`] if there is none, if a theorem occurs twice, or if
    /// [`Theorem::NoisyFineTuning`], whose σ is the noise of every step, is mixed with bounds
    /// whose σ is added once.
    pub fn new(mut candidates: Vec<SensitivityBound>) -> Result<Self, PrivacyError> {
        let refuse = |found, advice| Err(PrivacyError::BadCandidates { found, advice });
        let theorems: Vec<Theorem> = candidates.iter().map(SensitivityBound::theorem).collect();
        if theorems
            .iter()
            .enumerate()
            .any(|(i, theorem)| theorems[..i].contains(theorem))
        {
            return refuse("a theorem occurs twice", "keep one bound of each theorem");
        }
        if theorems.len() > 1 && theorems.contains(&Theorem::NoisyFineTuning) {
            return refuse(
                "noise at every step stands beside noise added once",
                "keep the bounds of the mechanism that is used",
            );
        }
        // Stable, so equal bounds of equal kind keep their order; values are never NaN.
        candidates.sort_by(|left, right| {
            let by_value = left.value().value().total_cmp(&right.value().value());
            by_value.then(left.kind().cmp(&right.kind()))
        });
        let mut ascending = candidates.into_iter();
        match ascending.next() {
            Some(binding) => Ok(Self {
                binding,
                others: ascending.collect(),
            }),
            None => refuse(
                "there is none",
                "compute at least one, such as the ball's diameter",
            ),
        }
    }

    /// The bound that binds: the sensitivity, kind and failure probability of the release are its.
    #[must_use]
    pub fn binding(&self) -> &SensitivityBound {
        &self.binding
    }

    /// All bounds in ascending order, the binding one first.
    pub fn ascending(&self) -> impl Iterator<Item = &SensitivityBound> {
        std::iter::once(&self.binding).chain(&self.others)
    }
}
