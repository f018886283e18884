//! Linear operators: what a solver knows of a curvature matrix.

mod counted;
mod damped;
mod dense;
mod sampled;
mod scaled;
mod summed;

pub use counted::Counted;
pub use damped::Damped;
pub use dense::{DenseOperator, NotSquare};
pub use sampled::SampledOperator;
pub use scaled::Scaled;
pub use summed::{Summed, UnequalDimensions};

use crate::Real;

/// A symmetric matrix of size d × d, known by its products with vectors.
///
/// Symmetry is a promise of the implementation. Products cannot fail: an implementation that meets
/// trouble writes NaN, which every solver detects and names. The same vector must give the same
/// product every time.
pub trait LinearOperator<T: Real>: Sync {
    /// The size d.
    fn dim(&self) -> usize;

    /// Writes `A v` into `out`, overwriting it. `v` and `out` hold d elements; callers in this
    /// crate have checked that, and an implementation need not.
    fn apply(&self, v: &[T], out: &mut [T]);

    /// Products with several vectors at once: `vs` and `outs` hold them one after another, d
    /// elements each. The default takes one product after another; override it where a block of
    /// products costs less.
    fn apply_block(&self, vs: &[T], outs: &mut [T]) {
        let dim = self.dim().max(1);
        for (v, out) in vs.chunks_exact(dim).zip(outs.chunks_exact_mut(dim)) {
            self.apply(v, out);
        }
    }
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<T: Real, O: LinearOperator<T> + ?Sized> LinearOperator<T> for $pointer {
            fn dim(&self) -> usize {
                (**self).dim()
            }

            fn apply(&self, v: &[T], out: &mut [T]) {
                (**self).apply(v, out);
            }

            fn apply_block(&self, vs: &[T], outs: &mut [T]) {
                (**self).apply_block(vs, outs);
            }
        }
    )*};
}
forward!(&O, Box<O>);
