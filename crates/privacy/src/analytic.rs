//! The analytic Gaussian mechanism (Balle & Wang 2018, Theorem 8; docs/theory.md §1), in every direction.
//!
//! Releasing `w + N(0, σ²I)`, where `w` moves by at most Δ, satisfies (ε, δ) if and only if
//! `δ ≥ Φ(Δ/2σ − εσ/Δ) − e^ε Φ(−Δ/2σ − εσ/Δ)`. Each function solves this for one of the numbers and
//! rounds towards more noise, greater ε or greater δ. Answers are good to a few units in the last
//! place, for any ε ≥ 0 and any δ down to 2.3e-308 (a tiny ε beside a large δ to a part in 1e11).

use twofloat::TwoFloat;

use crate::bisection::least;
use crate::error::{PrivacyError, require};
use crate::profile::{MU_MAX, delta_upper};
use crate::quantity::{Delta, Epsilon, NoiseScale, Sensitivity};

/// The least σ for which the release satisfies (ε, δ).
///
/// ```
/// use rescind_privacy::{Delta, Epsilon, Sensitivity, analytic};
///
/// let sigma = analytic::calibrate(
///     Epsilon::new(1.0)?,
///     Delta::new(1e-5)?,
///     Sensitivity::new(1.0)?,
/// )?;
/// assert!((sigma.value() - 3.730_631_634).abs() < 1e-8);
/// # Ok::<(), rescind_privacy::PrivacyError>(())
/// ```
///
/// # Errors
/// [`PrivacyError::OutOfRange`] for δ = 1, which any noise satisfies, and for a σ that would be
/// outside the range of [`NoiseScale`].
pub fn calibrate(
    epsilon: Epsilon,
    delta: Delta,
    sensitivity: Sensitivity,
) -> Result<NoiseScale, PrivacyError> {
    refuse_empty_promise(delta)?;
    // By the parameter as it is written down, rounded up: whoever computes ε from that finds at most
    // the ε asked for.
    let satisfied = |sigma: f64| {
        let mu = written_ratio(sensitivity.value(), sigma);
        mu <= MU_MAX && delta_upper(epsilon.value(), TwoFloat::from(mu)) <= delta.value()
    };
    match least(1e-150, 1e150, satisfied) {
        Some(sigma) => NoiseScale::new(sigma),
        None => NoiseScale::new(f64::INFINITY),
    }
}

/// The least ε for which the release satisfies (ε, δ); 0 where δ alone
/// covers the whole difference.
///
/// # Errors
/// [`PrivacyError::OutOfRange`] if Δ/σ exceeds 1e150.
pub fn epsilon(
    delta: Delta,
    sensitivity: Sensitivity,
    noise: NoiseScale,
) -> Result<Epsilon, PrivacyError> {
    epsilon_of(delta, ratio(sensitivity, noise)?)
}

/// The least δ for which the release satisfies (ε, δ).
///
/// # Errors
/// [`PrivacyError::OutOfRange`] if Δ/σ exceeds 1e150.
pub fn delta(
    epsilon: Epsilon,
    sensitivity: Sensitivity,
    noise: NoiseScale,
) -> Result<Delta, PrivacyError> {
    let mu = ratio(sensitivity, noise)?;
    Ok(Delta::from_upper_bound(delta_upper(epsilon.value(), mu)))
}

/// The least ε of a release with `Δ/σ = mu`, which must not exceed `MU_MAX`.
pub(crate) fn epsilon_of(delta: Delta, mu: TwoFloat) -> Result<Epsilon, PrivacyError> {
    let satisfied = |epsilon: f64| delta_upper(epsilon, mu) <= delta.value();
    // At the greatest f64, far above MU_MAX², δ is as small as it can be stated.
    Epsilon::new(least(0.0, f64::MAX, satisfied).unwrap_or(f64::INFINITY))
}

/// Refuses δ = 1, for which there is no least noise.
pub(crate) fn refuse_empty_promise(delta: Delta) -> Result<(), PrivacyError> {
    require(
        delta.value() < 1.0,
        "delta",
        delta.value(),
        "below 1",
        "a promise that may always be broken needs no noise and protects nobody",
    )
}

/// Δ/σ, refused where ε could not be written down.
fn ratio(sensitivity: Sensitivity, noise: NoiseScale) -> Result<TwoFloat, PrivacyError> {
    let mu = quotient(sensitivity.value(), noise.value());
    require(
        mu.hi() <= MU_MAX,
        "the ratio of sensitivity to noise",
        mu.hi(),
        "at most 1e150",
        "use more noise: as it stands, the release hides nothing",
    )?;
    Ok(mu)
}

/// Δ/σ rounded up to binary64, as it is written down.
pub(crate) fn written_ratio(sensitivity: f64, noise: f64) -> f64 {
    let mu = quotient(sensitivity, noise);
    if mu.lo() > 0.0 {
        mu.hi().next_up()
    } else {
        mu.hi()
    }
}

fn quotient(sensitivity: f64, noise: f64) -> TwoFloat {
    TwoFloat::new_div(sensitivity, noise)
}
