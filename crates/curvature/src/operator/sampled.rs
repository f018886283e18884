use super::LinearOperator;
use crate::Real;

/// An operator that is the mean of many (one per minibatch) and offers products with a single one
/// of them: what LiSSA needs.
///
/// As a [`LinearOperator`] it is the full mean, from which the final residual is computed.
pub trait SampledOperator<T: Real>: LinearOperator<T> {
    /// Writes `H_j v` into `out`, H_j being the curvature of the minibatch drawn for `(chain,
    /// step)`. The pair determines the minibatch: the same pair gives the same H_j. Different pairs
    /// give independent ones, each with the full operator as its mean.
    fn apply_sample(&self, chain: u64, step: u64, v: &[T], out: &mut [T]);
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<T: Real, O: SampledOperator<T> + ?Sized> SampledOperator<T> for $pointer {
            fn apply_sample(&self, chain: u64, step: u64, v: &[T], out: &mut [T]) {
                (**self).apply_sample(chain, step, v, out);
            }
        }
    )*};
}
forward!(&O, Box<O>);
