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
    /// The gradient norm at which training is asked to stop, if it is. Training may end without
    /// getting there, so that it bounds the reference run's gradient only by assumption.
    pub gradient_stop: Option<f64>,
    /// Whether the model has batch norm. Its statistics are those of the records trained on, so
    /// that the reference run's objective is another function and the theorem gives no bound.
    pub batch_norm: bool,
    /// A preconditioner kept from an earlier request.
    pub kept: Option<&'a NystromPreconditioner<f32>>,
}
