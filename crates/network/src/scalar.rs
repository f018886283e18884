//! The two number types a network computes in, and its operations compiled for each.
//!
//! A generic function is compiled in every crate that uses it. Through these tables a crate that
//! evaluates a network calls what this crate has compiled.

use crate::kernel;
use crate::number::Number;
use crate::operations::{Operation, Point, Prepared, Saved, Scratch, Sink, Weights};

/// `f32` or `f64`.
///
/// Products run in `f32`; what a certificate quotes is recomputed in `f64`.
pub trait Scalar: Number {
    /// A network's operations on this type.
    #[doc(hidden)]
    fn compiled() -> &'static Compiled<Self>;
}

/// The functions of [`Operation`] of the same names, and the sum of two vectors, for one number
/// type.
#[allow(clippy::type_complexity)] // They are those of `Operation`.
pub struct Compiled<T> {
    pub(crate) prepare: fn(&Operation, &[T], usize) -> Prepared<T>,
    pub(crate) forward:
        fn(&Operation, usize, Weights<T>, &[T], &mut [T], &mut Saved<T>, bool, &mut Scratch<T>),
    pub(crate) tangent:
        fn(&Operation, &Point<T>, Weights<T>, Option<&[T]>, &mut [T], &mut Scratch<T>),
    pub(crate) backward:
        fn(&Operation, &Point<T>, &[T], Option<Sink<T>>, Option<&mut [T]>, &mut Scratch<T>),
    pub(crate) backward_tangent: fn(
        &Operation,
        &Point<T>,
        Weights<T>,
        Option<&[T]>,
        &[T],
        &[T],
        Option<Sink<T>>,
        &mut [T],
        &mut Scratch<T>,
    ),
    pub(crate) record_gradient_norms: fn(&Operation, &Point<T>, &[T], &mut [f64], &mut Scratch<T>),
    pub(crate) record_gradients:
        fn(&Operation, &Point<T>, &[T], &mut Scratch<T>, &mut dyn FnMut(usize, &[T])),
    pub(crate) add: fn(&mut [T], &[T]),
}

impl<T: Number> Compiled<T> {
    const fn new() -> Self {
        Compiled {
            prepare: Operation::prepare,
            forward: Operation::forward,
            tangent: Operation::tangent,
            backward: Operation::backward,
            backward_tangent: Operation::backward_tangent,
            record_gradient_norms: Operation::record_gradient_norms,
            record_gradients: Operation::record_gradients,
            add: kernel::add,
        }
    }
}

macro_rules! compile {
    ($($scalar:ty),*) => {
        $(impl Scalar for $scalar {
            fn compiled() -> &'static Compiled<Self> {
                static TABLE: Compiled<$scalar> = Compiled::new();
                &TABLE
            }
        })*
    };
}
compile!(f32, f64);
