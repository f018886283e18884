//! Sums over records, as they grow.

use super::file::take;
use super::head::{Blocks, Head, add_outer, coupling, couplings, lengths, outputs_at, residuals};
use super::rows::rows;
use crate::error::Error;
use crate::features::FixedFeatures;
use crate::rounding::{UNIT, UNITS};
use rescind_curvature::{BlockSums, Coupling, SymmetricBlocks};
use std::sync::Arc;

/// Records summed at a time.
pub(super) const GROUP: usize = 1024;
/// Operations that are done without being asked for: a fraction of a second.
const LITTLE: f64 = 4e9;

/// A sum over the first records, in their order.
pub(super) struct Sums {
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
        add_outer(&mut self.gradient, width, 1.0, &features, &r);
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
        // Summed in binary64, then stored.
        let blocks_off = (blocks.unit() + UNITS * UNIT) * blocks.frobenius();
        let moments = self.moments.map(|moments| moments.blocks::<f64>());
        let off = |moments: &SymmetricBlocks<f64>| UNITS * UNIT * moments.frobenius();
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
pub(super) fn is_little_work(records: usize, model: &dyn FixedFeatures) -> bool {
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
pub(super) fn summed(
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

pub(super) fn not_prepared(reason: &str) -> Error {
    Error::NotPrepared {
        reason: reason.to_owned(),
    }
}
