//! What the curvature at a run's weights is like.

use super::Run;
use crate::methods::newton::{LipschitzEstimate, LipschitzSettings, interrupted};
use crate::observer::{Observer, Phase, relay};
use crate::{Curvature, Error, Objective};
use rescind_curvature::{Control, LanczosSettings, SpectrumEstimate, SuggestedDamping};
use serde::{Deserialize, Serialize};

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpectrumSettings {
    /// Which curvature matrix, over the records retained.
    pub curvature: Curvature,
    /// Over about this many of them, drawn by `seed`, a network's where its outputs are curved and
    /// weighted to make up for it; over all if absent.
    pub subsample: Option<usize>,
    /// Lanczos steps, one product each.
    pub steps: usize,
    /// Probability that the bounds on the extreme eigenvalues fail, in (0, 1).
    pub failure_probability: f64,
    /// Condition number that the suggested damping aims at, above 1.
    pub condition_number: f64,
    /// Whether to estimate a Hessian-Lipschitz constant too.
    pub hessian_lipschitz: Option<LipschitzSettings>,
    /// Seed of the start and the subsample.
    pub seed: u64,
}

impl Default for SpectrumSettings {
    /// The Hessian over all records, 100 steps, failure probability 1e-6, condition number 1000.
    fn default() -> Self {
        SpectrumSettings {
            curvature: Curvature::Hessian,
            subsample: None,
            steps: 100,
            failure_probability: 1e-6,
            condition_number: 1e3,
            hessian_lipschitz: None,
            seed: 0,
        }
    }
}

/// What was measured at the private weights. Keep it private too: it is computed from the records
/// and carries no noise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spectrum {
    /// Records it was taken over.
    pub records: usize,
    /// The Ritz values at both ends.
    pub extremes: SpectrumEstimate,
    /// A damping, with the bounds on the extreme eigenvalues that it follows from.
    pub suggestion: SuggestedDamping,
    /// Layers that leave the Hessian without a Lipschitz constant, whatever is estimated.
    pub non_smooth_layers: Vec<String>,
    /// The estimate of the Hessian-Lipschitz constant, if asked for.
    pub hessian_lipschitz: Option<LipschitzEstimate>,
}

impl Run {
    /// Measures the spectrum of the curvature at the private weights, over the records retained.
    ///
    /// # Errors
    /// A run without weights; settings out of range, or too few steps for the failure probability;
    /// [`Error::Interrupted`].
    pub fn spectrum(
        &self,
        settings: &SpectrumSettings,
        observer: &mut dyn Observer,
    ) -> Result<Spectrum, Error> {
        let (record, state) = self.trained()?;
        let model = self.model(state.weights.statistics.clone());
        let all = self.objective(&model, &record.retained)?;
        let w = &state.weights.parameters;
        let subset = match settings.subsample {
            Some(records) if records < all.records() => {
                Some(all.curved_subset(w, records, settings.seed)?)
            }
            _ => None,
        };
        let objective: &dyn Objective = subset.as_deref().unwrap_or(&*all);
        let lanczos = LanczosSettings {
            steps: settings.steps,
            seed: settings.seed,
        };
        let extremes = {
            let operator = objective.curvature(w, settings.curvature)?;
            let mut relay = relay(observer, Phase::Spectrum, Some(settings.steps as u64));
            let control = &mut Control::new(&mut relay);
            SpectrumEstimate::measure(&operator, lanczos, control).map_err(interrupted)?
        };
        let (condition, failure) = (settings.condition_number, settings.failure_probability);
        let suggestion = SuggestedDamping::new(&extremes, condition, failure)?;
        let hessian_lipschitz = match settings.hessian_lipschitz {
            None => None,
            Some(asked) => {
                let before = self.before_last_request(record)?;
                let before = before.as_deref();
                Some(LipschitzEstimate::measure(
                    objective, w, before, asked, observer,
                )?)
            }
        };
        // The outputs of a convex model are linear in the weights.
        let rough = match self.config.parameterisation.is_convex() {
            true => Vec::new(),
            false => self.network.non_smooth_layers(),
        };
        Ok(Spectrum {
            records: objective.records(),
            extremes,
            suggestion,
            non_smooth_layers: rough.into_iter().map(str::to_owned).collect(),
            hessian_lipschitz,
        })
    }

    /// The weights before the last request, if there was one and they were kept.
    fn before_last_request(&self, now: &super::StateRecord) -> Result<Option<Vec<f32>>, Error> {
        let Some(answered) = now.requests.len().checked_sub(1) else {
            return Ok(None);
        };
        for number in self.store.numbers()?.into_iter().rev() {
            if self.store.record(number)?.requests.len() == answered {
                let found = self.store.read(&self.network, Some(number))?;
                return Ok(found.map(|(_, state)| state.weights.parameters));
            }
        }
        Ok(None)
    }
}
