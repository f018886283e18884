//! Which noise a release gets: one draw for every entry of the ledger.
//!
//! The generator's seed follows from a secret of the ledger, which gives way to another with every
//! release recorded, and from all that the noise is added to. A release that a crash interrupted
//! before the ledger had it is made again with the same noise, so that two draws for one entry
//! cannot be averaged; whatever differs from it in anything has noise of its own.

use super::decision::Decision;
use super::error::ReleaseError;
use crate::ledger::Ledger;
use rescind_data::Digest;
use rescind_privacy::noise::NoiseSource;
use serde::Serialize;

impl Decision<'_> {
    /// The generator that the order asks for. Noise is added to `weights`, which `process` says
    /// what is done with; `largest` bounds what it is added to.
    pub(super) fn noise_source(
        &self,
        ledger: &Ledger,
        weights: &[f64],
        largest: f64,
        process: &impl Serialize,
    ) -> Result<NoiseSource, ReleaseError> {
        if let Some(seed) = self.basis.insecure_noise_seed {
            return Ok(NoiseSource::insecure_from_seed(seed));
        }
        let (sigma, request) = (self.terms.sigma.value(), self.basis.request.as_ref());
        let records = request.map_or(&[][..], |request| &request.records);
        let settings = serde_json::to_vec(&(
            self.release.number,
            self.basis.noise,
            &self.release.spent,
            records,
            (self.basis.configuration, self.basis.data.retained),
            process,
        ))?;
        let mut hasher = blake3::Hasher::new_derive_key("rescind 2026 noise input v1");
        hasher.update(&(settings.len() as u64).to_le_bytes());
        hasher.update(&settings);
        for value in [sigma, largest].iter().chain(weights) {
            hasher.update(&value.to_le_bytes());
        }
        let input = Digest::from(*hasher.finalize().as_bytes());
        Ok(NoiseSource::from_secret(ledger.noise_seed(&input)?))
    }
}
