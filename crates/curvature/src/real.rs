//! The scalars this crate computes with.

use std::fmt::{Debug, Display};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// `f32` or `f64`: the precision in which vectors are stored and products are taken.
///
/// Whatever is summed (dots, norms, small matrices) is summed in `f64`. The trait is sealed:
/// tolerances and rounding allowances here are argued for these two types only.
pub trait Real:
    num_traits::Float + Debug + Display + Default + Send + Sync + sealed::Sealed + 'static
{
    /// The value as `f64`, exactly.
    fn widen(self) -> f64;

    /// The value of this type nearest to `value`; too large a value becomes infinite.
    fn narrow(value: f64) -> Self;

    /// The gap between 1 and the next larger value of this type, as `f64`.
    fn precision() -> f64 {
        Self::epsilon().widen()
    }
}

impl Real for f32 {
    #[inline]
    fn widen(self) -> f64 {
        f64::from(self)
    }

    #[inline]
    fn narrow(value: f64) -> Self {
        value as f32
    }
}

impl Real for f64 {
    #[inline]
    fn widen(self) -> f64 {
        self
    }

    #[inline]
    fn narrow(value: f64) -> Self {
        value
    }
}
