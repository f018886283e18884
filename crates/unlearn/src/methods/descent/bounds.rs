//! How far two ends of a descent can be apart.

use crate::ball::Ball;
use crate::descent::ConvexSettings;
use crate::error::Error;
use rescind_privacy::sensitivity::{Constant, Provenance, SensitivityBound, Symbol, Theorem};

/// Bounds on the distance between any two weights at which `‖∇F_r‖ ≤ G`: `2G/μ`, and the diameter
/// of the ball that holds them. Every constant is a setting, so both are proved; the norm measured
/// stays below the first's.
///
/// # Errors
/// [`Error::Privacy`] where a bound is too large to be one.
pub fn bounds(ball: &Ball, settings: &ConvexSettings) -> Result<Vec<SensitivityBound>, Error> {
    let proved = |symbol, value, how: &str| Constant::new(symbol, value, Provenance::Proved, how);
    let radius = proved(
        Symbol::BallRadius,
        ball.radius(),
        "follows from the penalty: the loss at the centre is one that no record can exceed, and \
         neither outcome's can exceed it by more than G^2 / (2 mu)",
    )?;
    let convex = vec![
        proved(
            Symbol::GradientNorm,
            settings.gradient_bound,
            "forgetting goes on until the gradient over all retained records, in double precision, \
             is smaller than this by more than its rounding",
        )?,
        proved(
            Symbol::GradientBound,
            settings.gradient_bound,
            "training and retraining go on until the same, and return nothing before",
        )?,
        proved(
            Symbol::Penalty,
            settings.penalty,
            "the strength of the penalty; the loss is convex, since the outputs are linear in the \
             weights",
        )?,
    ];
    Ok(vec![
        SensitivityBound::new(Theorem::StronglyConvex, convex)?,
        SensitivityBound::new(Theorem::BallDiameter, vec![radius])?,
    ])
}
