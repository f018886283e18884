//! Curvature of models that are linear in features: a symmetric matrix of k × k blocks, one for each
//! pair of outputs, of which each is symmetric and p × p.

mod factor;
mod pair;
mod sums;

pub use factor::BlockFactor;
pub use sums::BlockSums;

use crate::{Real, vector};
use faer::Mat;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Which pairs of outputs have a block that is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coupling {
    /// Each output with itself, the same block for all.
    Shared,
    /// Each output with itself.
    Diagonal,
    /// Every pair.
    Full,
}

impl Coupling {
    /// The pairs (a, b), a ≤ b, that have a block of their own; of `Shared` (0, 0) stands for all.
    #[must_use]
    pub fn pairs(self, outputs: usize) -> Vec<(usize, usize)> {
        match self {
            Self::Shared => vec![(0, 0)],
            Self::Diagonal => (0..outputs).map(|a| (a, a)).collect(),
            Self::Full => {
                let row = |a| (a..outputs).map(move |b| (a, b));
                (0..outputs).flat_map(row).collect()
            }
        }
    }

    /// How many pairs have a block of their own; none beyond what can be counted.
    #[must_use]
    pub fn count(self, outputs: usize) -> Option<usize> {
        match self {
            Self::Shared => Some(1),
            Self::Diagonal => Some(outputs),
            Self::Full => Some(outputs.checked_mul(outputs.checked_add(1)?)? / 2),
        }
    }
}

/// `Σ_i C_i ⊗ φ_i φ_iᵀ` over records with features φ of p numbers and symmetric k × k couplings C.
/// Vectors are k × p, an output's weights together.
#[derive(Clone, Debug, PartialEq)]
pub struct SymmetricBlocks<T> {
    outputs: usize,
    width: usize,
    coupling: Coupling,
    /// The lower triangles of the blocks, one after another, row by row.
    packed: Vec<T>,
}

/// Numbers of a lower triangle.
fn triangle(width: usize) -> usize {
    width * (width + 1) / 2
}

impl<T: Real> SymmetricBlocks<T> {
    /// Blocks whose lower triangles are given, one after another in the order of
    /// [`Coupling::pairs`], row by row. None where there are not as many numbers.
    #[must_use]
    pub fn new(outputs: usize, width: usize, coupling: Coupling, packed: Vec<T>) -> Option<Self> {
        let expected = Self::numbers(outputs, width, coupling)?;
        (packed.len() == expected).then_some(Self {
            outputs,
            width,
            coupling,
            packed,
        })
    }

    /// How many numbers are held; none beyond what can be counted.
    #[must_use]
    pub fn numbers(outputs: usize, width: usize, coupling: Coupling) -> Option<usize> {
        (width.checked_mul(width.checked_add(1)?)? / 2).checked_mul(coupling.count(outputs)?)
    }

    /// k.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// p.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The lower triangles.
    #[must_use]
    pub fn packed(&self) -> &[T] {
        &self.packed
    }

    fn blocks(&self) -> impl IndexedParallelIterator<Item = ((usize, usize), &[T])> {
        let pairs = self.coupling.pairs(self.outputs);
        let blocks = self.packed.par_chunks_exact(triangle(self.width));
        pairs.into_par_iter().zip(blocks)
    }

    /// The trace.
    #[must_use]
    pub fn trace(&self) -> f64 {
        let of = |block: &[T]| {
            let diagonal = (0..self.width).map(|i| block[triangle(i) + i].widen());
            diagonal.sum::<f64>()
        };
        let own: Vec<f64> = self
            .blocks()
            .map(|((a, b), block)| if a == b { of(block) } else { 0.0 })
            .collect();
        let all: f64 = own.iter().sum();
        match self.coupling {
            Coupling::Shared => all * self.outputs as f64,
            Coupling::Diagonal | Coupling::Full => all,
        }
    }

    /// The Frobenius norm, which the spectral norm does not exceed.
    #[must_use]
    pub fn frobenius(&self) -> f64 {
        let squares: Vec<f64> = self
            .blocks()
            .map(|((a, b), block)| {
                let all = vector::dot(block, block);
                let diagonal = (0..self.width).map(|i| block[triangle(i) + i].widen().powi(2));
                let whole = 2.0 * all - diagonal.sum::<f64>();
                if a == b { whole } else { 2.0 * whole }
            })
            .collect();
        let all: f64 = squares.iter().sum();
        match self.coupling {
            Coupling::Shared => (all * self.outputs as f64).sqrt(),
            Coupling::Diagonal | Coupling::Full => all.sqrt(),
        }
    }

    /// The product with x, in binary64.
    #[must_use]
    pub fn product(&self, x: &[f64]) -> Vec<f64> {
        let (width, outputs) = (self.width, self.outputs);
        let row = |output: usize| &x[output * width..][..width];
        if self.coupling == Coupling::Shared {
            // The block is read once by each thread, and not once for each output.
            let together = outputs.div_ceil(rayon::current_num_threads()).max(1) * width;
            let parts = x.par_chunks(together.max(1));
            return parts
                .flat_map_iter(|some| symmetric(&self.packed, width, some))
                .collect();
        }
        let parts: Vec<_> = self
            .blocks()
            .map(|((a, b), block)| {
                let other = (a != b).then(|| symmetric(block, width, row(a)));
                ((a, b), symmetric(block, width, row(b)), other)
            })
            .collect();
        // Added one after another, whatever the threads.
        let mut out = vec![0.0; outputs * width];
        let mut add = |output: usize, part: &[f64]| {
            let own = out[output * width..].iter_mut();
            own.zip(part).for_each(|(out, part)| *out += part);
        };
        for ((a, b), part, other) in parts {
            add(a, &part);
            if let Some(other) = other {
                add(b, &other);
            }
        }
        out
    }

    /// Adds `scale · Σ_i C_i ⊗ φ_i φ_iᵀ` over at most a few thousand records: their features, n × p, and
    /// for each of them `C_ab` of every pair.
    pub fn add(&mut self, scale: f64, features: &[f32], couplings: &[f64]) {
        let width = self.width;
        let pairs = self.coupling.pairs(self.outputs).len();
        let records = features.len() / width.max(1);
        let together = (records >= TOGETHER).then(|| pair::plain(features, width));
        let blocks = self.packed.par_chunks_exact_mut(triangle(width));
        blocks.enumerate().for_each(|(pair, block)| {
            let coupled = couplings.chunks_exact(pairs).map(|own| scale * own[pair]);
            let weights: Vec<f64> = coupled.collect();
            if let Some(plain) = &together {
                let mut own = Mat::zeros(width, width);
                pair::add_pair(&mut own, plain, |record| weights[record]);
                let entries = (0..width).flat_map(|i| (0..=i).map(move |j| (i, j)));
                for (entry, at) in block.iter_mut().zip(entries) {
                    *entry = T::narrow(entry.widen() + own[at]);
                }
                return;
            }
            let mut rows = Vec::with_capacity(width);
            let mut rest = block;
            for i in 0..width {
                let (row, tail) = rest.split_at_mut(i + 1);
                rows.push(row);
                rest = tail;
            }
            rows.par_chunks_mut(TILE_ROWS)
                .enumerate()
                .for_each(|(at, rows)| {
                    add_to_rows(rows, at * TILE_ROWS, &weights, features, width);
                });
        });
    }
}

/// From how many records on these are summed by themselves first: fewer touch every entry sooner than a
/// matrix of their own is made.
const TOGETHER: usize = 8;
/// Rows of a triangle that are added to together, and how many of their entries: what stays in a cache
/// while all records go by.
const TILE_ROWS: usize = 32;
const TILE_COLUMNS: usize = 512;

/// Adds `Σ_i c_i φ_i φ_iᵀ` to some rows of a lower triangle, record after record in every entry.
fn add_to_rows<T: Real>(
    rows: &mut [&mut [T]],
    first: usize,
    weights: &[f64],
    features: &[f32],
    width: usize,
) {
    let last = first + rows.len();
    for column in (0..last).step_by(TILE_COLUMNS) {
        for (phi, weight) in features.chunks_exact(width).zip(weights) {
            let others = &phi[column..last.min(column + TILE_COLUMNS)];
            for (row, &own) in rows.iter_mut().zip(&phi[first..last]) {
                let factor = weight * f64::from(own);
                let from = column.min(row.len());
                for (entry, &other) in row[from..].iter_mut().zip(others) {
                    *entry = T::narrow(entry.widen() + factor * f64::from(other));
                }
            }
        }
    }
}

/// A symmetric matrix, of which this is the lower triangle, times some vectors, one after another: each
/// as if it were alone.
fn symmetric<T: Real>(lower: &[T], width: usize, vectors: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; vectors.len()];
    for i in 0..width {
        let row = &lower[triangle(i)..][..=i];
        let each = vectors.chunks_exact(width).zip(out.chunks_exact_mut(width));
        each.for_each(|(x, out)| symmetric_row(row, x, out));
    }
    out
}

/// What a row of the lower triangle contributes to a product, and as a column.
fn symmetric_row<T: Real>(row: &[T], x: &[f64], out: &mut [f64]) {
    const LANES: usize = 8;
    let i = row.len() - 1;
    let own = x[i];
    let (before, diagonal) = row.split_at(i);
    // Below the diagonal and above it in one reading.
    let mut sums = [0.0; LANES];
    let (rows, xs, outs) = (
        before.chunks_exact(LANES),
        x[..i].chunks_exact(LANES),
        out[..i].chunks_exact_mut(LANES),
    );
    let mut rest = 0.0;
    for (entry, x) in rows.remainder().iter().zip(xs.remainder()) {
        rest += entry.widen() * x;
    }
    for ((row, x), out) in rows.zip(xs).zip(outs) {
        for lane in 0..LANES {
            let entry = row[lane].widen();
            sums[lane] += entry * x[lane];
            out[lane] += entry * own;
        }
    }
    let done = i - i % LANES;
    for (entry, out) in before[done..].iter().zip(&mut out[done..i]) {
        *out += entry.widen() * own;
    }
    out[i] += sums.iter().sum::<f64>() + rest + diagonal[0].widen() * own;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::norm;

    const OUTPUTS: usize = 3;
    const WIDTH: usize = 19;
    const RECORDS: usize = 40;
    const ALL: [Coupling; 3] = [Coupling::Shared, Coupling::Diagonal, Coupling::Full];

    fn features() -> Vec<f32> {
        (0..RECORDS * WIDTH)
            .map(|i| ((i * 37 + 5) % 101) as f32 / 50.0 - 1.0)
            .collect()
    }

    fn couplings(coupling: Coupling) -> Vec<f64> {
        let pairs = coupling.pairs(OUTPUTS);
        (0..RECORDS)
            .flat_map(|i| {
                pairs.iter().map(move |&(a, b)| {
                    let own = ((i * 13 + 7 * a + 3 * b) % 17) as f64 / 17.0;
                    if a == b { 1.0 + own } else { 0.2 * own }
                })
            })
            .collect()
    }

    /// The matrix written out from its definition.
    fn dense(coupling: Coupling, records: std::ops::Range<usize>) -> Vec<Vec<f64>> {
        let size = OUTPUTS * WIDTH;
        let mut all = vec![vec![0.0; size]; size];
        let (features, couplings) = (features(), couplings(coupling));
        let pairs = coupling.pairs(OUTPUTS);
        for i in records {
            let phi = &features[i * WIDTH..][..WIDTH];
            for a in 0..OUTPUTS {
                for b in 0..OUTPUTS {
                    let of = match coupling {
                        Coupling::Shared => (0, 0),
                        _ => (a.min(b), a.max(b)),
                    };
                    let place = pairs.iter().position(|&pair| pair == of);
                    let apart = a != b && coupling != Coupling::Full;
                    let Some(place) = place.filter(|_| !apart) else {
                        continue;
                    };
                    let weight = couplings[i * pairs.len() + place];
                    for (r, &x) in phi.iter().enumerate() {
                        for (c, &y) in phi.iter().enumerate() {
                            all[a * WIDTH + r][b * WIDTH + c] +=
                                weight * f64::from(x) * f64::from(y);
                        }
                    }
                }
            }
        }
        all
    }

    fn times(matrix: &[Vec<f64>], x: &[f64]) -> Vec<f64> {
        let row = |row: &Vec<f64>| row.iter().zip(x).map(|(a, x)| a * x).sum();
        matrix.iter().map(row).collect()
    }

    fn apart(a: &[f64], b: &[f64]) -> f64 {
        let difference: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        norm(&difference) / norm(b)
    }

    fn summed(coupling: Coupling, from: usize) -> SymmetricBlocks<f64> {
        let mut sums = BlockSums::new(OUTPUTS, WIDTH, coupling);
        let (features, couplings) = (features(), couplings(coupling));
        let pairs = coupling.pairs(OUTPUTS).len();
        for start in (from..RECORDS).step_by(15) {
            let end = RECORDS.min(start + 15);
            sums.add(
                &features[start * WIDTH..end * WIDTH],
                &couplings[start * pairs..end * pairs],
            );
        }
        sums.blocks()
    }

    fn vector() -> Vec<f64> {
        (0..OUTPUTS * WIDTH)
            .map(|i| (i as f64 * 0.7).sin())
            .collect()
    }

    /// Wider than any tile: every entry is what one record after another makes of it.
    #[test]
    fn sums_over_many_tiles_are_those_of_each_entry() {
        let (width, records) = (TILE_COLUMNS + 2 * TILE_ROWS + 7, 5);
        let features: Vec<f32> = (0..records * width)
            .map(|i| ((i * 31 + 3) % 89) as f32 / 40.0 - 1.0)
            .collect();
        let weights: Vec<f64> = (0..records).map(|i| 1.0 + i as f64 / 3.0).collect();
        let mut sums = BlockSums::new(2, width, Coupling::Shared);
        sums.add(&features, &weights);
        let summed: SymmetricBlocks<f64> = sums.blocks();
        let nothing = vec![0.0; triangle(width)];
        let mut added = SymmetricBlocks::new(2, width, Coupling::Shared, nothing).unwrap();
        added.add(-2.0, &features, &weights);
        for i in 0..width {
            for j in 0..=i {
                let terms = (0..records).map(|r| {
                    let own = f64::from(features[r * width + i]);
                    (weights[r] * own, f64::from(features[r * width + j]))
                });
                let expected: f64 = terms.clone().map(|(a, b)| a * b).sum();
                let one_by_one = terms.fold(0.0, |sum, (a, b)| sum + (-2.0 * a) * b);
                let (first, second) = (
                    summed.packed[triangle(i) + j],
                    added.packed[triangle(i) + j],
                );
                assert!(
                    (first - expected).abs() <= 1e-14 * (1.0 + expected.abs()),
                    "{i} {j}"
                );
                assert!(
                    (second - one_by_one).abs() <= 1e-14 * (1.0 + second.abs()),
                    "{i} {j}"
                );
            }
        }
        let x: Vec<f64> = (0..2 * width).map(|i| (i as f64 * 0.3).cos()).collect();
        let product = summed.product(&x);
        for (own, x) in product.chunks(width).zip(x.chunks(width)) {
            let row = |i: usize| (0..width).map(move |j| (i.max(j), i.min(j)));
            let exact = (0..width).map(|i| {
                row(i)
                    .map(|(a, b)| summed.packed[triangle(a) + b] * x[if a == i { b } else { a }])
                    .sum::<f64>()
            });
            let exact: Vec<f64> = exact.collect();
            assert!(apart(own, &exact) < 1e-13);
        }
    }

    #[test]
    fn products_norms_and_traces_are_those_of_the_matrix() {
        for coupling in ALL {
            let (blocks, matrix) = (summed(coupling, 0), dense(coupling, 0..RECORDS));
            let x = vector();
            assert!(apart(&blocks.product(&x), &times(&matrix, &x)) < 1e-14);
            let flat: Vec<f64> = matrix.iter().flatten().copied().collect();
            assert!((blocks.frobenius() / norm(&flat) - 1.0).abs() < 1e-13);
            let trace: f64 = (0..x.len()).map(|i| matrix[i][i]).sum();
            assert!((blocks.trace() / trace - 1.0).abs() < 1e-13, "{coupling:?}");
        }
    }

    #[test]
    fn records_leave_by_subtraction() {
        for coupling in ALL {
            let pairs = coupling.pairs(OUTPUTS).len();
            let (features, couplings) = (features(), couplings(coupling));
            // One after another, and summed by themselves first.
            for gone in [TOGETHER - 1, 2 * TOGETHER + 3] {
                let mut less = summed(coupling, 0);
                less.add(-1.0, &features[..gone * WIDTH], &couplings[..gone * pairs]);
                let fresh = summed(coupling, gone);
                let off = apart(less.packed(), fresh.packed());
                assert!(off < 1e-14, "{coupling:?} {gone}: {off}");
            }
        }
    }

    #[test]
    fn a_factor_solves_and_is_kept() {
        for coupling in ALL {
            let (blocks, mut matrix) = (summed(coupling, 0), dense(coupling, 0..RECORDS));
            for (i, row) in matrix.iter_mut().enumerate() {
                row.iter_mut().for_each(|entry| *entry *= 0.5);
                row[i] += 0.3;
            }
            let factor = BlockFactor::new(&blocks, 0.5, 0.3).unwrap();
            let x = vector();
            let solved = factor.solve(&x);
            assert!(apart(&times(&matrix, &solved), &x) < 1e-4, "{coupling:?}");
            let packed = factor.packed();
            let again = BlockFactor::from_packed(OUTPUTS, WIDTH, coupling, &packed).unwrap();
            assert_eq!(again.solve(&x), solved);
            let short = &packed[1..];
            assert!(BlockFactor::from_packed(OUTPUTS, WIDTH, coupling, short).is_none());
            assert!(BlockFactor::new(&blocks, -1.0, 0.3).is_none());
        }
    }
}
