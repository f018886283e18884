//! Fully connected layers.

use super::affine::{Bilinear, Term};
use super::{Point, Scratch, Sink, Weights};
use crate::kernel::{self, kernel};
use crate::matrix::{View, ViewMut, multiply};
use crate::scalar::Scalar;
use std::array::from_fn;

/// With so few records a general product spends its time rearranging the weights; both operands'
/// rows are contiguous, so plain dot products run faster.
const FEW_RECORDS: usize = 12;
/// Length from which a row is worth a dot product of its own.
const LONG_ROW: usize = 128;

/// `y = W x`, `W` stored as outputs × inputs (PyTorch's order).
#[derive(Clone, Debug)]
pub(crate) struct Linear {
    pub inputs: usize,
    pub outputs: usize,
}

impl Linear {
    pub fn flops(&self) -> usize {
        2 * self.inputs * self.outputs
    }

    /// A record's weight gradient is `ȳᵢ xᵢᵀ`, of norm `‖ȳᵢ‖‖xᵢ‖`: no need to form it.
    pub fn record_gradient_norms<T: Scalar>(
        &self,
        bias: bool,
        point: &Point<'_, T>,
        ybar: &[T],
        norms: &mut [f64],
    ) {
        let records = point
            .x
            .chunks_exact(self.inputs)
            .zip(ybar.chunks_exact(self.outputs));
        for ((x, ybar), norm) in records.zip(norms) {
            let of_bias = if bias { 1.0 } else { 0.0 };
            *norm += kernel::squared_norm(ybar) * (kernel::squared_norm(x) + of_bias);
        }
    }
}

impl Bilinear for Linear {
    fn weight_len(&self) -> usize {
        self.inputs * self.outputs
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn apply<T: Scalar>(
        &self,
        records: usize,
        terms: &[(&[T], Weights<'_, T>)],
        y: &mut [T],
        _scratch: &mut Scratch<T>,
    ) {
        for (j, (x, w)) in terms.iter().enumerate() {
            if records <= FEW_RECORDS && self.inputs >= LONG_ROW {
                rows_by_rows(x, w.values, self.inputs, y, j > 0);
                continue;
            }
            let x = View::new(x, records, self.inputs);
            let w = View::new(w.values, self.outputs, self.inputs);
            multiply(ViewMut::new(y, records, self.outputs), j > 0, x, w.t());
        }
    }

    fn transpose<T: Scalar>(
        &self,
        records: usize,
        terms: &[Term<'_, T>],
        xbar: Option<Sink<'_, T>>,
        wbar: Option<&mut [T]>,
        _scratch: &mut Scratch<T>,
    ) {
        if let Some(sink) = xbar {
            for (j, term) in terms.iter().enumerate() {
                let out = ViewMut::new(sink.buffer, records, self.inputs);
                let ybar = View::new(term.ybar, records, self.outputs);
                let w = View::new(term.w.values, self.outputs, self.inputs);
                multiply(out, sink.accumulate || j > 0, ybar, w);
            }
        }
        if let Some(wbar) = wbar {
            for term in terms {
                let Some(x) = term.x else { continue };
                let out = ViewMut::new(wbar, self.outputs, self.inputs);
                let ybar = View::new(term.ybar, records, self.outputs);
                multiply(out, true, ybar.t(), View::new(x, records, self.inputs));
            }
        }
    }
}

/// Lanes of a dot product.
const LANES: usize = 16;
/// Most records that share the reading of a row of weights.
const ABREAST: usize = 6;

kernel! {
    /// `y[i][j] (+)= x_i · w_j` over contiguous rows of length `len`.
    fn rows_by_rows<T>(x: &[T], w: &[T], len: usize, y: &mut [T], accumulate: bool) {
        let (records, outputs) = (x.len() / len, w.len() / len);
        // Groups of nearly the same size: a lone record would wait for its own additions.
        let group = records.div_ceil(records.div_ceil(ABREAST).max(1)).max(1);
        for (x, y) in x.chunks(group * len).zip(y.chunks_mut(group * outputs)) {
            match x.len() / len {
                1 => together::<T, 1>(x, w, len, y, accumulate),
                2 => together::<T, 2>(x, w, len, y, accumulate),
                3 => together::<T, 3>(x, w, len, y, accumulate),
                4 => together::<T, 4>(x, w, len, y, accumulate),
                5 => together::<T, 5>(x, w, len, y, accumulate),
                _ => together::<T, ABREAST>(x, w, len, y, accumulate),
            }
        }
    }
}

/// The same for N records. A sum has its lanes, which are added in order, whatever N is.
#[inline(always)]
fn together<T: Scalar, const N: usize>(
    x: &[T],
    w: &[T],
    len: usize,
    y: &mut [T],
    accumulate: bool,
) {
    let outputs = w.len() / len;
    let blocks = len / LANES;
    // Cut beforehand into blocks, as many in each row: no bound is left to check in between.
    let rows: [&[T]; N] = from_fn(|i| &x[i * len..][..len]);
    let xs: [&[[T; LANES]]; N] = from_fn(|i| &rows[i].as_chunks().0[..blocks]);
    for (j, w) in w.chunks_exact(len).enumerate() {
        let ws: &[[T; LANES]] = &w.as_chunks().0[..blocks];
        let mut sums = [[T::zero(); LANES]; N];
        for (block, w) in ws.iter().enumerate() {
            for (sums, x) in sums.iter_mut().zip(&xs) {
                let x = &x[block];
                for l in 0..LANES {
                    sums[l] = x[l].mul_add(w[l], sums[l]);
                }
            }
        }
        for (i, (sums, row)) in sums.iter().zip(&rows).enumerate() {
            let mut sum = T::zero();
            for &lane in sums {
                sum += lane;
            }
            for l in blocks * LANES..len {
                sum += row[l] * w[l];
            }
            let out = &mut y[i * outputs + j];
            *out = if accumulate { *out + sum } else { sum };
        }
    }
}
