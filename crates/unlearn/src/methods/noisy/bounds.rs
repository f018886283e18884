//! The bound of a schedule.

use crate::error::Error;
use rescind_privacy::NoisyFineTuning;
use rescind_privacy::sensitivity::{Constant, Provenance, SensitivityBound, Symbol, Theorem};

/// The bound of a schedule: all its constants are settings, so it is proved.
///
/// # Errors
/// [`Error::Privacy`] for settings out of range.
pub fn bound(schedule: &NoisyFineTuning) -> Result<SensitivityBound, Error> {
    let constant = |symbol, value, how| Constant::new(symbol, value, Provenance::Proved, how);
    let radius = constant(
        Symbol::StartRadius,
        schedule.radius,
        "a setting of the request; the mechanism projects the start",
    )?;
    if schedule.noisy_steps == 0 {
        let theorem = Theorem::OutputPerturbation;
        return Ok(SensitivityBound::new(theorem, vec![radius])?);
    }
    let constants = vec![
        radius,
        constant(
            Symbol::StepSize,
            schedule.step_size,
            "a setting of the request",
        )?,
        constant(
            Symbol::ClipNorm,
            schedule.clip_norm,
            "a setting of the request; the mechanism clips every gradient",
        )?,
        constant(
            Symbol::WeightDecay,
            schedule.weight_decay,
            "a setting of the request",
        )?,
        constant(
            Symbol::NoisySteps,
            schedule.noisy_steps as f64,
            "a setting of the request; the mechanism adds noise at every step",
        )?,
    ];
    let theorem = Theorem::NoisyFineTuning;
    Ok(SensitivityBound::new(theorem, constants)?)
}
