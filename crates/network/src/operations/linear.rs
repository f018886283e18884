//! Fully connected layers.

use super::affine::{Bilinear, Term};
use super::dots::rows_by_rows;
use super::{Point, Scratch, Sink, Weights};
use crate::kernel;
use crate::matrix::{View, ViewMut, multiply};
use crate::number::Number;

/// With so few records a general product spends its time rearranging the weights; both operands'
/// rows are contiguous, so plain dot products run faster.
const FEW_RECORDS: usize = 12;
/// Length from which a row is worth a dot product of its own.
const LONG_ROW: usize = 16;

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
    pub fn record_gradient_norms<T: Number>(
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

    fn apply<T: Number>(
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

    fn transpose<T: Number>(
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
