//! Products of a few records with a matrix of weights, as dot products over contiguous rows.
//!
//! Vector instructions are written out: left to itself, the compiler finds them for some numbers of
//! records and not for others.

use crate::lanes::Lanes;
use crate::number::Number;
use pulp::{Arch, Simd, WithSimd};

/// Records that share one reading of the weights, and rows of weights that share one reading of the
/// records. Their sums, and one vector of each row, fit 16 registers.
const RECORDS: usize = 5;
const ROWS: usize = 2;

/// `y[i][j] (+)= x_i · w_j` over contiguous rows of length `len`. Each sum is taken in the same
/// order whatever the number of records.
pub(super) fn rows_by_rows<T: Number>(x: &[T], w: &[T], len: usize, y: &mut [T], accumulate: bool) {
    Arch::new().dispatch(Product {
        x,
        w,
        len,
        y,
        accumulate,
    });
}

struct Product<'a, T> {
    x: &'a [T],
    w: &'a [T],
    len: usize,
    y: &'a mut [T],
    accumulate: bool,
}

impl<T: Number> WithSimd for Product<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (records, outputs) = (self.x.len() / self.len, self.w.len() / self.len);
        let groups = records.div_ceil(RECORDS);
        let (mut x, mut y) = (self.x, self.y);
        for group in 0..groups {
            // As equal as can be: a record alone waits for its own additions.
            let size =
                (records * (group + 1)).div_ceil(groups) - (records * group).div_ceil(groups);
            let (head, tail) = x.split_at(size * self.len);
            let (out, rest) = std::mem::take(&mut y).split_at_mut(size * outputs);
            let product = Product {
                x: head,
                w: self.w,
                len: self.len,
                y: out,
                accumulate: self.accumulate,
            };
            match size {
                1 => product.of_records::<S, 1>(simd),
                2 => product.of_records::<S, 2>(simd),
                3 => product.of_records::<S, 3>(simd),
                4 => product.of_records::<S, 4>(simd),
                _ => product.of_records::<S, RECORDS>(simd),
            }
            (x, y) = (tail, rest);
        }
    }
}

impl<T: Number> Product<'_, T> {
    #[inline(always)]
    fn of_records<S: Simd, const N: usize>(self, simd: S) {
        let outputs = self.w.len() / self.len;
        let blocks = self.w.chunks_exact(ROWS * self.len);
        let rest = blocks.remainder();
        let mut j = 0;
        let mut put = |sums: &[[T; N]]| {
            for sums in sums {
                for (i, &sum) in sums.iter().enumerate() {
                    let y = &mut self.y[i * outputs + j];
                    *y = if self.accumulate { *y + sum } else { sum };
                }
                j += 1;
            }
        };
        for w in blocks {
            put(&tile::<T, S, N, ROWS>(simd, self.x, w, self.len));
        }
        for w in rest.chunks_exact(self.len) {
            put(&tile::<T, S, N, 1>(simd, self.x, w, self.len));
        }
    }
}

/// The dot products of `N` records with `R` rows of weights.
#[inline(always)]
fn tile<T: Number, S: Simd, const N: usize, const R: usize>(
    simd: S,
    x: &[T],
    w: &[T],
    len: usize,
) -> [[T; N]; R] {
    let (x, w) = (rows::<T, S, N>(x, len), rows::<T, S, R>(w, len));
    let zero = T::zeros(simd);
    let mut sums = [[zero; N]; R];
    let whole = w[0].0.len();
    for k in 0..whole {
        let mut ws = [zero; R];
        for r in 0..R {
            ws[r] = w[r].0[k];
        }
        for i in 0..N {
            let x = x[i].0[k];
            for r in 0..R {
                sums[r][i] = T::multiply_add(simd, x, ws[r], sums[r][i]);
            }
        }
    }
    if !w[0].1.is_empty() {
        for r in 0..R {
            let w = T::partial(simd, w[r].1);
            for i in 0..N {
                sums[r][i] = T::multiply_add(simd, T::partial(simd, x[i].1), w, sums[r][i]);
            }
        }
    }
    let mut dots = [[T::zero(); N]; R];
    for r in 0..R {
        for i in 0..N {
            dots[r][i] = T::reduce(simd, sums[r][i]);
        }
    }
    dots
}

type Row<'a, T, S> = (&'a [<T as Lanes>::Vector<S>], &'a [T]);

/// `N` rows cut into vectors, all seen to be equally long so that no loop over them checks bounds.
#[inline(always)]
fn rows<T: Number, S: Simd, const N: usize>(values: &[T], len: usize) -> [Row<'_, T, S>; N] {
    let mut rows: [Row<'_, T, S>; N] = [(&[], &[]); N];
    let whole = T::split::<S>(&values[..len]).0.len();
    for (row, values) in rows.iter_mut().zip(values.chunks_exact(len)) {
        let (vectors, rest) = T::split::<S>(values);
        *row = (&vectors[..whole], rest);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(n: usize, seed: usize) -> Vec<f64> {
        (0..n)
            .map(|i| ((i * 7919 + seed * 104_729) % 2003) as f64 / 1001.5 - 1.0)
            .collect()
    }

    /// Every number of records and of rows, lengths with and without a rest: against plain sums,
    /// added to what was there, and each record's the same as when it comes alone.
    fn agrees<T: Number, S: Simd>(simd: S, tolerance: f64) {
        for records in 1..=12 {
            for outputs in [1, 2, 5] {
                for len in [1, 3, 4, 8, 15, 16, 17, 32, 45, 64] {
                    let (x, w) = (values(records * len, 1), values(outputs * len, 2));
                    let (xs, ws): (Vec<T>, Vec<T>) = (
                        x.iter().map(|&x| T::of(x)).collect(),
                        w.iter().map(|&w| T::of(w)).collect(),
                    );
                    let product = |x: &[T], y: &mut [T], accumulate| {
                        simd.vectorize(Product {
                            x,
                            w: &ws,
                            len,
                            y,
                            accumulate,
                        });
                    };
                    let mut y = vec![T::nan(); records * outputs];
                    product(&xs, &mut y, false);
                    let mut twice = y.clone();
                    product(&xs, &mut twice, true);
                    for (i, x) in x.chunks(len).enumerate() {
                        let mut alone = vec![T::nan(); outputs];
                        product(&xs[i * len..][..len], &mut alone, false);
                        for (j, w) in w.chunks(len).enumerate() {
                            let dot: f64 = x.iter().zip(w).map(|(x, w)| x * w).sum();
                            let found = y[i * outputs + j];
                            assert!(
                                (found.as_f64() - dot).abs() <= tolerance,
                                "{records} records, {outputs} outputs of {len}: {found}, not {dot}"
                            );
                            assert_eq!(found, alone[j]);
                            assert_eq!(twice[i * outputs + j], found + found);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn dot_products_agree_with_plain_sums_on_every_instruction_set() {
        agrees::<f32, _>(pulp::Scalar, 1e-5);
        agrees::<f64, _>(pulp::Scalar, 1e-13);
        #[cfg(target_arch = "x86_64")]
        {
            use pulp::x86::{V3, V4};
            if let Some(simd) = V3::try_new() {
                agrees::<f32, _>(simd, 1e-5);
                agrees::<f64, _>(simd, 1e-13);
            }
            if let Some(simd) = V4::try_new() {
                agrees::<f32, _>(simd, 1e-5);
                agrees::<f64, _>(simd, 1e-13);
            }
        }
    }
}
