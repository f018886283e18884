//! The classical Gaussian mechanism, kept for comparison with older work.

use crate::analytic::refuse_empty_promise;
use crate::error::{PrivacyError, require};
use crate::quantity::{Delta, Epsilon, NoiseScale, Sensitivity};
use crate::rounding;

/// `σ = Δ √(2 ln(1.25/δ)) / ε`, rounded up (Dwork & Roth 2014, Theorem A.1).
///
/// Always more noise than [`analytic::calibrate`](crate::analytic::calibrate) needs.
///
/// # Errors
/// [`PrivacyError::OutOfRange`] unless `0 < ε ≤ 1`, the range in which it is proved, and for
/// δ = 1 or a σ outside the range of [`NoiseScale`].
pub fn calibrate(
    epsilon: Epsilon,
    delta: Delta,
    sensitivity: Sensitivity,
) -> Result<NoiseScale, PrivacyError> {
    require(
        epsilon.value() > 0.0 && epsilon.value() <= 1.0,
        "epsilon of the classical Gaussian mechanism",
        epsilon.value(),
        "above 0 and at most 1, where its formula is proved",
        "use the analytic Gaussian mechanism, which holds for every epsilon and needs less noise",
    )?;
    refuse_empty_promise(delta)?;
    // libm rather than the system's logarithm: the same answer on every machine.
    let root = (2.0 * (libm::log(1.25) - libm::log(delta.value()))).sqrt();
    NoiseScale::new(rounding::up(sensitivity.value() * root / epsilon.value()))
}
