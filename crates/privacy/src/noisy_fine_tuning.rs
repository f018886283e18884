//! Noisy fine-tuning (Koloskova et al. 2025), accounted by shifted interpolation (docs/theory.md §4).

use crate::error::{PrivacyError, require};
use crate::gdp::Gdp;
use crate::quantity::{NoiseScale, Sensitivity};
use crate::rounding;

/// The public settings of noisy fine-tuning on the retain set.
///
/// `x_0 = c + Π_{R0}(w* − c)`, then `noisy_steps` times
/// `x ← x − γ (clip_{C1}(ĝ(x)) + λ (x − c)) + N(0, σ²I)`, with ĝ any gradient of the retained
/// records. Whatever the loss, the outcome is μ-GDP against the same steps from any other start,
/// `μ = s/(σ√q)`, with `a = 1 − γλ` and
///
/// `s = 2R0 aᵀ + 2γC1 (1 − aᵀ)/(1 − a)`, `q = (1 − a²ᵀ)/(1 − a²)`
///
/// (`a = 1`: `s = 2R0 + 2γC1T`, `q = T`). This is the least value of the shifted-interpolation
/// bound of Bok, Su & Altschuler (2024) over all ways to spread the shift over the steps. With no
/// noisy step it stands for output perturbation: `x_0 + N(0, σ²I)`, `μ = 2R0/σ`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoisyFineTuning {
    /// R0: the starting point is projected to within this distance of the centre. Above 0.
    pub radius: f64,
    /// γ, above 0; γλ must stay below 1.
    pub step_size: f64,
    /// C1: the norm to which every gradient is clipped. Above 0.
    pub clip_norm: f64,
    /// λ, the pull towards the centre. At least 0.
    pub weight_decay: f64,
    /// T, at most 10¹⁵; 0 is output perturbation.
    pub noisy_steps: u64,
}

/// Beyond this, T is no longer exact where it is used.
const MOST_STEPS: u64 = 1_000_000_000_000_000;

impl NoisyFineTuning {
    /// `s/√q`, rounded up: noise σ per step hides as much as noise σ added once to something of
    /// this sensitivity.
    ///
    /// # Errors
    /// [`PrivacyError::OutOfRange`] for settings outside the ranges of the fields, or a result
    /// beyond that of [`Sensitivity`].
    pub fn effective_sensitivity(&self) -> Result<Sensitivity, PrivacyError> {
        self.validate()?;
        if self.noisy_steps == 0 {
            return Sensitivity::rounded_up(2.0 * self.radius);
        }
        let (shift, weight) = self.shift_and_weight();
        Sensitivity::rounded_up(shift / weight.sqrt())
    }

    /// How far from the centre a coordinate of the iterate before the last noise can lie:
    /// `s/2 + 16 σ √q`, beyond which the noise of the steps before reaches with a probability of
    /// 1e-57 (`R0` without noisy steps). It depends on public settings only.
    ///
    /// # Errors
    /// As [`Self::effective_sensitivity`].
    pub fn reach(&self, noise: NoiseScale) -> Result<f64, PrivacyError> {
        self.validate()?;
        if self.noisy_steps == 0 {
            return Ok(self.radius.next_up());
        }
        let (shift, weight) = self.shift_and_weight();
        Ok(rounding::up(
            shift / 2.0 + 16.0 * noise.value() * weight.sqrt(),
        ))
    }

    /// What the iterate after the last noise is, seen from the centre: something no longer than the
    /// first number, and independent Gaussian noise whose standard deviation is the second.
    ///
    /// # Errors
    /// As [`Self::effective_sensitivity`].
    pub fn parts(&self, noise: NoiseScale) -> Result<(f64, f64), PrivacyError> {
        self.validate()?;
        if self.noisy_steps == 0 {
            return Ok((self.radius, noise.value()));
        }
        let (shift, weight) = self.shift_and_weight();
        Ok((shift / 2.0, noise.value() * weight.sqrt()))
    }

    /// s and q for at least one noisy step, rounded so that `s/√q` errs upwards.
    fn shift_and_weight(&self) -> (f64, f64) {
        let steps = self.noisy_steps as f64;
        let (start, kick) = (2.0 * self.radius, 2.0 * self.step_size * self.clip_norm);
        // s/√q grows with a, so the contraction 1 − a is rounded down.
        let contraction = (self.step_size * self.weight_decay).next_down().max(0.0);
        if contraction <= 0.0 {
            return (start + kick * steps, steps);
        }
        // expm1 and log1p keep every digit for a near 1; libm's are the same on every machine.
        let exponent = steps * libm::log1p(-contraction);
        // The error of the exponent is a relative error of the power, and grows with it.
        let safety = 1.0 + 4.0 * f64::EPSILON * (4.0 - exponent).min(1e3);
        let remaining = libm::exp(exponent).max(f64::MIN_POSITIVE) * safety;
        let shift = remaining * start + kick * (-libm::expm1(exponent) / contraction);
        let weight = -libm::expm1(2.0 * exponent) / (contraction * (2.0 - contraction));
        (shift, weight)
    }

    /// What noise of standard deviation `noise` per step guarantees.
    ///
    /// # Errors
    /// As [`Self::effective_sensitivity`], and if μ exceeds 1e150.
    pub fn gdp(&self, noise: NoiseScale) -> Result<Gdp, PrivacyError> {
        Gdp::of_release(self.effective_sensitivity()?, noise)
    }

    /// The least noise per step that guarantees `target`, rounded up.
    ///
    /// # Errors
    /// As [`Self::effective_sensitivity`], and for a σ outside the range of [`NoiseScale`].
    pub fn noise_scale(&self, target: Gdp) -> Result<NoiseScale, PrivacyError> {
        target.noise_scale(self.effective_sensitivity()?)
    }

    fn validate(&self) -> Result<(), PrivacyError> {
        let positive = |v: f64| v.is_finite() && v > 0.0;
        let above_zero = "a finite number above 0";
        require(
            positive(self.radius),
            "the start radius R0 of noisy fine-tuning",
            self.radius,
            above_zero,
            "use the radius to which the starting weights are projected",
        )?;
        require(
            positive(self.step_size),
            "the step size gamma of noisy fine-tuning",
            self.step_size,
            above_zero,
            "use the learning rate of the noisy steps",
        )?;
        require(
            positive(self.clip_norm),
            "the clipping norm C1 of noisy fine-tuning",
            self.clip_norm,
            above_zero,
            "without clipping, a step has no bounded effect and nothing is guaranteed",
        )?;
        require(
            self.weight_decay.is_finite() && self.weight_decay >= 0.0,
            "the weight decay lambda of noisy fine-tuning",
            self.weight_decay,
            "a finite number, at least 0",
            "use 0 for no pull towards the centre",
        )?;
        let contraction = self.step_size * self.weight_decay;
        require(
            contraction < 1.0,
            "step size times weight decay of noisy fine-tuning",
            contraction,
            "below 1",
            "lower one of them: the steps must not overshoot the centre",
        )?;
        require(
            self.noisy_steps <= MOST_STEPS,
            "the number of noisy steps",
            self.noisy_steps as f64,
            "at most 1e15",
            "use fewer steps",
        )
    }
}
