//! The one place where noise is added to weights.

use super::weights::PrivateWeights;
use rescind_privacy::noise::{NoiseReport, NoiseSource, ReleaseFormat};
use rescind_privacy::{NoiseScale, PrivacyError};
use rescind_unlearn::{ModelDescription, Moving};

/// The number format of every release.
pub(super) const FORMAT: ReleaseFormat = ReleaseFormat::F32;

/// `w + N(0, σ²I)` on the grid of releases, where the model moves, and `elsewhere` what is given for
/// there: of a release the public centre, so that no private number leaves without noise.
pub(super) fn noised(
    source: &mut NoiseSource,
    sigma: NoiseScale,
    largest: f64,
    (weights, moving): (&[f64], &Moving),
    elsewhere: Vec<f32>,
) -> Result<(Vec<f32>, NoiseReport), PrivacyError> {
    let mut noised = moving.of(weights);
    let report = source.add_gaussian(sigma, largest, FORMAT, &mut noised)?;
    let mut all = elsewhere;
    for (place, value) in moving.places().zip(noised) {
        // Exact: the grid's numbers are binary32 numbers.
        all[place] = value as f32;
    }
    Ok((all, report))
}

/// What a release might have been: its noise, drawn again and again in memory, for audits.
///
/// Every draw that left this process would be one more release that no ledger counts.
#[derive(Debug)]
pub struct Rehearsal {
    weights: PrivateWeights,
    moving: Moving,
    sigma: NoiseScale,
    largest: f64,
}

impl Rehearsal {
    /// Of a release of these weights of the model with noise σ; `largest` bounds their absolute values by public
    /// knowledge. A certificate's [`NoiseRecord`](rescind_certificate::NoiseRecord) states both.
    #[must_use]
    pub fn new(
        (model, weights): (&ModelDescription, PrivateWeights),
        sigma: NoiseScale,
        largest: f64,
    ) -> Self {
        Self {
            weights,
            moving: model.moving(),
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
        let values = self.weights.values();
        let elsewhere = rescind_unlearn::narrowed(values);
        let weights = (values, &self.moving);
        let drawn = noised(source, self.sigma, self.largest, weights, elsewhere)?;
        Ok(drawn.0)
    }
}
