//! Element-wise loops compiled once for each level of vector instructions.
use crate::number::Number;

/// Defines a function whose body is compiled for the baseline, for AVX2 and for AVX-512, and which
/// picks the widest that the processor has. The body must be loops that the compiler can vectorise,
/// and whatever it calls must be `#[inline(always)]`. All three versions do the same operations on
/// each element in the same order.
macro_rules! kernel {
    ($(#[$meta:meta])* $vis:vis fn $name:ident<$T:ident>(
        $($arg:ident : $ty:ty),* $(,)?
    ) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments, unsafe_code)]
        $vis fn $name<$T: $crate::number::Number>($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            fn body<$T: $crate::number::Number>($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
                #[allow(clippy::too_many_arguments)]
                fn wide<$T: $crate::number::Number>($($arg: $ty),*) $(-> $ret)? {
                    body::<$T>($($arg),*)
                }
                #[target_feature(enable = "avx2")]
                #[allow(clippy::too_many_arguments)]
                fn middle<$T: $crate::number::Number>($($arg: $ty),*) $(-> $ret)? {
                    body::<$T>($($arg),*)
                }
                if std::arch::is_x86_feature_detected!("avx512f")
                    && std::arch::is_x86_feature_detected!("avx512vl")
                    && std::arch::is_x86_feature_detected!("avx512dq")
                    && std::arch::is_x86_feature_detected!("avx512bw")
                {
                    // Safety: the processor was just asked for these features.
                    return unsafe { wide::<$T>($($arg),*) };
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // Safety: as above.
                    return unsafe { middle::<$T>($($arg),*) };
                }
            }
            body::<$T>($($arg),*)
        }
    };
}
pub(crate) use kernel;

kernel! {
    /// `out += a`.
    pub(crate) fn add<T>(out: &mut [T], a: &[T]) {
        for (o, &x) in out.iter_mut().zip(a) {
            *o += x;
        }
    }
}

kernel! {
    /// `out += s·a`.
    pub(crate) fn add_scaled<T>(out: &mut [T], s: T, a: &[T]) {
        for (o, &x) in out.iter_mut().zip(a) {
            *o += s * x;
        }
    }
}

kernel! {
    /// Adds `bias` to every row of `rows`.
    pub(crate) fn add_bias<T>(rows: &mut [T], bias: &[T]) {
        for row in rows.chunks_exact_mut(bias.len()) {
            for (y, &b) in row.iter_mut().zip(bias) {
                *y += b;
            }
        }
    }
}

kernel! {
    /// Adds the sum over rows to `sums`, whose length is a row's.
    pub(crate) fn add_column_sums<T>(sums: &mut [T], rows: &[T]) {
        for row in rows.chunks_exact(sums.len()) {
            for (s, &x) in sums.iter_mut().zip(row) {
                *s += x;
            }
        }
    }
}

kernel! {
    /// Whether no element is infinite or NaN.
    pub(crate) fn all_finite<T>(values: &[T]) -> bool {
        // x·0 is 0 for a finite x and NaN otherwise: a sum that vectorises.
        let mut lanes = [T::zero(); 32];
        let blocks = values.chunks_exact(32);
        let tail = blocks.remainder();
        for block in blocks {
            for (lane, &x) in lanes.iter_mut().zip(block) {
                *lane += x * T::zero();
            }
        }
        let sum: T = lanes.iter().copied().sum();
        (sum + tail.iter().map(|&x| x * T::zero()).sum()).is_finite()
    }
}

/// `Σ x²` in double precision.
pub(crate) fn squared_norm<T: Number>(values: &[T]) -> f64 {
    let mut lanes = [0.0f64; 16];
    let blocks = values.chunks_exact(16);
    let tail = blocks.remainder();
    for block in blocks {
        for (lane, &x) in lanes.iter_mut().zip(block) {
            *lane += x.as_f64() * x.as_f64();
        }
    }
    lanes.iter().sum::<f64>() + tail.iter().map(|&x| x.as_f64() * x.as_f64()).sum::<f64>()
}
