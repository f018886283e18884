//! The losses of many records, and their derivatives in the outputs.

use super::loss::OutputLoss;
use super::tokens;
use rayon::prelude::*;

/// Records that are worth a thread; sums run over one block after another, whatever the threads.
const BLOCK: usize = 1024;

/// What records are to be told apart by, k outputs each.
#[derive(Clone, Copy, Debug)]
pub enum OutputTargets<'a> {
    /// The class of each record, below k.
    Classes(&'a [u32]),
    /// A value for each output, n × k.
    Values(&'a [f32]),
    /// The token of each position, below V, or [`NO_TOKEN`](super::NO_TOKEN); n × `positions`.
    Tokens {
        /// The tokens.
        tokens: &'a [u32],
        /// Positions of a record, at least 1.
        positions: usize,
    },
}

/// Record i's tokens.
fn of(tokens: &[u32], positions: usize, i: usize) -> &[u32] {
    &tokens[i * positions..][..positions]
}

impl OutputTargets<'_> {
    /// Subtracts record i's target from `m`, and returns its product with z.
    fn subtract(self, i: usize, z: &[f64], m: &mut [f64]) -> f64 {
        match self {
            Self::Classes(labels) => {
                let label = labels[i] as usize;
                m[label] -= 1.0;
                z[label]
            }
            Self::Values(values) => {
                let row = values[i * m.len()..].iter().map(|&y| f64::from(y));
                let pairs = row.zip(m.iter_mut().zip(z));
                let one = |(y, (m, z)): (f64, (&mut f64, &f64))| {
                    *m -= y;
                    y * z
                };
                pairs.map(one).sum()
            }
            Self::Tokens { tokens, positions } => tokens::subtract(of(tokens, positions, i), z, m),
        }
    }

    /// Adds record i's target to `r`.
    fn add(self, i: usize, r: &mut [f64]) {
        match self {
            Self::Classes(labels) => r[labels[i] as usize] += 1.0,
            Self::Values(values) => {
                let row = &values[i * r.len()..];
                r.iter_mut().zip(row).for_each(|(r, &y)| *r += f64::from(y));
            }
            Self::Tokens { tokens, positions } => tokens::add(of(tokens, positions, i), r),
        }
    }

    /// `½‖y‖²` of record i.
    fn half_square(self, i: usize, outputs: usize) -> f64 {
        match self {
            Self::Classes(_) => 0.5,
            Self::Tokens { tokens, positions } => 0.5 * tokens::share(of(tokens, positions, i)),
            Self::Values(values) => {
                let row = values[i * outputs..][..outputs].iter();
                0.5 * row.map(|&y| f64::from(y).powi(2)).sum::<f64>()
            }
        }
    }
}

/// The losses of n records with k outputs each.
#[derive(Clone, Copy, Debug)]
pub struct Losses<'a> {
    /// Which loss.
    pub loss: OutputLoss,
    /// The records' targets.
    pub targets: OutputTargets<'a>,
    /// k, at least 1.
    pub outputs: usize,
}

impl Losses<'_> {
    /// n.
    #[must_use]
    pub fn records(&self) -> usize {
        match self.targets {
            OutputTargets::Classes(labels) => labels.len(),
            OutputTargets::Values(values) => values.len() / self.outputs,
            OutputTargets::Tokens { tokens, positions } => tokens.len() / positions,
        }
    }

    /// Writes the residuals of outputs z, both n × k, and returns the mean loss.
    pub(crate) fn residuals(&self, z: &[f64], residuals: &mut [f64]) -> f64 {
        let k = self.outputs;
        let blocks = z
            .par_chunks(BLOCK * k)
            .zip(residuals.par_chunks_mut(BLOCK * k));
        let block = |(block, (z, r)): (usize, (&[f64], &mut [f64]))| {
            let rows = z.chunks_exact(k).zip(r.chunks_exact_mut(k)).enumerate();
            rows.map(|(i, (z, r))| self.one(BLOCK * block + i, z, r))
                .sum()
        };
        let losses: Vec<f64> = blocks.enumerate().map(block).collect();
        losses.iter().sum::<f64>() / self.records() as f64
    }

    /// Writes what record i's outputs predict, and returns A.
    fn mean(&self, i: usize, z: &[f64], m: &mut [f64]) -> f64 {
        match self.targets {
            OutputTargets::Tokens { tokens, positions } => {
                tokens::mean(of(tokens, positions, i), z, m)
            }
            _ => self.loss.mean(z, m),
        }
    }

    /// Record i's loss; its residual goes to `r`.
    fn one(&self, i: usize, z: &[f64], r: &mut [f64]) -> f64 {
        let constant = match self.loss {
            OutputLoss::SquaredError { .. } => self.targets.half_square(i, self.outputs),
            OutputLoss::SoftmaxCrossEntropy
            | OutputLoss::IndependentLabels
            | OutputLoss::TokenCrossEntropy { .. } => 0.0,
        };
        let log_partition = self.mean(i, z, r);
        log_partition - self.targets.subtract(i, z, r) + constant
    }

    /// What the outputs predict where these are the residuals, n × k.
    pub(crate) fn means(&self, residuals: &[f64]) -> Vec<f64> {
        let mut means = residuals.to_vec();
        let rows = means.chunks_exact_mut(self.outputs).enumerate();
        rows.for_each(|(i, row)| self.targets.add(i, row));
        means
    }

    /// The trace of each record's curvature where these are the residuals.
    pub(crate) fn traces(&self, residuals: &[f64]) -> Vec<f64> {
        let means = self.means(residuals);
        let rows = means.chunks_exact(self.outputs);
        rows.map(|m| self.loss.trace(m)).collect()
    }

    /// Writes `∇²ℓ u` of each record, n × k, at these means.
    pub(crate) fn curved(&self, means: &[f64], u: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; u.len()];
        let rows = means
            .chunks_exact(self.outputs)
            .zip(u.chunks_exact(self.outputs));
        let rows = rows.zip(out.chunks_exact_mut(self.outputs));
        rows.for_each(|((m, u), out)| self.loss.curve(m, u, out));
        out
    }

    /// How far the mean loss's slope along dz changes from z, where the residuals are these, to
    /// `z + t dz`; and its curvature along dz there.
    pub(crate) fn along(&self, (z, residuals): (&[f64], &[f64]), dz: &[f32], t: f64) -> (f64, f64) {
        let k = self.outputs;
        let len = BLOCK * k;
        let blocks = z.par_chunks(len).zip(dz.par_chunks(len));
        let blocks = blocks.zip(residuals.par_chunks(len)).enumerate();
        let parts = blocks.map(|(block, ((z, dz), residuals))| {
            let rows = z.chunks_exact(k).zip(dz.chunks_exact(k));
            let rows = rows.zip(residuals.chunks_exact(k)).enumerate();
            let mut sums = (0.0, 0.0);
            let (mut there, mut m) = (vec![0.0; k], vec![0.0; k]);
            for (i, ((z, dz), residuals)) in rows {
                for ((there, z), &dz) in there.iter_mut().zip(z).zip(dz) {
                    *there = z + t * f64::from(dz);
                }
                self.mean(BLOCK * block + i, &there, &mut m);
                sums.1 += self.loss.bend(&m, dz);
                self.targets.subtract(BLOCK * block + i, &there, &mut m);
                for ((m, r), &dz) in m.iter().zip(residuals).zip(dz) {
                    sums.0 += (m - r) * f64::from(dz);
                }
            }
            sums
        });
        let parts: Vec<(f64, f64)> = parts.collect();
        let n = self.records() as f64;
        let sum = |of: fn(&(f64, f64)) -> f64| parts.iter().map(of).sum::<f64>() / n;
        (sum(|part| part.0), sum(|part| part.1))
    }
}
