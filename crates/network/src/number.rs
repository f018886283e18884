//! Arithmetic on the two number types a network computes in.

use crate::lanes::Lanes;
use num_traits::Float;
use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{AddAssign, MulAssign, SubAssign};

/// What kernels ask of `f32` and `f64`.
pub trait Number:
    Lanes
    + Float
    + Default
    + AddAssign
    + SubAssign
    + MulAssign
    + Sum
    + Debug
    + Display
    + Send
    + Sync
    + 'static
{
    /// The type's name in a weights file.
    const DTYPE: safetensors::Dtype;

    /// The nearest value to `x`.
    fn of(x: f64) -> Self;

    /// This value, exactly, in double precision.
    fn as_f64(self) -> f64;
}

impl Number for f32 {
    const DTYPE: safetensors::Dtype = safetensors::Dtype::F32;

    #[inline(always)]
    fn of(x: f64) -> Self {
        x as f32
    }

    #[inline(always)]
    fn as_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Number for f64 {
    const DTYPE: safetensors::Dtype = safetensors::Dtype::F64;

    #[inline(always)]
    fn of(x: f64) -> Self {
        x
    }

    #[inline(always)]
    fn as_f64(self) -> f64 {
        self
    }
}
