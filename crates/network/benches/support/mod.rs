//! The rate of plain matrix products: what a network's products are measured against.

/// Rows and columns of the square matrices.
pub const SIZE: usize = 1024;

/// Floating-point operations of [`product`].
pub const FLOPS: f64 = 2.0 * (SIZE * SIZE * SIZE) as f64;

/// `out = a·b` in single precision, on the calling thread.
pub fn product(out: &mut [f32], a: &[f32], b: &[f32]) {
    assert!([out.len(), a.len(), b.len()] == [SIZE * SIZE; 3]);
    let (row, col) = (SIZE as isize, 1);
    // Safety: the three slices hold `SIZE × SIZE` values, row after row, and `out` is exclusive.
    unsafe {
        gemm::gemm(
            SIZE,
            SIZE,
            SIZE,
            out.as_mut_ptr(),
            col,
            row,
            false,
            a.as_ptr(),
            col,
            row,
            b.as_ptr(),
            col,
            row,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
