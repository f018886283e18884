use super::LinearOperator;
use crate::{Real, vector};

/// A symmetric matrix held in full, row by row.
#[derive(Debug, Clone)]
pub struct DenseOperator<T> {
    dim: usize,
    entries: Vec<T>,
}

/// The entries given do not fill a square matrix of the size given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a {dim} by {dim} matrix needs dim² entries, row by row, found {found}")]
pub struct NotSquare {
    /// The size asked for.
    pub dim: usize,
    /// Number of entries given.
    pub found: usize,
}

impl<T: Real> DenseOperator<T> {
    /// A matrix of size `dim` × `dim` from its entries, row by row. As everywhere in this crate its
    /// symmetry is the caller's promise.
    ///
    /// # Errors
    /// `entries` does not hold `dim²` values.
    pub fn new(dim: usize, entries: Vec<T>) -> Result<Self, NotSquare> {
        if dim.checked_mul(dim) == Some(entries.len()) {
            Ok(Self { dim, entries })
        } else {
            Err(NotSquare {
                dim,
                found: entries.len(),
            })
        }
    }
}

impl<T: Real> LinearOperator<T> for DenseOperator<T> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn apply(&self, v: &[T], out: &mut [T]) {
        for (row, out) in self.entries.chunks_exact(self.dim.max(1)).zip(out) {
            *out = T::narrow(vector::dot(row, v));
        }
    }
}
