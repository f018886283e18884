//! Between the two orders of a picture's elements.

use super::Sink;
use crate::number::Number;

/// Turns each record's `rows × cols` matrix into its transpose. A picture in channel order is
/// channels × positions, one kept channels-last is positions × channels.
#[derive(Clone, Debug)]
pub(crate) struct Reorder {
    pub rows: usize,
    pub cols: usize,
}

impl Reorder {
    pub fn forward<T: Number>(&self, records: usize, x: &[T], y: &mut [T]) {
        self.each(records, |from, to| y[to] = x[from]);
    }

    pub fn backward<T: Number>(&self, records: usize, ybar: &[T], mut xbar: Sink<'_, T>) {
        xbar.clear_unless_accumulating();
        self.each(records, |from, to| xbar.buffer[from] += ybar[to]);
    }

    #[inline(always)]
    fn each(&self, records: usize, mut f: impl FnMut(usize, usize)) {
        let len = self.rows * self.cols;
        for start in (0..records * len).step_by(len) {
            for col in 0..self.cols {
                for row in 0..self.rows {
                    f(start + row * self.cols + col, start + col * self.rows + row);
                }
            }
        }
    }
}
