//! Sums over records, as they grow.

use super::file::take;
use super::rows::rows;
use super::{
    Blocks, Head, add_outer, coupling, couplings, lengths, not_prepared, outputs_at, residuals,
};
use crate::error::Error;
use crate::features::FixedFeatures;
use crate::rounding::{UNIT, units};
use rescind_curvature::{BlockSums, Coupling, SymmetricBlocks};
use std::sync::Arc;

/// Records summed at a time.
pub(crate) const GROUP: usize = 1024;
/// Operations that are done without being asked for: a fraction of a second.
const LITTLE: f64 = 4e9;

/// A sum over the first records, in their order.
pub(crate) struct Sums {
    pub done: usize,
    squares: f64,
    blocks: BlockSums,
    moments: Option<BlockSums>,
    gradient: Vec<f64>,
}

impl Sums {
    pub fn new(model: &dyn FixedFeatures) -> Self {
        let (outputs, width, coupling) = (model.outputs(), model.width(), coupling(model.loss()));
        Self {
            done: 0,
            squares: 0.0,
            blocks: BlockSums::new(outputs, width, coupling),
            moments: (coupling != Coupling::Shared)
                .then(|| BlockSums::new(outputs, width, Coupling::Shared)),
            gradient: vec![0.0; outputs * width],
        }
    }

    pub fn add(
        &mut self,
        model: &dyn FixedFeatures,
        group: &[usize],
        v: &[f64],
    ) -> Result<(), Error> {
        let (loss, outputs, width) = (model.loss(), model.outputs(), model.width());
        let (features, targets) = rows(model, group)?;
        let z = outputs_at(v, width, &features);
        let r = residuals(loss, outputs, &targets, &z);
        // By itself first, so that few additions are between any record and the sum.
        let mut own = vec![0.0; self.gradient.len()];
        add_outer(&mut own, width, 1.0, &features, &r);
        self.gradient
            .iter_mut()
            .zip(own)
            .for_each(|(g, own)| *g += own);
        self.blocks.add(&features, &couplings(loss, outputs, &z));
        let lengths = lengths(width, &features);
        self.squares += lengths.iter().map(|l| l * l).sum::<f64>();
        if let Some(moments) = &mut self.moments {
            moments.add(&features, &lengths);
        }
        self.done += group.len();
        Ok(())
    }

    /// The head at v, whose records these are sums over.
    pub fn head(self, model: &dyn FixedFeatures, penalty: f64, v: Vec<f64>) -> Result<Head, Error> {
        let (outputs, width, loss) = (model.outputs(), model.width(), model.loss());
        let blocks = match coupling(loss) {
            Coupling::Shared => Blocks::Double(self.blocks.blocks()),
            Coupling::Diagonal | Coupling::Full => Blocks::Single(self.blocks.blocks()),
        };
        let additions = width + GROUP + self.done.div_ceil(GROUP);
        // Summed in binary64, then stored. The sum of the sizes of a block's terms is at most that of
        // ‖φ‖², a coupling being at most the identity of k outputs; that of the moments' is their trace.
        let lost = units(additions) * UNIT;
        let terms = (outputs as f64).sqrt() * self.squares;
        let blocks_off = blocks.unit() * blocks.frobenius() + lost * terms;
        let moments = self.moments.map(|moments| moments.blocks::<f64>());
        let off = |moments: &SymmetricBlocks<f64>| (UNIT + lost) * moments.trace();
        let moments_off = moments.as_ref().map_or(0.0, off);
        let factor = blocks.factor(self.done, penalty);
        let factor = factor
            .ok_or_else(|| not_prepared("its curvature is not finite, or lost in rounding"))?;
        Ok(Head {
            loss,
            outputs,
            width,
            penalty,
            records: self.done,
            squares: self.squares,
            blocks,
            moments,
            blocks_off,
            moments_off,
            factor: Arc::new(factor),
            prepared_at: v.clone(),
            weights: v,
            gradient: self.gradient,
            slack: 0.0,
            left: 0,
            steps: 0,
            additions,
        })
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = (self.done as u64).to_le_bytes().to_vec();
        let mut put = |numbers: &[f64]| {
            numbers
                .iter()
                .for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
        };
        put(&[self.squares]);
        put(&self.gradient);
        put(self.blocks.blocks::<f64>().packed());
        if let Some(moments) = &self.moments {
            put(moments.blocks::<f64>().packed());
        }
        bytes
    }

    pub fn from_bytes(mut bytes: &[u8], model: &dyn FixedFeatures) -> Option<Self> {
        let (outputs, width, coupling) = (model.outputs(), model.width(), coupling(model.loss()));
        let done = take(&mut bytes, 1, u64::from_le_bytes)?[0] as usize;
        let squares = take(&mut bytes, 1, f64::from_le_bytes)?[0];
        let gradient = take(&mut bytes, outputs * width, f64::from_le_bytes)?;
        let mut sums = |coupling: Coupling| {
            let count = SymmetricBlocks::<f64>::numbers(outputs, width, coupling)?;
            let packed = take(&mut bytes, count, f64::from_le_bytes)?;
            let blocks = SymmetricBlocks::new(outputs, width, coupling, packed)?;
            Some(BlockSums::from(&blocks))
        };
        let blocks = sums(coupling)?;
        let moments = match coupling {
            Coupling::Shared => None,
            Coupling::Diagonal | Coupling::Full => Some(sums(Coupling::Shared)?),
        };
        bytes.is_empty().then_some(Self {
            done,
            squares,
            blocks,
            moments,
            gradient,
        })
    }
}

/// Whether summing up so many records takes about as long as a request may.
pub(crate) fn is_little_work(records: usize, model: &dyn FixedFeatures) -> bool {
    let (outputs, width) = (model.outputs() as f64, model.width() as f64);
    let pairs = coupling(model.loss()).count(model.outputs());
    let pairs = pairs.map_or(f64::INFINITY, |pairs| pairs as f64);
    let sums = records as f64 * width * width * (pairs + 1.0);
    let factor = match coupling(model.loss()) {
        Coupling::Full => (outputs * width).powi(3) / 3.0,
        Coupling::Shared | Coupling::Diagonal => outputs * width.powi(3) / 3.0,
    };
    sums + factor < LITTLE
}

/// The head where it stands, all sums made anew.
pub(crate) fn summed(
    model: &dyn FixedFeatures,
    positions: &[usize],
    head: &Head,
) -> Result<Head, Error> {
    let mut sums = Sums::new(model);
    for group in positions.chunks(GROUP) {
        sums.add(model, group, &head.weights)?;
    }
    sums.head(model, head.penalty, head.weights.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Failure;
    use crate::linearisation::Targets;
    use crate::outputs::OutputLoss;
    use rescind_curvature::norm;
    use twofloat::TwoFloat;

    /// A few records, over and over.
    struct Repeated {
        rows: Vec<[f32; 3]>,
        loss: OutputLoss,
    }

    impl Repeated {
        /// The first records are of one kind, the next of another.
        fn row(&self, at: usize, of: usize) -> [f32; 3] {
            self.rows[at * self.rows.len() / of]
        }
    }

    const RECORDS: usize = 200_000;

    impl FixedFeatures for Repeated {
        fn outputs(&self) -> usize {
            2
        }

        fn width(&self) -> usize {
            3
        }

        fn loss(&self) -> OutputLoss {
            self.loss
        }

        fn places(&self) -> Vec<usize> {
            (0..6).collect()
        }

        fn features(&self, records: &[usize]) -> Result<Vec<f32>, Failure> {
            let rows = records.iter().flat_map(|&at| self.row(at, RECORDS));
            Ok(rows.collect())
        }

        fn targets(&self, records: &[usize]) -> Result<Targets, Failure> {
            Ok(Targets::Classes(
                records.iter().map(|at| u32::from(at % 3 == 0)).collect(),
            ))
        }
    }

    /// Copies of one record all round the same way: the sums are off by far more than those of as many
    /// different records, and no more than is stated.
    #[test]
    fn sums_over_copies_are_off_by_no_more_than_is_stated() {
        let one = vec![[201.3_f32, 77.7, 133.1]];
        let few = vec![
            [12.1_f32, 301.7, 33.3],
            [299.9, 0.7, 54.1],
            [7.3, 8.9, 250.7],
        ];
        for rows in [one, few] {
            let loss = OutputLoss::SquaredError { bound: 1.0 };
            let model = Repeated { rows, loss };
            let v: Vec<f64> = (0..6).map(|i| 1e-3 * (f64::from(i) - 2.3)).collect();
            let mut sums = Sums::new(&model);
            let all: Vec<usize> = (0..RECORDS).collect();
            for group in all.chunks(GROUP) {
                sums.add(&model, group, &v).unwrap();
            }
            let head = sums.head(&model, 1e-2, v.clone()).unwrap();
            // With twice the digits.
            let mut truth = [TwoFloat::from(0.0); 6];
            let mut square = [TwoFloat::from(0.0); 9];
            for at in all {
                let x = model.row(at, RECORDS).map(f64::from);
                for k in 0..2 {
                    let terms = (0..3).map(|j| TwoFloat::new_mul(v[3 * k + j], x[j]));
                    let z = terms.fold(TwoFloat::from(0.0), |sum, term| sum + term);
                    let own = if usize::from(at % 3 == 0) == k {
                        1.0
                    } else {
                        0.0
                    };
                    for j in 0..3 {
                        truth[3 * k + j] += (z - own) * x[j];
                    }
                }
                for (i, square) in square.iter_mut().enumerate() {
                    *square += TwoFloat::new_mul(x[i / 3], x[i % 3]);
                }
            }
            let n = RECORDS as f64;
            let off: Vec<f64> = truth
                .iter()
                .zip(&head.gradient)
                .map(|(truth, &found)| f64::from(*truth - found) / n)
                .collect();
            let stated = head.bound() - norm(&head.mean_gradient());
            assert!(norm(&off) <= stated, "{:e} of {stated:e}", norm(&off));
            assert!(norm(&off) > 1e-3 * stated, "{:e} of {stated:e}", norm(&off));
            let Blocks::Double(blocks) = &head.blocks else {
                unreachable!("squared error has one block");
            };
            let packed = blocks.packed().iter();
            let places = (0..3).flat_map(|i| (0..=i).map(move |j| 3 * i + j));
            let off: f64 = packed
                .zip(places)
                .map(|(&found, at)| 2.0 * f64::from(square[at] - found).powi(2))
                .sum();
            assert!(off.sqrt() <= head.blocks_off, "{off:e}");
        }
    }
}
