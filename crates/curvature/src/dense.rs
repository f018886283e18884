//! Small dense matrices. Nothing here is generic, so that the decompositions are compiled once, in
//! this crate, and not again in every crate that solves a system.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{
    LltParams, cholesky_in_place, cholesky_in_place_scratch,
};
use faer::linalg::cholesky::llt::solve::solve_in_place;
use faer::linalg::matmul::matmul;
use faer::linalg::solvers::Solve;
use faer::reborrow::ReborrowMut;
use faer::{Accum, Auto, Mat, MatMut, MatRef, Par, Side};
use rayon::prelude::*;

use crate::vector;

/// Rows and columns of a tile: 512 KiB of binary64.
const TILE: usize = 256;

/// `A + B`.
pub(crate) fn sum(a: Mat<f64>, b: Mat<f64>) -> Mat<f64> {
    a + b
}

/// `C ← C + AB` on this thread alone.
pub(crate) fn add_product(c: &mut Mat<f64>, a: MatRef<'_, f64>, b: MatRef<'_, f64>) {
    matmul(c, Accum::Add, a, b, 1.0, Par::Seq);
}

/// The lower triangle of `C ← C + AB`, of which C is symmetric, n × n, and A is n × k. Every sum of k
/// products is made by itself and then added, in tiles of one size, so that the bits do not depend on
/// how many threads there are.
pub(crate) fn add_symmetric_product(c: &mut Mat<f64>, a: MatRef<'_, f64>, b: MatRef<'_, f64>) {
    let size = c.nrows();
    c.par_col_chunks_mut(TILE)
        .enumerate()
        .for_each(|(at, mut columns)| {
            let (first, width) = (at * TILE, columns.ncols());
            let b = b.subcols(first, width);
            for row in (first..size).step_by(TILE) {
                let height = TILE.min(size - row);
                let mut tile = Mat::zeros(height, width);
                matmul(
                    &mut tile,
                    Accum::Replace,
                    a.subrows(row, height),
                    b,
                    1.0,
                    Par::Seq,
                );
                let mut there = columns.rb_mut().subrows_mut(row, height);
                there += &tile;
            }
        });
}

/// `AB`.
pub(crate) fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    a * b
}

/// `(A + Aᵀ)/2`.
pub(crate) fn symmetric_part(a: &Mat<f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| 0.5 * (a[(i, j)] + a[(j, i)]))
}

/// Eigenvalues of a symmetric matrix in ascending order, and its eigenvectors as columns; nothing
/// where it is not finite or they were not found.
pub(crate) fn eigen(a: &Mat<f64>) -> Option<(Vec<f64>, Mat<f64>)> {
    let size = a.nrows();
    if size == 0 {
        return Some((Vec::new(), Mat::zeros(0, 0)));
    }
    if !a.is_all_finite() {
        return None;
    }
    let eigen = a.self_adjoint_eigen(Side::Lower).ok()?;
    let values = eigen.S().column_vector();
    Some(((0..size).map(|i| values[i]).collect(), eigen.U().to_owned()))
}

/// The least eigenvalue of a symmetric matrix, if it was found.
pub(crate) fn least_eigenvalue(a: &Mat<f64>) -> Option<f64> {
    let eigenvalues = a.self_adjoint_eigenvalues(Side::Lower).ok()?;
    Some(eigenvalues.into_iter().fold(f64::INFINITY, f64::min))
}

/// `A⁻¹ b` for a symmetric matrix, if it is positive definite.
pub(crate) fn solve_definite(a: &Mat<f64>, b: Vec<f64>) -> Option<Vec<f64>> {
    let factor = a.llt(Side::Lower).ok()?;
    let x = factor.solve(Mat::from_fn(b.len(), 1, |i, _| b[i]));
    Some(x.col_as_slice(0).to_vec())
}

/// Replaces the lower triangle of a symmetric `size × size` matrix, column after column, by L with
/// `A = LLᵀ`. False where A is not positive definite; it is then destroyed.
pub(crate) fn factorise(a: &mut [f32], size: usize) -> bool {
    let matrix = MatMut::from_column_major_slice_mut(a, size, size);
    let params = <LltParams as Auto<f32>>::auto();
    let par = Par::rayon(0);
    let mut memory = MemBuffer::new(cholesky_in_place_scratch::<f32>(size, par, params.into()));
    let stack = MemStack::new(&mut memory);
    let done = cholesky_in_place(matrix, Default::default(), par, stack, params.into());
    done.is_ok() && vector::all_finite(a)
}

/// `X ← A⁻¹ X` with a factor of A, `size × size`, that [`factorise`] made; X's columns come one after
/// another.
pub(crate) fn solve_factorised(factor: &[f32], size: usize, x: &mut [f32]) {
    let columns = x.len() / size.max(1);
    let factor = MatRef::from_column_major_slice(factor, size, size);
    let x = MatMut::from_column_major_slice_mut(x, size, columns);
    solve_in_place(factor, x, Par::Seq, MemStack::new(&mut []));
}
