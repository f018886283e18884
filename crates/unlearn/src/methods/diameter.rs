//! The bound that every method has: both outcomes lie in one ball.

use crate::ball::Ball;
use crate::error::Error;
use rescind_privacy::sensitivity::{Constant, Provenance, SensitivityBound, Symbol, Theorem};

/// The diameter of the ball: both outcomes are projected into it.
///
/// # Errors
/// [`Error::Privacy`] for a radius that is too large for a bound.
pub fn diameter(ball: &Ball) -> Result<SensitivityBound, Error> {
    let radius = Constant::new(
        Symbol::BallRadius,
        ball.radius(),
        Provenance::Proved,
        "a setting of the run; what forgetting leaves lies in the ball, and so does what the run trains",
    )?;
    Ok(SensitivityBound::new(Theorem::BallDiameter, vec![radius])?)
}
