//! Two-dimensional convolution: its geometry, and which of two algorithms runs it.

use super::affine::{Bilinear, Term};
use super::{Prepared, Scratch, Sink, Weights, columns, winograd};
use crate::scalar::Scalar;

/// `y = w ∗ x` (cross-correlation, as PyTorch's `Conv2d`), `w` stored as
/// filters × channels-per-group × kernel rows × kernel columns.
#[derive(Clone, Debug)]
pub(crate) struct Convolution {
    pub channels: usize,
    pub filters: usize,
    /// Rows and columns of the kernel, and likewise below.
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub padding: [usize; 2],
    pub groups: usize,
    pub input: [usize; 2],
    pub output: [usize; 2],
}

impl Convolution {
    pub fn channels_per_group(&self) -> usize {
        self.channels / self.groups
    }

    pub fn filters_per_group(&self) -> usize {
        self.filters / self.groups
    }

    /// Weights of one filter.
    pub fn patch_len(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.channels_per_group()
    }

    pub fn positions(&self) -> usize {
        self.output[0] * self.output[1]
    }

    pub fn flops(&self) -> usize {
        2 * self.positions() * self.filters * self.patch_len()
    }

    /// Whether output pixel and input pixel are the same: the input itself is the matrix of patches.
    pub fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.padding == [0, 0]
    }

    /// Rearranges the filters for the algorithm that chunks of `records` will run.
    pub fn prepare<T: Scalar>(&self, values: &[T], records: usize) -> Prepared<T> {
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

    fn apply<T: Scalar>(
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

    fn transpose<T: Scalar>(
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
