//! Noise that would destroy the model.

use rescind_certificate::{nearest, upward};
use rescind_privacy::sensitivity::{GuaranteeKind, Theorem};
use rescind_privacy::{NoiseScale, PrivacyError, analytic};

/// The promise asked for needs noise at least as long as the weights themselves: the numbers, and
/// what would work. For the operator's eyes: it quotes the norm of un-noised weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// ε asked for.
    pub epsilon: f64,
    /// δ asked for.
    pub delta: f64,
    /// The bound that binds.
    pub binding: Theorem,
    /// What it rests on.
    pub kind: GuaranteeKind,
    /// Δ, its value.
    pub sensitivity: f64,
    /// σ that (ε, δ) needs.
    pub sigma: f64,
    /// d.
    pub parameters: u64,
    /// σ√d, how far the noise would move the weights.
    pub noise_norm: f64,
    /// ‖w‖.
    pub weights_norm: f64,
    /// A σ that the weights would bear: a tenth of ‖w‖/√d or less, a power of ten, so that little is
    /// told of the weights by one who takes it.
    pub bearable_sigma: f64,
    /// The ε at δ that it gives.
    pub bearable_epsilon: Option<f64>,
    /// The Δ for which it would give (ε, δ).
    pub bearable_sensitivity: f64,
}

/// Relative length of noise that a model is taken to bear.
const BEARABLE: f64 = 0.1;

/// The refusal for these terms, if they deserve one: σ√d ≥ ‖w‖.
pub(super) fn judge(
    terms: &rescind_certificate::Terms,
    noise_norm: f64,
    parameters: u64,
    weights_norm: f64,
) -> Result<Option<Refusal>, PrivacyError> {
    if noise_norm < weights_norm {
        return Ok(None);
    }
    let guarantee = &terms.guarantee;
    let sigma = terms.sigma.value();
    let bearable_sigma = round(BEARABLE * weights_norm / (parameters as f64).sqrt());
    let bearable_epsilon = match NoiseScale::new(bearable_sigma) {
        Ok(bearable) => {
            let delta = terms.mechanism_delta;
            Some(analytic::epsilon(delta, terms.sensitivity, bearable)?.value())
        }
        Err(_) => None,
    };
    let sensitivity = terms.sensitivity.value();
    Ok(Some(Refusal {
        epsilon: guarantee.epsilon.value(),
        delta: guarantee.delta.value(),
        binding: guarantee.binding,
        kind: guarantee.kind,
        sensitivity,
        sigma,
        parameters,
        noise_norm,
        weights_norm,
        bearable_sigma,
        bearable_epsilon,
        bearable_sensitivity: sensitivity / sigma * bearable_sigma,
    }))
}

/// The power of ten at or below an amount; 0 where there is none.
fn round(amount: f64) -> f64 {
    match amount.log10().floor() {
        exponent if exponent.is_finite() => 10f64.powf(exponent),
        _ => 0.0,
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [epsilon, delta] = [self.epsilon, self.delta].map(upward);
        writeln!(
            f,
            "refused: epsilon = {epsilon} at delta = {delta} needs noise that would destroy the \
             model; nothing was released."
        )?;
        writeln!(
            f,
            "The tightest valid bound on the distance from retraining is {} ({}): {}. It needs \
             sigma = {} on each of {} weights, which moves them by about {}; the weights \
             themselves have length {}.",
            nearest(self.sensitivity),
            self.binding,
            self.kind,
            nearest(self.sigma),
            self.parameters,
            nearest(self.noise_norm),
            nearest(self.weights_norm),
        )?;
        writeln!(f, "What would work:")?;
        if let Some(bearable) = self.bearable_epsilon {
            writeln!(
                f,
                "- give sigma itself: {} is what these weights bear, and gives epsilon = {} at \
                 delta = {delta};",
                nearest(self.bearable_sigma),
                upward(bearable),
            )?;
        }
        if let Theorem::NoisyFineTuning | Theorem::OutputPerturbation = self.binding {
            writeln!(
                f,
                "- a recovery: training on after the noise, on the retained records, costs no \
                 epsilon;"
            )?;
        }
        let bearable = nearest(self.bearable_sensitivity);
        if self.bearable_sensitivity == 0.0 {
            // Weights of no length bear nothing.
        } else if let Theorem::StronglyConvex = self.binding {
            writeln!(
                f,
                "- a bound of at most {bearable}: train again to a smaller gradient, or with a larger \
                 penalty (rescind train --until-gradient, --mu);"
            )?;
        } else {
            writeln!(
                f,
                "- a bound of at most {bearable}, as a strongly convex model (a convex head or a \
                 tangent model) can prove, or noisy fine-tuning, which spreads the noise over many \
                 steps;"
            )?;
        }
        write!(
            f,
            "- accept the noise, and with it a model that is probably of no use.\nThe weights' length \
             was measured before any noise, and is for you alone: so is that it was the reason. What \
             is chosen by it and published tells of the records."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::round;

    #[test]
    fn what_is_recommended_tells_little_of_what_was_measured() {
        for (amount, power) in [
            (0.101376, 0.1),
            (0.113292, 0.1),
            (0.099, 0.01),
            (1.0, 1.0),
            (57.0, 10.0),
        ] {
            assert!((round(amount) - power).abs() < 1e-15 * power, "{amount}");
        }
        assert!(round(0.0).abs() == 0.0 && round(f64::NAN).abs() == 0.0);
    }
}
