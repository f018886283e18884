//! A sample of the rows of a tangent model's Jacobian, and how many are worth their price.

use crate::error::Error;
use crate::sampling::poisson_sample;
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

/// One row `√(p_k/(π n)) (e_k − p)ᵀ J_i`, sampled with probability π.
///
/// With `diag(p) − ppᵀ = Σ_k p_k (e_k − p)(e_k − p)ᵀ` the rows' products `RᵀR` have the
/// Gauss–Newton matrix of the mean loss as their expectation.
pub(super) struct SampledRow {
    /// Which record.
    pub record: usize,
    /// `√(p_k/(π n)) (e_k − p)`.
    cotangent: Vec<f32>,
}

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

/// About `count` rows, drawn with probability in proportion to `s p_k ‖e_k − p‖²` as far as that is
/// at most 1, s being a record's size: records whose class is all but certain are rarely among them.
/// `probabilities` are n × k, `sizes` n. Rows drawn by their own squared lengths estimate RᵀR best
/// (Drineas, Kannan & Mahoney 2006).
pub(crate) fn sample(
    probabilities: &[f32],
    sizes: &[f64],
    outputs: usize,
    count: usize,
    seed: u64,
) -> Vec<SampledRow> {
    let records = probabilities.len() / outputs;
    let weights: Vec<f64> = probabilities
        .chunks_exact(outputs)
        .zip(sizes)
        .flat_map(|(p, size)| (0..outputs).map(move |k| size * weight(p, k)))
        .collect();
    let drawn = poisson_sample(&weights, count, seed);
    let row = |(at, chance): (usize, f64)| {
        let (record, k) = (at / outputs, at % outputs);
        let p = &probabilities[record * outputs..][..outputs];
        let scale = (f64::from(p[k]) / (chance * records as f64)).sqrt();
        let cotangent = p.iter().enumerate().map(|(j, &p)| {
            let unit = if j == k { 1.0 } else { 0.0 };
            (scale * (unit - f64::from(p))) as f32
        });
        SampledRow {
            record,
            cotangent: cotangent.collect(),
        }
    };
    drawn.into_iter().map(row).collect()
}

/// `p_k ‖e_k − p‖²`.
fn weight(p: &[f32], k: usize) -> f64 {
    let square = |(j, &p): (usize, &f32)| {
        let unit = if j == k { 1.0 } else { 0.0 };
        (unit - f64::from(p)).powi(2)
    };
    f64::from(p[k]) * p.iter().enumerate().map(square).sum::<f64>()
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
    fn the_rows_products_are_the_curvature_on_average() {
        let p = [0.7f32, 0.2, 0.1, 0.0, 0.5, 0.5, 0.001, 0.998, 0.001];
        let exact = |i: usize, a: usize, b: usize| {
            let p = &p[3 * i..][..3];
            let diagonal = if a == b { f64::from(p[a]) } else { 0.0 };
            (diagonal - f64::from(p[a]) * f64::from(p[b])) / 3.0
        };
        let draws = 20_000;
        let mut mean = [0.0; 27];
        for seed in 0..draws {
            for row in sample(&p, &[1.0, 3.0, 0.5], 3, 4, seed) {
                for (at, mean) in mean[9 * row.record..][..9].iter_mut().enumerate() {
                    let product = row.cotangent[at / 3] * row.cotangent[at % 3];
                    *mean += f64::from(product) / draws as f64;
                }
            }
        }
        for (at, mean) in mean.into_iter().enumerate() {
            let expected = exact(at / 9, at % 9 / 3, at % 3);
            assert!((mean - expected).abs() < 2e-3, "{at}: {mean} {expected}");
        }
    }

    #[test]
    fn records_of_a_certain_class_have_no_rows() {
        let certain = [0.0f32, 1.0, 1.0, 0.0];
        assert!(sample(&certain, &[1.0, 2.0], 2, 3, 1).is_empty());
    }

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
