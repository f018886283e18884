//! A convex objective seen through the outputs of its model.

mod loss;
mod losses;
mod sampled_rows;
mod tokens;

pub use loss::OutputLoss;
pub use losses::{Losses, OutputTargets};
pub(crate) use sampled_rows::{SampledRow, sample};
pub use tokens::NO_TOKEN;

use crate::error::Error;
use crate::objective::Objective;
use rescind_curvature::Preconditioner;

/// An objective whose model's outputs are linear in the weights: `z = J (w − c)`, and
/// `F(w) = (1/n) Σ ℓ(z_i, y_i) + (μ/2)‖w − c‖²` (docs/theory.md §3).
///
/// Whoever follows z beside w knows F along a whole line for one product with J.
pub trait LinearOutputs: Sync {
    /// c, d elements.
    fn origin(&self) -> &[f32];

    /// μ.
    fn penalty(&self) -> f64;

    /// The losses of its n records, of k outputs each.
    fn losses(&self) -> Losses<'_>;

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

    /// Most additions that a record's term passes through on its way into a gradient in binary64: all
    /// of them, unless it is known how they are summed.
    fn additions(&self) -> usize {
        self.losses().records()
    }

    /// How many outputs have weights of their own and see the same features, so that the squared length
    /// of a record's Jacobian is that share of the sum of its squares: 1, unless it is known.
    fn alike(&self) -> usize {
        1
    }

    /// A preconditioner for the curvature where the outputs predict these means (n × k), made of a
    /// sample of J's rows that `seed` draws, for about what a product with the curvature takes.
    /// None where no output has any curvature.
    ///
    /// # Errors
    /// Means of the wrong number, or values that are not finite.
    fn preconditioner<'a>(
        &'a self,
        means: &[f32],
        seed: u64,
    ) -> Result<Option<Box<dyn Preconditioner<f32> + 'a>>, Error>;
}

/// An [`Objective`] that shows its outputs: what a descent needs of a convex model.
pub trait ConvexObjective: Objective + LinearOutputs {}

impl<T: Objective + LinearOutputs> ConvexObjective for T {}
