//! A model that is linear in fixed features, as it is kept: its weights, the gradient there, and sums
//! over its records (docs/theory.md §11).

mod file;
mod minimum;
mod rows;
mod sums;

pub(crate) use file::{factor_to_bytes, from_bytes, to_bytes};
pub(crate) use minimum::minimum;
pub(crate) use rows::{places, rows};
pub(crate) use sums::{GROUP, Sums, is_little_work, summed};

use crate::error::Error;
use crate::linearisation::Targets;
use crate::outputs::{Losses, OutputLoss, OutputTargets};
use crate::rounding::{UNIT, rounding, units};
use rescind_curvature::{BlockFactor, Coupling, SymmetricBlocks, dot, norm};
use std::sync::Arc;

/// Most corrections of a step by one factor.
const CORRECTIONS: usize = 12;
/// A correction that leaves more than this of the residual is the last.
const WORTH: f64 = 0.9;
/// Unit roundoff of binary32.
const SINGLE: f64 = 0.5 * f32::EPSILON as f64;

/// Blocks as they are kept: where the loss is quadratic there is one, in binary64, and requests stay
/// exact.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Blocks {
    Single(SymmetricBlocks<f32>),
    Double(SymmetricBlocks<f64>),
}

impl Blocks {
    fn product(&self, x: &[f64]) -> Vec<f64> {
        match self {
            Self::Single(blocks) => blocks.product(x),
            Self::Double(blocks) => blocks.product(x),
        }
    }

    fn add(&mut self, scale: f64, features: &[f32], couplings: &[f64]) {
        match self {
            Self::Single(blocks) => blocks.add(scale, features, couplings),
            Self::Double(blocks) => blocks.add(scale, features, couplings),
        }
    }

    pub fn frobenius(&self) -> f64 {
        match self {
            Self::Single(blocks) => blocks.frobenius(),
            Self::Double(blocks) => blocks.frobenius(),
        }
    }

    /// What a number loses when it is stored.
    pub fn unit(&self) -> f64 {
        match self {
            Self::Single(_) => SINGLE + UNIT,
            Self::Double(_) => UNIT,
        }
    }

    /// The factor of `blocks/n + μI`.
    pub fn factor(&self, records: usize, penalty: f64) -> Option<BlockFactor> {
        let scale = 1.0 / records as f64;
        match self {
            Self::Single(blocks) => BlockFactor::new(blocks, scale, penalty),
            Self::Double(blocks) => BlockFactor::new(blocks, scale, penalty),
        }
    }
}

/// A head over n records. Sums are over all of them; `V = w − c` has k × p elements.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub loss: OutputLoss,
    pub outputs: usize,
    pub width: usize,
    pub penalty: f64,
    pub records: usize,
    /// At least `Σ ‖φ_i‖²`: of all records ever summed, so that what large ones leave behind in
    /// rounding is never forgotten.
    pub squares: f64,
    /// `Σ ∇²ℓ_i` at `prepared_at`.
    pub blocks: Blocks,
    /// `Σ ‖φ_i‖ φ_i φ_iᵀ`, unless the loss is quadratic.
    pub moments: Option<SymmetricBlocks<f64>>,
    /// Of the curvature as it was prepared: it may be stale.
    pub factor: Arc<BlockFactor>,
    pub prepared_at: Vec<f64>,
    /// V.
    pub weights: Vec<f64>,
    /// `Σ ∇ℓ_i` at V, without the penalty.
    pub gradient: Vec<f64>,
    /// At most so far is that from the truth, rounding apart.
    pub slack: f64,
    /// How far the blocks are from the true ones, at most, in the Frobenius norm.
    pub blocks_off: f64,
    /// The same of the moments.
    pub moments_off: f64,
    /// Records that have left the blocks since these were summed.
    pub left: u64,
    /// Steps since the gradient was computed from the records.
    pub steps: u64,
    /// Most additions that a record's term passed through on its way into a sum.
    pub additions: usize,
}

/// Most memory that sums may take: where a model needs more, descending is the better way.
pub(crate) const MOST_BYTES: usize = 2 << 30;

/// Bytes that summing takes: blocks while they grow, and the factor.
pub(crate) fn memory(outputs: usize, width: usize, coupling: Coupling) -> Option<usize> {
    let square = width.checked_mul(width)?.checked_mul(8)?;
    let growing = square.checked_mul(coupling.count(outputs)?.checked_add(1)?)?;
    growing.checked_add(BlockFactor::bytes(outputs, width, coupling)?)
}

pub(crate) fn not_prepared(reason: &str) -> Error {
    Error::NotPrepared {
        reason: reason.to_owned(),
    }
}

/// Whether a record's couplings follow from its outputs alone. Which positions of a sequence count
/// does not.
pub(crate) fn can_be_prepared(loss: OutputLoss) -> bool {
    !matches!(loss, OutputLoss::TokenCrossEntropy { .. })
}

/// Which couplings a loss has.
pub(crate) fn coupling(loss: OutputLoss) -> Coupling {
    match loss {
        OutputLoss::SoftmaxCrossEntropy | OutputLoss::TokenCrossEntropy { .. } => Coupling::Full,
        OutputLoss::IndependentLabels => Coupling::Diagonal,
        OutputLoss::SquaredError { .. } => Coupling::Shared,
    }
}

/// `V φ_i` of each record, n × k.
pub(crate) fn outputs_at(v: &[f64], width: usize, features: &[f32]) -> Vec<f64> {
    let rows = features.chunks_exact(width);
    let each = |phi: &[f32]| {
        let phi: Vec<f64> = phi.iter().map(|&x| f64::from(x)).collect();
        let outputs = v.chunks_exact(width);
        outputs.map(|row| dot(row, &phi)).collect::<Vec<f64>>()
    };
    rows.flat_map(each).collect()
}

/// What of some records goes into the sums: residuals at one point and couplings at another, n × k
/// and n × pairs.
pub(crate) fn couplings(loss: OutputLoss, outputs: usize, z: &[f64]) -> Vec<f64> {
    let pairs = coupling(loss).pairs(outputs);
    let mut m = vec![0.0; outputs];
    let mut all = Vec::with_capacity(z.len() / outputs * pairs.len());
    for z in z.chunks_exact(outputs) {
        loss.mean(z, &mut m);
        all.extend(pairs.iter().map(|&(a, b)| loss.coupled(&m, a, b)));
    }
    all
}

pub(crate) fn residuals(
    loss: OutputLoss,
    outputs: usize,
    targets: &Targets,
    z: &[f64],
) -> Vec<f64> {
    let targets = match targets {
        Targets::Classes(labels) => OutputTargets::Classes(labels),
        Targets::Values(values) => OutputTargets::Values(values),
        Targets::Tokens(tokens) => OutputTargets::Tokens {
            tokens,
            positions: (tokens.len() * outputs / z.len().max(1)).max(1),
        },
    };
    let losses = Losses {
        loss,
        targets,
        outputs,
    };
    let mut residuals = vec![0.0; z.len()];
    losses.residuals(z, &mut residuals);
    residuals
}

/// Adds `scale · Σ r_i ⊗ φ_i`.
pub(crate) fn add_outer(
    gradient: &mut [f64],
    width: usize,
    scale: f64,
    features: &[f32],
    r: &[f64],
) {
    let outputs = gradient.len() / width;
    for (phi, r) in features.chunks_exact(width).zip(r.chunks_exact(outputs)) {
        for (row, r) in gradient.chunks_exact_mut(width).zip(r) {
            let factor = scale * r;
            for (g, &x) in row.iter_mut().zip(phi) {
                *g += factor * f64::from(x);
            }
        }
    }
}

/// `‖φ_i‖` of each record.
pub(crate) fn lengths(width: usize, features: &[f32]) -> Vec<f64> {
    features.chunks_exact(width).map(norm).collect()
}

impl Head {
    fn count(&self) -> f64 {
        self.records as f64
    }

    /// Takes records out: their features, n × p, and targets.
    pub fn remove(&mut self, features: &[f32], targets: &Targets) {
        let (loss, outputs, width) = (self.loss, self.outputs, self.width);
        let count = features.len() / width;
        let z = outputs_at(&self.weights, width, features);
        let r = residuals(loss, outputs, targets, &z);
        add_outer(&mut self.gradient, width, -1.0, features, &r);
        let z = outputs_at(&self.prepared_at, width, features);
        let lengths = lengths(width, features);
        // Every subtraction rounds at the size that was there before it: a large record leaves its
        // rounding behind. A coupling is at most the identity of k outputs.
        let own: f64 = lengths.iter().map(|l| l * l).sum();
        let size = self.blocks.frobenius() + (outputs as f64).sqrt() * own;
        self.blocks_off += 4.0 * count as f64 * self.blocks.unit() * size;
        self.blocks
            .add(-1.0, features, &couplings(loss, outputs, &z));
        if let Some(moments) = &mut self.moments {
            let own: f64 = lengths.iter().map(|l| l.powi(3)).sum();
            let size = moments.frobenius() + (outputs as f64).sqrt() * own;
            self.moments_off += 4.0 * count as f64 * UNIT * size;
            moments.add(-1.0, features, &lengths);
        }
        self.records -= count;
        self.left += count as u64;
    }

    /// `(1/n) Σ ‖φ_i‖ ‖X φ_i‖²`.
    fn moment(&self, x: &[f64]) -> f64 {
        let Some(moments) = &self.moments else {
            return 0.0;
        };
        let product = moments.product(x);
        let off = self.moments_off * dot(x, x);
        (dot(&product, x).max(0.0) + off) / self.count()
    }

    /// `∇F` here, as far as it is known.
    pub(crate) fn mean_gradient(&self) -> Vec<f64> {
        let n = self.count();
        let pairs = self.gradient.iter().zip(&self.weights);
        pairs.map(|(g, v)| g / n + self.penalty * v).collect()
    }

    /// Goes a Newton step by the curvature as it was prepared, of which the records that left are no
    /// part: to a residual of at most `tolerance` if that can be had, and to the last digit where the
    /// loss is quadratic. Whether the factor had to be renewed for that.
    ///
    /// `centre` is c, since the weights are `V + c` as binary64 holds them.
    pub fn step(&mut self, tolerance: f64, centre: &[f64]) -> bool {
        let tolerance = match self.blocks {
            Blocks::Single(_) => tolerance,
            // Less than what the products lose is no residual.
            Blocks::Double(_) => self.rounding_of_one() / units(self.additions),
        };
        let mut residual = self.mean_gradient();
        let mut x = vec![0.0; residual.len()];
        let stuck = !self.correct(&mut x, &mut residual, tolerance);
        let fresh = match stuck && self.left > 0 && norm(&residual) > tolerance {
            true => self.blocks.factor(self.records, self.penalty),
            false => None,
        };
        let renewed = fresh.is_some();
        if let Some(factor) = fresh {
            self.factor = Arc::new(factor);
            self.correct(&mut x, &mut residual, tolerance);
        }
        self.arrive(&x, &residual, centre);
        renewed
    }

    /// Corrects x by the factor, each time by as much as leaves the least residual. False where many
    /// corrections did not do.
    fn correct(&self, x: &mut [f64], residual: &mut [f64], tolerance: f64) -> bool {
        let n = self.count();
        for _ in 0..CORRECTIONS {
            let before = norm(residual);
            if before <= tolerance {
                return true;
            }
            let correction = self.factor.solve(residual);
            let mut moved = self.blocks.product(&correction);
            for (moved, c) in moved.iter_mut().zip(&correction) {
                *moved = *moved / n + self.penalty * c;
            }
            let length = dot(residual, &moved) / dot(&moved, &moved);
            let left: Vec<f64> = residual
                .iter()
                .zip(&moved)
                .map(|(r, m)| r - length * m)
                .collect();
            let after = norm(&left);
            if after.is_nan() || after >= WORTH * before {
                // As far as rounding lets it go, or as far as a stale factor leads.
                return before <= self.rounding_of_one();
            }
            residual.copy_from_slice(&left);
            x.iter_mut()
                .zip(&correction)
                .for_each(|(x, c)| *x -= length * c);
        }
        false
    }

    /// Makes x further the place where it stands, and the residual its gradient.
    fn arrive(&mut self, x: &[f64], residual: &[f64], centre: &[f64]) {
        let n = self.count();
        self.slack += self.curved_away(x);
        for (v, x) in self.weights.iter_mut().zip(x) {
            *v += x;
        }
        for ((g, r), v) in self.gradient.iter_mut().zip(residual).zip(&self.weights) {
            *g = n * (r - self.penalty * v);
        }
        // V is what the weights make of it, and the gradient moves with it by no more than this:
        // the loss's curvature is at most 1.
        let (mut moved, mut all) = (0.0, 0.0);
        for (v, c) in self.weights.iter_mut().zip(centre) {
            let w = *v + c;
            moved += (w - c - *v).powi(2);
            all += w * w;
            *v = w - c;
        }
        self.slack += self.squares * (moved.sqrt() + 4.0 * UNIT * all.sqrt());
        self.steps += 1;
    }

    /// How far the sum of gradients may be, after a step x from here, from where the kept curvature
    /// says (docs/theory.md §11): by the loss's third derivative, and by the blocks' own rounding.
    fn curved_away(&self, x: &[f64]) -> f64 {
        let pairs = self.weights.iter().zip(&self.prepared_at);
        let e: Vec<f64> = pairs.map(|(v, at)| v - at).collect();
        let (e, d) = (self.moment(&e), self.moment(x));
        let curved = self.loss.third_derivative() * ((e * d).sqrt() + 0.5 * d);
        // A little more than computed, for the rounding of these sums themselves.
        1.001 * (self.count() * curved + self.blocks_off * norm(x))
    }

    /// What `‖∇F‖` is at most, rounding included: of the gradient, and of every step since.
    pub fn bound(&self) -> f64 {
        let rounding = (1 + self.steps) as f64 * self.rounding_of_one();
        norm(&self.mean_gradient()) + self.slack / self.count() + rounding
    }

    /// What rounding does to a gradient.
    fn rounding_of_one(&self) -> f64 {
        let size = (self.squares.max(0.0) / self.count()).sqrt();
        let residual = self
            .loss
            .residual_at_most(self.outputs, self.loss.at_zero(self.outputs));
        let lengths = (residual, norm(&self.weights));
        rounding(size, lengths, self.penalty, self.additions)
    }

    /// Whether this is the gradient here, penalty included, but for rounding.
    pub fn has(&self, gradient: &[f64]) -> bool {
        let known = self.mean_gradient();
        let apart: Vec<f64> = known.iter().zip(gradient).map(|(a, b)| a - b).collect();
        norm(&apart) <= 2.0 * self.rounding_of_one()
    }

    /// Learns the gradient, as it was computed from the records in binary64, penalty included, no
    /// record's term passing through more additions than these.
    pub fn set_gradient(&mut self, gradient: &[f64], additions: usize) {
        self.additions = self.additions.max(self.width + additions);
        let n = self.count();
        let terms = self.gradient.iter_mut().zip(gradient).zip(&self.weights);
        for ((g, of), v) in terms {
            *g = n * (of - self.penalty * v);
        }
        (self.slack, self.steps) = (0.0, 0);
    }
}
