//! Which of two algorithms runs a convolution.

use super::{Convolution, columns, winograd};
use crate::number::Number;
use crate::operations::affine::{Bilinear, Term};
use crate::operations::{Prepared, Scratch, Sink, Weights};

impl Convolution {
    /// Rearranges the filters for the algorithm that chunks of `records` will run.
    pub fn prepare<T: Number>(&self, values: &[T], records: usize) -> Prepared<T> {
        let filters = &values[..self.weight_len()];
        if winograd::pays(self, records) {
            Prepared::Winograd(winograd::prepare(self, filters))
        } else if self.kernel == [1, 1] {
            Prepared::Plain
        } else {
            Prepared::Columns(columns::prepare(self, filters))
        }
    }

    pub fn scratch(&self, records: usize) -> usize {
        if winograd::pays(self, records) {
            winograd::scratch(self, records)
        } else {
            columns::scratch(self, records)
        }
    }
}

impl Bilinear for Convolution {
    fn weight_len(&self) -> usize {
        self.filters * self.patch_len()
    }

    fn outputs(&self) -> usize {
        self.filters
    }

    fn apply<T: Number>(
        &self,
        records: usize,
        terms: &[(&[T], Weights<'_, T>)],
        y: &mut [T],
        scratch: &mut Scratch<T>,
    ) {
        match terms[0].1.prepared {
            Prepared::Winograd(_) => winograd::apply(self, records, terms, y, scratch),
            _ => columns::apply(self, records, terms, y, scratch),
        }
    }

    fn transpose<T: Number>(
        &self,
        records: usize,
        terms: &[Term<'_, T>],
        xbar: Option<Sink<'_, T>>,
        wbar: Option<&mut [T]>,
        scratch: &mut Scratch<T>,
    ) {
        match terms[0].w.prepared {
            Prepared::Winograd(_) => winograd::transpose(self, records, terms, xbar, wbar, scratch),
            _ => columns::transpose(self, records, terms, xbar, wbar, scratch),
        }
    }
}
