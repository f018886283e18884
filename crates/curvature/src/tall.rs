//! Products with tall matrices: a slice holding a few columns of d elements, one after another.
//!
//! Entries stay in the scalar's precision; sums and the small matrices are `f64`. Work is cut into
//! pieces that depend on the sizes alone, so that results do not depend on the number of threads.

use faer::{Mat, MatRef};
use rayon::prelude::*;

use crate::dense::add_product;
use crate::{Real, dense, vector};

/// Rows converted to `f64` at a time.
const PANEL: usize = 512;
/// Elements of a combination accumulated at a time, to stay in the nearest cache.
const CHUNK: usize = 1024;
/// Columns of a product computed together.
const STRIPE: usize = 32;

/// `Qᵀ x`.
pub(crate) fn project<T: Real>(q: &[T], x: &[T]) -> Vec<f64> {
    q.par_chunks_exact(x.len().max(1))
        .map(|column| vector::dot(column, x))
        .collect()
}

/// `x ← x + Q c`.
pub(crate) fn add_combination<T: Real>(x: &mut [T], q: &[T], c: &[f64]) {
    let dim = x.len();
    x.par_chunks_mut(CHUNK)
        .with_min_len(16)
        .enumerate()
        .for_each(|(index, x)| {
            let mut sums = [0.0; CHUNK];
            let begin = index * CHUNK;
            for (column, c) in q.chunks_exact(dim).zip(c) {
                let column = &column[begin..begin + x.len()];
                for (sum, q) in sums.iter_mut().zip(column) {
                    *sum += c * q.widen();
                }
            }
            for (x, sum) in x.iter_mut().zip(sums) {
                *x = T::narrow(x.widen() + sum);
            }
        });
}

/// `XᵀY` for X and Y of `dim` rows.
pub(crate) fn gram<T: Real>(dim: usize, x: &[T], y: &[T]) -> Mat<f64> {
    let (x_columns, y_columns) = (x.len() / dim, y.len() / dim);
    // At most 16 partial sums, each of whole panels.
    let rows = dim.div_ceil(16 * PANEL) * PANEL;
    let parts: Vec<Mat<f64>> = (0..dim.div_ceil(rows))
        .into_par_iter()
        .map(|part| {
            let mut sum = Mat::zeros(x_columns, y_columns);
            let end = dim.min((part + 1) * rows);
            for begin in (part * rows..end).step_by(PANEL) {
                let end = end.min(begin + PANEL);
                let x = panel(dim, x, begin, end);
                let y = panel(dim, y, begin, end);
                add_product(&mut sum, x.transpose(), y.as_ref());
            }
            sum
        })
        .collect();
    parts
        .into_iter()
        .fold(Mat::zeros(x_columns, y_columns), dense::sum)
}

/// `X M` for X of `dim` rows.
pub(crate) fn multiply<T: Real>(dim: usize, x: &[T], m: MatRef<'_, f64>) -> Vec<T> {
    let mut out = vec![T::zero(); dim * m.ncols()];
    out.par_chunks_mut(dim * STRIPE)
        .enumerate()
        .for_each(|(stripe, out)| {
            let width = out.len() / dim;
            let m = m.subcols(stripe * STRIPE, width);
            for begin in (0..dim).step_by(PANEL) {
                let end = dim.min(begin + PANEL);
                let mut product = Mat::<f64>::zeros(end - begin, width);
                add_product(&mut product, panel(dim, x, begin, end).as_ref(), m);
                for column in 0..width {
                    let out = &mut out[column * dim + begin..column * dim + end];
                    for (out, value) in out.iter_mut().zip(product.col_as_slice(column)) {
                        *out = T::narrow(*value);
                    }
                }
            }
        });
    out
}

/// Rows `begin..end` of X in `f64`.
fn panel<T: Real>(dim: usize, x: &[T], begin: usize, end: usize) -> Mat<f64> {
    let mut panel = Mat::zeros(end - begin, x.len() / dim);
    for (index, column) in x.chunks_exact(dim).enumerate() {
        for (to, from) in panel
            .col_as_slice_mut(index)
            .iter_mut()
            .zip(&column[begin..end])
        {
            *to = from.widen();
        }
    }
    panel
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIM: usize = 3 * PANEL + 17;

    fn tall(columns: usize, seed: usize) -> Vec<f32> {
        (0..DIM * columns)
            .map(|i| ((i * 37 + seed) % 101) as f32 - 50.0)
            .collect()
    }

    #[test]
    fn gram_and_multiply_agree_with_entry_by_entry_sums() {
        let (x, y) = (tall(40, 3), tall(2, 11));
        let gram = gram(DIM, &x, &y);
        for i in 0..40 {
            for j in 0..2 {
                let expected: f64 = (0..DIM)
                    .map(|k| f64::from(x[i * DIM + k]) * f64::from(y[j * DIM + k]))
                    .sum();
                assert!((gram[(i, j)] - expected).abs() < 1e-6);
            }
        }
        let m = Mat::from_fn(2, 33, |i, j| (i * 5 + j) as f64 - 4.0);
        let product = multiply(DIM, &y, m.as_ref());
        for j in 0..33 {
            for k in 0..DIM {
                let expected = f64::from(y[k]) * m[(0, j)] + f64::from(y[DIM + k]) * m[(1, j)];
                assert!((f64::from(product[j * DIM + k]) - expected).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn a_combination_of_columns_is_added() {
        let (q, mut x) = (tall(2, 5), tall(1, 9));
        let before = x.clone();
        add_combination(&mut x, &q, &[2.0, -3.0]);
        for k in 0..DIM {
            assert!((x[k] - (before[k] + 2.0 * q[k] - 3.0 * q[DIM + k])).abs() < 1e-3);
        }
    }
}
