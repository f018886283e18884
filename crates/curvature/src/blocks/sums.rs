//! Adding up blocks over many records.

use super::pair::{add_pair, plain};
use super::{Coupling, SymmetricBlocks, triangle};
use crate::Real;
use faer::Mat;
use rayon::prelude::*;

/// Blocks that grow, in binary64. The records of each call are summed by themselves first, so that no
/// product passes through more additions than these are, and one for each call.
pub struct BlockSums {
    outputs: usize,
    width: usize,
    coupling: Coupling,
    sums: Vec<Mat<f64>>,
}

impl BlockSums {
    /// Zero.
    #[must_use]
    pub fn new(outputs: usize, width: usize, coupling: Coupling) -> Self {
        let pairs = coupling.pairs(outputs);
        let sums = pairs.iter().map(|_| Mat::zeros(width, width)).collect();
        Self {
            outputs,
            width,
            coupling,
            sums,
        }
    }

    /// Adds records: their features, n × p, and for each of them `C_ab` of every pair. At most a few
    /// thousand at a time, since they are held in binary64 meanwhile.
    pub fn add(&mut self, features: &[f32], couplings: &[f64]) {
        let pairs = self.sums.len();
        let plain = plain(features, self.width);
        let sums = self.sums.par_iter_mut().enumerate();
        sums.for_each(|(pair, sum)| add_pair(sum, &plain, |i| couplings[i * pairs + pair]));
    }

    /// Sums to go on from.
    #[must_use]
    pub fn from(blocks: &SymmetricBlocks<f64>) -> Self {
        let width = blocks.width;
        let each = blocks.packed.chunks_exact(triangle(width).max(1));
        let unpacked = |lower: &[f64]| {
            Mat::from_fn(width, width, |i, j| {
                if j <= i { lower[triangle(i) + j] } else { 0.0 }
            })
        };
        Self {
            outputs: blocks.outputs,
            width,
            coupling: blocks.coupling,
            sums: each.map(unpacked).collect(),
        }
    }

    /// The sums so far, lower triangles.
    #[must_use]
    pub fn blocks<T: Real>(&self) -> SymmetricBlocks<T> {
        let mut packed = Vec::with_capacity(triangle(self.width) * self.sums.len());
        for sum in &self.sums {
            for i in 0..self.width {
                packed.extend((0..=i).map(|j| T::narrow(sum[(i, j)])));
            }
        }
        SymmetricBlocks {
            outputs: self.outputs,
            width: self.width,
            coupling: self.coupling,
            packed,
        }
    }
}
