//! What is asked of noisy fine-tuning.

use crate::error::Error;
use crate::setting::require;
use serde::{Deserialize, Serialize};

/// Settings of noisy fine-tuning; what is absent is chosen by
/// [`FinetuneSchedule::choose`](super::FinetuneSchedule::choose). Output perturbation has no noisy
/// step, and then only `start_radius` and `recovery_epochs` mean anything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FinetuneSettings {
    /// T, the number of noisy steps.
    pub noisy_steps: Option<u64>,
    /// R0 > 0, at most the ball's radius: the start is projected to within this distance of the
    /// centre.
    pub start_radius: Option<f64>,
    /// γ > 0, the step size; γλ must stay below 1.
    pub step_size: Option<f64>,
    /// C1 > 0, the norm to which gradients are clipped; 1 if absent.
    pub clip_norm: Option<f64>,
    /// λ ≥ 0, the pull towards the centre; 0 if absent.
    pub weight_decay: Option<f64>,
    /// Records in a minibatch of a noisy step, at least 1; the training's if absent.
    pub minibatch: Option<usize>,
    /// Epochs of training after the noise; 0 for none.
    pub recovery_epochs: Option<u64>,
    /// Seed of the order of minibatches.
    pub seed: u64,
}

impl FinetuneSettings {
    /// Checks every setting that is given.
    ///
    /// # Errors
    /// [`Error::Setting`] names the first that is out of range.
    pub fn validate(&self) -> Result<(), Error> {
        let positive = |name, value: Option<f64>| {
            let value = value.unwrap_or(1.0);
            let valid = value > 0.0 && value.is_finite();
            require(valid, name, value, "a finite number above 0")
        };
        positive("the start radius R0", self.start_radius)?;
        positive("the step size gamma", self.step_size)?;
        positive("the clipping norm C1", self.clip_norm)?;
        let decay = self.weight_decay.unwrap_or(0.0);
        require(
            decay >= 0.0 && decay.is_finite(),
            "the weight decay lambda",
            decay,
            "a finite number of at least 0",
        )?;
        require(
            self.minibatch != Some(0),
            "the minibatch of the noisy steps",
            0.0,
            "at least 1 record",
        )
    }
}
