//! A sample of the rows of a tangent model's Jacobian, and how many are worth their price.

use crate::error::Error;
use crate::outputs::SampledRow;
use rescind_curvature::Rows;
use rescind_network::{GramCost, Tangent};

/// Operations spent on a preconditioner, for each that one product with the curvature takes.
const PRODUCTS: f64 = 1.0;
/// Most rows, whatever a product takes: their Gram matrix is 256 MiB.
const MOST: usize = 8192;
/// Share of the memory budget that the Gram matrix and what it is made of may take.
const MEMORY: f64 = 0.25;
/// Elements for each row that making it takes besides what a layer has seen of it.
const BLOCKS: f64 = 400.0;

/// How many rows a preconditioner is made of, where the operations of one product with the
/// curvature are these and their Gram matrix takes so much.
pub(crate) fn count(product: f64, gram: GramCost, memory_budget: usize) -> usize {
    let (entry, width) = (gram.operations as f64, 2.0 * gram.elements as f64);
    let price = |m: f64| 0.5 * m * m * entry + m * m * m / 3.0;
    let room = MEMORY * memory_budget as f64 / size_of::<f32>() as f64;
    let fits = |m: f64| price(m) <= PRODUCTS * product && m * (m + width + BLOCKS) <= room;
    let (mut few, mut many) = (0, MOST + 1);
    while many - few > 1 {
        let middle = few.midpoint(many);
        match fits(middle as f64) {
            true => few = middle,
            false => many = middle,
        }
    }
    few
}

/// The rows, over a linearisation at their records in their order.
pub(super) struct TangentRows<'n> {
    tangent: Tangent<'n, f32>,
    /// n × k.
    cotangents: Vec<f32>,
    outputs: usize,
}

impl<'n> TangentRows<'n> {
    pub fn new(tangent: Tangent<'n, f32>, outputs: usize, rows: &[SampledRow]) -> Self {
        TangentRows {
            tangent,
            cotangents: rows
                .iter()
                .flat_map(|row| &row.cotangent)
                .copied()
                .collect(),
            outputs,
        }
    }

    /// RRᵀ from its diagonal on.
    pub fn gram(&self) -> Result<Vec<f32>, Error> {
        Ok(self.tangent.gram(&self.cotangents)?)
    }
}

impl Rows for TangentRows<'_> {
    fn rows(&self) -> usize {
        self.tangent.records()
    }

    fn dim(&self) -> usize {
        self.tangent.dim()
    }

    fn apply(&self, v: &[f32], out: &mut [f32]) {
        let Ok(moved) = self.tangent.logits(v) else {
            return out.fill(f32::NAN);
        };
        let rows = moved.chunks_exact(self.outputs);
        let rows = rows.zip(self.cotangents.chunks_exact(self.outputs));
        for (out, (z, u)) in out.iter_mut().zip(rows) {
            *out = z.iter().zip(u).map(|(z, u)| z * u).sum();
        }
    }

    fn apply_transposed(&self, u: &[f32], out: &mut [f32]) {
        let rows = self.cotangents.chunks_exact(self.outputs).zip(u);
        let scaled: Vec<f32> = rows
            .flat_map(|(c, u)| c.iter().map(move |c| u * c))
            .collect();
        if self.tangent.vjp(&scaled, out).is_err() {
            out.fill(f32::NAN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_is_kept() {
        // MNIST through 512 units: a product takes 4 · 407 050 · 59 000 operations.
        let product = 4.0 * 407_050.0 * 59_000.0;
        let gram = |operations, elements| GramCost {
            operations,
            elements,
        };
        let m = count(product, gram(2 * (784 + 512 + 512 + 10), 1296), 4 << 30) as f64;
        let price = 0.5 * m * m * 3636.0 + m * m * m / 3.0;
        assert!((price / product - PRODUCTS).abs() < 1e-2, "{m}: {price}");
        assert_eq!(count(f64::MAX, gram(1, 1), 1 << 40), MOST);
        // 100 rows, of what fits a quarter of the budget.
        let budget = 16 * 100 * (100 + 2 * 30 + 400);
        assert_eq!(count(f64::MAX, gram(1, 30), budget), 100);
        assert_eq!(count(1.0, gram(1000, 1), 1 << 30), 0);
    }
}
