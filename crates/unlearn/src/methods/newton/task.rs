//! What a Newton step starts from.

use crate::ball::Ball;
use crate::objective::Objective;
use rescind_curvature::NystromPreconditioner;

/// What a step starts from.
pub struct NewtonTask<'a> {
    /// The private weights w*, inside the ball.
    pub weights: &'a [f32],
    /// The objective over the records that stay.
    pub retain: &'a dyn Objective,
    /// The objective over the records that go, with the same penalty: where the right-hand side is
    /// made of it.
    pub forget: Option<&'a dyn Objective>,
    /// How many records are forgotten.
    pub forgotten: usize,
    /// Where the weights must stay.
    pub ball: &'a Ball,
    /// The gradient bound G of the reference run, where it follows from how training stops.
    pub proved_gradient_bound: Option<f64>,
    /// A preconditioner kept from an earlier request.
    pub kept: Option<&'a NystromPreconditioner<f32>>,
}
