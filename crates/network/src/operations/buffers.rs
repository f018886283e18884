//! Buffers that operations write to.

use crate::number::Number;

/// Where a cotangent goes, and whether it is added to what is there.
pub(crate) struct Sink<'a, T> {
    pub buffer: &'a mut [T],
    pub accumulate: bool,
}

impl<T: Number> Sink<'_, T> {
    /// Makes the buffer ready for additions.
    pub(super) fn clear_unless_accumulating(&mut self) {
        if !self.accumulate {
            self.buffer.fill(T::zero());
        }
    }
}

/// Buffers that operations use and leave in any state.
#[derive(Default)]
pub(crate) struct Scratch<T> {
    buffers: [Vec<T>; 4],
}

impl<T: Number> Scratch<T> {
    /// Four buffers of at least the asked lengths, contents unspecified.
    pub(super) fn take(&mut self, lengths: [usize; 4]) -> [&mut [T]; 4] {
        for (buffer, length) in self.buffers.iter_mut().zip(lengths) {
            if buffer.len() < length {
                buffer.resize(length, T::zero());
            }
        }
        let [a, b, c, d] = &mut self.buffers;
        let [na, nb, nc, nd] = lengths;
        [&mut a[..na], &mut b[..nb], &mut c[..nc], &mut d[..nd]]
    }
}
