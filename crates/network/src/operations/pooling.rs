//! Max and average pooling, PyTorch's conventions (padding counts in an average, as zeros).

use super::{Point, Saved, Sink};
use crate::kernel::add_scaled;
use crate::number::Number;
use std::ops::Range;

/// Where the windows of a pooling layer lie. Padding is at most half a kernel, so that no window
/// lies outside the picture.
#[derive(Clone, Debug)]
pub(crate) struct Windows {
    pub channels: usize,
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub padding: [usize; 2],
    pub input: [usize; 2],
    pub output: [usize; 2],
}

impl Windows {
    fn rows(&self, axis: usize, out: usize) -> Range<usize> {
        let start = out * self.stride[axis];
        let end = start + self.kernel[axis];
        start.saturating_sub(self.padding[axis])
            ..end.saturating_sub(self.padding[axis]).min(self.input[axis])
    }

    /// Calls `f(output pixel, input pixel)` for every pair, windows in order, each in row order.
    #[inline(always)]
    fn each(&self, records: usize, mut f: impl FnMut(usize, usize)) {
        let mut out = 0;
        for record in 0..records {
            for oy in 0..self.output[0] {
                for ox in 0..self.output[1] {
                    for iy in self.rows(0, oy) {
                        for ix in self.rows(1, ox) {
                            f(out, (record * self.input[0] + iy) * self.input[1] + ix);
                        }
                    }
                    out += 1;
                }
            }
        }
    }

    fn output_len(&self) -> usize {
        self.output[0] * self.output[1] * self.channels
    }
}

/// The greatest value of each window; the first one where several are equal.
#[derive(Clone, Debug)]
pub(crate) struct MaxPool(pub Windows);

impl MaxPool {
    pub fn output_len(&self) -> usize {
        self.0.output_len()
    }

    /// `saved.indices` receives, for every output, the index of its input.
    pub fn forward<T: Number>(&self, records: usize, x: &[T], y: &mut [T], saved: &mut Saved<T>) {
        let channels = self.0.channels;
        y.fill(T::neg_infinity());
        saved.indices.fill(u32::MAX);
        self.0.each(records, |out, pixel| {
            for channel in 0..channels {
                let (to, from) = (out * channels + channel, pixel * channels + channel);
                // NaN wins, so that it is seen.
                if saved.indices[to] == u32::MAX || x[from] > y[to] || x[from].is_nan() {
                    y[to] = x[from];
                    saved.indices[to] = from as u32;
                }
            }
        });
    }

    pub fn tangent<T: Number>(&self, point: &Point<'_, T>, dx: &[T], dy: &mut [T]) {
        for (dy, &from) in dy.iter_mut().zip(&point.saved.indices) {
            *dy = dx[from as usize];
        }
    }

    pub fn backward<T: Number>(&self, point: &Point<'_, T>, ybar: &[T], mut xbar: Sink<'_, T>) {
        xbar.clear_unless_accumulating();
        for (&u, &from) in ybar.iter().zip(&point.saved.indices) {
            xbar.buffer[from as usize] += u;
        }
    }
}

/// The sum of each window over the kernel's size.
#[derive(Clone, Debug)]
pub(crate) struct AveragePool(pub Windows);

impl AveragePool {
    fn share<T: Number>(&self) -> T {
        T::of(1.0 / (self.0.kernel[0] * self.0.kernel[1]) as f64)
    }

    pub fn forward<T: Number>(&self, records: usize, x: &[T], y: &mut [T]) {
        let channels = self.0.channels;
        y.fill(T::zero());
        self.0.each(records, |out, pixel| {
            let from = &x[pixel * channels..][..channels];
            add_scaled(&mut y[out * channels..][..channels], self.share(), from);
        });
    }

    pub fn backward<T: Number>(&self, records: usize, ybar: &[T], mut xbar: Sink<'_, T>) {
        let channels = self.0.channels;
        xbar.clear_unless_accumulating();
        self.0.each(records, |out, pixel| {
            let to = &mut xbar.buffer[pixel * channels..][..channels];
            add_scaled(to, self.share(), &ybar[out * channels..][..channels]);
        });
    }
}
