//! What the curvature at a run's weights is like.

use super::Run;
use crate::error::Error;
use rescind_curvature::{Control, LanczosSettings, SpectrumEstimate, SuggestedDamping};
use rescind_unlearn::methods::newton::{LipschitzEstimate, LipschitzSettings, interrupted};
use rescind_unlearn::{Curvature, Objective, Observer, Phase, Watched, relay};
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
    /// Parts of the model that leave the Hessian without a Lipschitz constant, whatever is
    /// estimated.
    pub rough_parts: Vec<String>,
    /// The estimate of the Hessian-Lipschitz constant, if asked for.
    pub hessian_lipschitz: Option<LipschitzEstimate>,
}

impl Run {
    /// Measures the spectrum of the curvature at the private weights, over the records retained.
    ///
    /// # Errors
    /// A run without weights; settings out of range, or too few steps for the failure probability;
    /// Interruption.
    pub fn spectrum(
        &self,
        settings: &SpectrumSettings,
        observer: &mut dyn Observer,
    ) -> Result<Spectrum, Error> {
        self.model_is_here()?;
        let (record, state) = self.trained()?;
        let all = self.objective(&self.retained, &state.weights.statistics)?;
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
            let operator = Watched::new(objective.curvature(w, settings.curvature)?);
            let mut relay = relay(observer, Phase::Spectrum, Some(settings.steps as u64));
            let control = &mut Control::new(&mut relay);
            let measured = SpectrumEstimate::measure(&operator, lanczos, control);
            operator.outcome(measured.map_err(interrupted))?
        };
        let (condition, failure) = (settings.condition_number, settings.failure_probability);
        let suggestion = SuggestedDamping::new(&extremes, condition, failure)?;
        let hessian_lipschitz = match settings.hessian_lipschitz {
            None => None,
            Some(asked) => {
                let before = match record.answered.checked_sub(1) {
                    Some(answered) => self.after_requests(answered)?,
                    None => None,
                };
                let before = before.as_ref().map(|weights| &*weights.parameters);
                Some(LipschitzEstimate::measure(
                    objective, w, before, asked, observer,
                )?)
            }
        };
        Ok(Spectrum {
            records: objective.records(),
            extremes,
            suggestion,
            rough_parts: self.setup.model.description().smoothness.rough_parts(),
            hessian_lipschitz,
        })
    }
}
