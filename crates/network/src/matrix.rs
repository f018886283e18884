//! Strided views of slices as matrices, and their product.
#![allow(unsafe_code)]

use crate::number::Number;

/// A read-only matrix laid over a slice.
#[derive(Clone, Copy)]
pub(crate) struct View<'a, T> {
    data: &'a [T],
    layout: Layout,
}

/// A writable matrix laid over a slice.
pub(crate) struct ViewMut<'a, T> {
    data: &'a mut [T],
    layout: Layout,
}

#[derive(Clone, Copy)]
struct Layout {
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl Layout {
    fn row_major(rows: usize, cols: usize, row_stride: usize, len: usize) -> Self {
        let layout = Layout {
            rows,
            cols,
            row_stride,
            col_stride: 1,
        };
        assert!(
            rows == 0 || cols == 0 || (rows - 1) * row_stride + cols <= len,
            "a {rows}x{cols} view with row stride {row_stride} does not fit a slice of {len}"
        );
        layout
    }
}

impl<'a, T> View<'a, T> {
    /// `rows × cols`, row after row without gaps.
    pub fn new(data: &'a [T], rows: usize, cols: usize) -> Self {
        Self::strided(data, rows, cols, cols)
    }

    /// `rows × cols` whose rows start `row_stride` elements apart.
    pub fn strided(data: &'a [T], rows: usize, cols: usize, row_stride: usize) -> Self {
        let layout = Layout::row_major(rows, cols, row_stride, data.len());
        View { data, layout }
    }

    /// The transpose, without moving anything.
    pub fn t(mut self) -> Self {
        let l = &mut self.layout;
        std::mem::swap(&mut l.rows, &mut l.cols);
        std::mem::swap(&mut l.row_stride, &mut l.col_stride);
        self
    }
}

impl<'a, T> ViewMut<'a, T> {
    /// `rows × cols`, row after row without gaps.
    pub fn new(data: &'a mut [T], rows: usize, cols: usize) -> Self {
        Self::strided(data, rows, cols, cols)
    }

    /// `rows × cols` whose rows start `row_stride` elements apart.
    pub fn strided(data: &'a mut [T], rows: usize, cols: usize, row_stride: usize) -> Self {
        let layout = Layout::row_major(rows, cols, row_stride, data.len());
        ViewMut { data, layout }
    }
}

/// `out = a·b`, or `out += a·b` when `accumulate`, on the calling thread.
pub(crate) fn multiply<T: Number>(
    out: ViewMut<'_, T>,
    accumulate: bool,
    a: View<'_, T>,
    b: View<'_, T>,
) {
    let (o, l, r) = (out.layout, a.layout, b.layout);
    assert!(
        o.rows == l.rows && o.cols == r.cols && l.cols == r.rows,
        "product of {}x{} and {}x{} into {}x{}",
        l.rows,
        l.cols,
        r.rows,
        r.cols,
        o.rows,
        o.cols
    );
    // Safety: every view was checked against its slice when it was made (a transposition moves no
    // element), `out` is borrowed exclusively, and the three shapes agree.
    unsafe {
        gemm::gemm(
            o.rows,
            o.cols,
            l.cols,
            out.data.as_mut_ptr(),
            o.col_stride as isize,
            o.row_stride as isize,
            accumulate,
            a.data.as_ptr(),
            l.col_stride as isize,
            l.row_stride as isize,
            b.data.as_ptr(),
            r.col_stride as isize,
            r.row_stride as isize,
            T::one(),
            T::one(),
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_and_transposes_agree_with_the_definition() {
        let a: Vec<f64> = (0..12).map(f64::from).collect(); // 3×2 inside rows of 4
        let b: Vec<f64> = (0..8).map(|i| f64::from(i) - 3.0).collect(); // 4×2, used transposed
        let mut out = vec![1.0; 3 * 4];
        let left = View::strided(&a, 3, 2, 4);
        multiply(
            ViewMut::new(&mut out, 3, 4),
            true,
            left,
            View::new(&b, 4, 2).t(),
        );
        for i in 0..3 {
            for j in 0..4 {
                let sum: f64 = (0..2).map(|k| a[i * 4 + k] * b[j * 2 + k]).sum();
                assert!((out[i * 4 + j] - 1.0 - sum).abs() < 1e-12);
            }
        }
    }
}
