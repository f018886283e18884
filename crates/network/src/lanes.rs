//! Vector instructions on the two number types.

use pulp::Simd;

/// Vectors of a number type in the processor's widest registers.
pub trait Lanes: Copy {
    type Vector<S: Simd>: Copy;

    /// Whole vectors, and the values left over.
    fn split<S: Simd>(values: &[Self]) -> (&[Self::Vector<S>], &[Self]);
    /// Fewer values than a vector has, the others zero.
    fn partial<S: Simd>(simd: S, values: &[Self]) -> Self::Vector<S>;
    fn zeros<S: Simd>(simd: S) -> Self::Vector<S>;
    /// `a·b + c`, rounded once where the processor can.
    fn multiply_add<S: Simd>(
        simd: S,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
        c: Self::Vector<S>,
    ) -> Self::Vector<S>;
    fn reduce<S: Simd>(simd: S, a: Self::Vector<S>) -> Self;
}

macro_rules! lanes {
    ($scalar:ty, $vector:ident, $split:ident, $partial:ident, $splat:ident, $fma:ident, $sum:ident) => {
        impl Lanes for $scalar {
            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn split<S: Simd>(values: &[Self]) -> (&[S::$vector], &[Self]) {
                S::$split(values)
            }

            #[inline(always)]
            fn partial<S: Simd>(simd: S, values: &[Self]) -> S::$vector {
                simd.$partial(values)
            }

            #[inline(always)]
            fn zeros<S: Simd>(simd: S) -> S::$vector {
                simd.$splat(0.0)
            }

            #[inline(always)]
            fn multiply_add<S: Simd>(
                simd: S,
                a: S::$vector,
                b: S::$vector,
                c: S::$vector,
            ) -> S::$vector {
                simd.$fma(a, b, c)
            }

            #[inline(always)]
            fn reduce<S: Simd>(simd: S, a: S::$vector) -> Self {
                simd.$sum(a)
            }
        }
    };
}

lanes!(
    f32,
    f32s,
    as_simd_f32s,
    partial_load_f32s,
    splat_f32s,
    mul_add_e_f32s,
    reduce_sum_f32s
);
lanes!(
    f64,
    f64s,
    as_simd_f64s,
    partial_load_f64s,
    splat_f64s,
    mul_add_e_f64s,
    reduce_sum_f64s
);
