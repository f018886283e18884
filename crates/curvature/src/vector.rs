//! Vectors are slices. Sums accumulate in `f64` over fixed blocks, so that a result depends
//! neither on the number of threads nor on the run.

use rayon::prelude::*;

use crate::Real;

/// Independent partial sums within a block: enough for the compiler to vectorise and for the
/// additions not to wait for one another.
const LANES: usize = 16;
/// Elements whose partial sums are added in sequence. Part of the result: changing it changes the
/// last bits of every dot.
const BLOCK: usize = 1 << 14;
/// Below this length threads cost more than they save.
const PARALLEL_FROM: usize = 1 << 18;

/// Dot product `xᵀy`, accumulated in `f64`.
///
/// The slices should be of equal length; what one has beyond the other is not read.
pub fn dot<T: Real>(x: &[T], y: &[T]) -> f64 {
    if x.len() < PARALLEL_FROM {
        return x
            .chunks(BLOCK)
            .zip(y.chunks(BLOCK))
            .map(|(x, y)| dot_block(x, y))
            .sum();
    }
    let blocks: Vec<f64> = x
        .par_chunks(BLOCK)
        .zip(y.par_chunks(BLOCK))
        .with_min_len(8)
        .map(|(x, y)| dot_block(x, y))
        .collect();
    blocks.iter().sum()
}

/// Euclidean norm `‖x‖`, accumulated in `f64`.
pub fn norm<T: Real>(x: &[T]) -> f64 {
    dot(x, x).sqrt()
}

fn dot_block<T: Real>(x: &[T], y: &[T]) -> f64 {
    let mut sums = [0.0; LANES];
    let (x_chunks, x_rest) = x.as_chunks::<LANES>();
    let (y_chunks, y_rest) = y.as_chunks::<LANES>();
    for (x, y) in x_chunks.iter().zip(y_chunks) {
        for lane in 0..LANES {
            sums[lane] += x[lane].widen() * y[lane].widen();
        }
    }
    let rest: f64 = x_rest
        .iter()
        .zip(y_rest)
        .map(|(x, y)| x.widen() * y.widen())
        .sum();
    sums.iter().sum::<f64>() + rest
}

/// `y ← f(x, y)` element by element.
pub(crate) fn update<T: Real>(y: &mut [T], x: &[T], f: impl Fn(f64, f64) -> f64 + Sync) {
    let block = |(y, x): (&mut [T], &[T])| {
        for (y, x) in y.iter_mut().zip(x) {
            *y = T::narrow(f(x.widen(), y.widen()));
        }
    };
    if y.len() < PARALLEL_FROM {
        block((y, x));
    } else {
        y.par_chunks_mut(BLOCK)
            .zip(x.par_chunks(BLOCK))
            .with_min_len(8)
            .for_each(block);
    }
}

/// `y ← y + a·x`.
pub(crate) fn add_scaled<T: Real>(y: &mut [T], a: f64, x: &[T]) {
    update(y, x, |x, y| y + a * x);
}

/// `x ← a·x`.
pub(crate) fn scale<T: Real>(x: &mut [T], a: f64) {
    let block = |x: &mut [T]| x.iter_mut().for_each(|x| *x = T::narrow(a * x.widen()));
    if x.len() < PARALLEL_FROM {
        block(x);
    } else {
        x.par_chunks_mut(BLOCK).with_min_len(8).for_each(block);
    }
}

/// Whether every element is finite.
pub(crate) fn all_finite<T: Real>(x: &[T]) -> bool {
    first_non_finite(x).is_none()
}

/// Index of the first element that is NaN or infinite.
pub(crate) fn first_non_finite<T: Real>(x: &[T]) -> Option<usize> {
    x.iter().position(|x| !x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f32_sums_do_not_lose_what_f64_keeps() {
        // 2²⁴ + 1 is not an f32: a sum in f32 that begins with 4096² stays there.
        let mut x = vec![1.0_f32; BLOCK];
        x[0] = 4096.0;
        let exact = f64::from((1 << 24) + BLOCK as i32 - 1);
        assert!((dot(&x, &x) - exact).abs() < 0.5);
        assert!((norm(&x) - exact.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn one_thread_and_many_agree_to_the_last_bit() {
        let x: Vec<f32> = (0..PARALLEL_FROM + 77)
            .map(|i| ((i * 7919) % 1013) as f32 / 97.0)
            .collect();
        let serial: f64 = x.chunks(BLOCK).map(|x| dot_block(x, x)).sum();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(3)
            .build()
            .unwrap();
        assert_eq!(serial.to_bits(), dot(&x, &x).to_bits());
        assert_eq!(serial.to_bits(), pool.install(|| dot(&x, &x)).to_bits());
    }

    #[test]
    fn non_finite_elements_are_found() {
        assert_eq!(first_non_finite(&[1.0_f32, 2.0]), None);
        assert_eq!(
            first_non_finite(&[1.0, f64::NEG_INFINITY, f64::NAN]),
            Some(1)
        );
    }
}
