//! A convex objective seen through the outputs of its model.

use crate::error::Error;
use crate::objective::Objective;
use rescind_curvature::Preconditioner;

/// An objective whose model's outputs are linear in the weights: `z = J (w − c)`, and
/// `F(w) = (1/n) Σ ℓ_i(z_i) + (μ/2)‖w − c‖²` with softmax cross-entropy ℓ (docs/theory.md §3).
///
/// Whoever follows z beside w knows F along a whole line for one product with J.
pub trait LinearOutputs: Sync {
    /// c, d elements.
    fn origin(&self) -> &[f32];

    /// μ.
    fn penalty(&self) -> f64;

    /// The records' classes, n of them.
    fn labels(&self) -> &[u32];

    /// Number k of outputs.
    fn outputs(&self) -> usize;

    /// `J v`, n × k.
    ///
    /// # Errors
    /// A `v` of the wrong length.
    fn forward(&self, v: &[f32]) -> Result<Vec<f32>, Error>;

    /// Writes `Jᵀ u`, d elements, for u of shape n × k.
    ///
    /// # Errors
    /// A `u` or `out` of the wrong length.
    fn transposed(&self, u: &[f32], out: &mut [f32]) -> Result<(), Error>;

    /// A preconditioner for the curvature where the outputs' probabilities are these (n × k), made
    /// of a sample of J's rows that `seed` draws, for about what a product with the
    /// curvature takes. None where no output has any curvature.
    ///
    /// # Errors
    /// Probabilities of the wrong number, or values that are not finite.
    fn preconditioner<'a>(
        &'a self,
        probabilities: &[f32],
        seed: u64,
    ) -> Result<Option<Box<dyn Preconditioner<f32> + 'a>>, Error>;
}

/// An [`Objective`] that shows its outputs: what a descent needs of a convex model.
pub trait ConvexObjective: Objective + LinearOutputs {}

impl<T: Objective + LinearOutputs> ConvexObjective for T {}
