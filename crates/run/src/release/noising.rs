//! The one place where noise is added to weights.

use super::weights::PrivateWeights;
use rescind_privacy::noise::{NoiseReport, NoiseSource, ReleaseFormat};
use rescind_privacy::{NoiseScale, PrivacyError};

/// The number format of every release.
pub(super) const FORMAT: ReleaseFormat = ReleaseFormat::F32;

/// `w + N(0, σ²I)` on the grid of releases.
pub(super) fn noised(
    source: &mut NoiseSource,
    sigma: NoiseScale,
    largest: f64,
    weights: &[f64],
) -> Result<(Vec<f32>, NoiseReport), PrivacyError> {
    let mut noised = weights.to_vec();
    let report = source.add_gaussian(sigma, largest, FORMAT, &mut noised)?;
    // Exact: the grid's numbers are binary32 numbers.
    let noised = noised.into_iter().map(|value| value as f32).collect();
    Ok((noised, report))
}

/// What a release might have been: its noise, drawn again and again in memory, for audits.
///
/// Every draw that left this process would be one more release that no ledger counts.
#[derive(Debug)]
pub struct Rehearsal {
    weights: PrivateWeights,
    sigma: NoiseScale,
    largest: f64,
}

impl Rehearsal {
    /// Of a release of these weights with noise σ; `largest` bounds their absolute values by public
    /// knowledge. A certificate's [`NoiseRecord`](rescind_certificate::NoiseRecord) states both.
    #[must_use]
    pub fn new(weights: PrivateWeights, sigma: NoiseScale, largest: f64) -> Self {
        Self {
            weights,
            sigma,
            largest,
        }
    }

    /// The same weights with other noise.
    #[must_use]
    pub fn with_sigma(self, sigma: NoiseScale) -> Self {
        Self { sigma, ..self }
    }

    /// The parameters that a release with noise from `source` would hold.
    ///
    /// # Errors
    /// As [`NoiseSource::add_gaussian`].
    pub fn draw(&self, source: &mut NoiseSource) -> Result<Vec<f32>, PrivacyError> {
        let drawn = noised(source, self.sigma, self.largest, self.weights.values())?;
        Ok(drawn.0)
    }
}
