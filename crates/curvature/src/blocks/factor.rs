//! Cholesky factors of blocks, to precondition with.

use super::{Coupling, SymmetricBlocks, triangle};
use crate::{Real, dense};
use rayon::prelude::*;

/// Outputs that are solved for together by one factor.
const TOGETHER: usize = 5;

/// A Cholesky factor of `s B + μ I` in binary32: it preconditions, and what is solved with it is to
/// be refined.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockFactor {
    outputs: usize,
    width: usize,
    coupling: Coupling,
    /// Lower triangles, column after column: one for all outputs, one for each, or one of all.
    factors: Vec<Vec<f32>>,
}

impl BlockFactor {
    /// Of `scale · blocks + shift · I`. None where that is not positive definite.
    #[must_use]
    pub fn new<T: Real>(blocks: &SymmetricBlocks<T>, scale: f64, shift: f64) -> Option<Self> {
        let (outputs, width, coupling) = (blocks.outputs, blocks.width, blocks.coupling);
        let lower = |block: &[T], i: usize, j: usize| {
            let (i, j) = (i.max(j), i.min(j));
            scale * block[triangle(i) + j].widen() + if i == j { shift } else { 0.0 }
        };
        let pairs = coupling.pairs(outputs);
        let each = blocks.packed.chunks_exact(triangle(width));
        let factors = match coupling {
            Coupling::Shared | Coupling::Diagonal => each
                .map(|block| {
                    let size = width;
                    let mut a = vec![0.0; size * size];
                    for j in 0..size {
                        for i in j..size {
                            a[j * size + i] = lower(block, i, j) as f32;
                        }
                    }
                    dense::factorise(&mut a, size).then_some(a)
                })
                .collect::<Option<Vec<_>>>()?,
            Coupling::Full => {
                let size = outputs * width;
                let mut a = vec![0.0; size * size];
                for ((first, second), block) in pairs.into_iter().zip(each) {
                    // Its place in the lower triangle is (second, first).
                    for j in 0..width {
                        let column = &mut a[(first * width + j) * size + second * width..];
                        for (i, entry) in column[..width].iter_mut().enumerate() {
                            let own = triangle(i.max(j)) + i.min(j);
                            let mut value = scale * block[own].widen();
                            if first == second && i == j {
                                value += shift;
                            }
                            *entry = value as f32;
                        }
                    }
                }
                dense::factorise(&mut a, size).then(|| vec![a])?
            }
        };
        Some(Self {
            outputs,
            width,
            coupling,
            factors,
        })
    }

    /// A factor whose lower triangles are given as [`packed`](Self::packed) gives them. None where
    /// there are not as many numbers.
    #[must_use]
    pub fn from_packed(
        outputs: usize,
        width: usize,
        coupling: Coupling,
        packed: &[f32],
    ) -> Option<Self> {
        let (count, size) = Self::shape(outputs, width, coupling);
        if packed.len() != triangle(size).checked_mul(count)? {
            return None;
        }
        let unpacked = |lower: &[f32]| {
            let mut a = vec![0.0; size * size];
            let mut rest = lower;
            for j in 0..size {
                let (column, tail) = rest.split_at(size - j);
                a[j * size + j..][..size - j].copy_from_slice(column);
                rest = tail;
            }
            a
        };
        let factors = packed.par_chunks_exact(triangle(size).max(1)).map(unpacked);
        Some(Self {
            outputs,
            width,
            coupling,
            factors: factors.collect(),
        })
    }

    fn shape(outputs: usize, width: usize, coupling: Coupling) -> (usize, usize) {
        match coupling {
            Coupling::Shared => (1, width),
            Coupling::Diagonal => (outputs, width),
            Coupling::Full => (1, outputs * width),
        }
    }

    /// Bytes that a factor takes in memory; none beyond what can be counted.
    #[must_use]
    pub fn bytes(outputs: usize, width: usize, coupling: Coupling) -> Option<usize> {
        let (count, size) = match coupling {
            Coupling::Full => (1, outputs.checked_mul(width)?),
            _ => Self::shape(outputs, width, coupling),
        };
        size.checked_mul(size)?.checked_mul(4 * count)
    }

    /// The lower triangles, column after column.
    #[must_use]
    pub fn packed(&self) -> Vec<f32> {
        let (count, size) = Self::shape(self.outputs, self.width, self.coupling);
        let mut packed = Vec::with_capacity(triangle(size) * count);
        for factor in &self.factors {
            for j in 0..size {
                packed.extend_from_slice(&factor[j * size + j..(j + 1) * size]);
            }
        }
        packed
    }

    /// `(s B + μ I)⁻¹ x`, as exact as binary32 is.
    #[must_use]
    pub fn solve(&self, x: &[f64]) -> Vec<f64> {
        let largest = x.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        if largest <= 0.0 {
            return x.to_vec();
        }
        let mut unit: Vec<f32> = x.iter().map(|x| (x / largest) as f32).collect();
        match self.coupling {
            Coupling::Full => {
                let size = unit.len();
                dense::solve_factorised(&self.factors[0], size, &mut unit);
            }
            // As many together on any machine: the factor is read once for all of them.
            Coupling::Shared => {
                let some = unit.par_chunks_mut(TOGETHER * self.width.max(1));
                some.for_each(|some| dense::solve_factorised(&self.factors[0], self.width, some));
            }
            Coupling::Diagonal => {
                let rows = unit.par_chunks_exact_mut(self.width);
                rows.zip(&self.factors)
                    .for_each(|(row, own)| dense::solve_factorised(own, self.width, row));
            }
        }
        unit.into_iter().map(|x| largest * f64::from(x)).collect()
    }
}
