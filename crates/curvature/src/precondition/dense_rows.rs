use super::Rows;
use crate::tall;

/// Rows written out.
pub struct DenseRows {
    dim: usize,
    /// One after another.
    rows: Vec<f32>,
}

impl DenseRows {
    /// Rows of `dim` elements, at least 1, one after another; what is over is left out.
    #[must_use]
    pub fn new(dim: usize, rows: Vec<f32>) -> Self {
        Self { dim, rows }
    }

    /// RRᵀ, row after row; sums in `f64`.
    #[must_use]
    pub fn gram(&self) -> Vec<f32> {
        let gram = tall::gram(self.dim, &self.rows, &self.rows);
        let m = gram.nrows();
        let places = (0..m).flat_map(|i| (0..m).map(move |j| (i, j)));
        places.map(|place| gram[place] as f32).collect()
    }
}

impl Rows for DenseRows {
    fn rows(&self) -> usize {
        self.rows.len() / self.dim
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn apply(&self, v: &[f32], out: &mut [f32]) {
        let products = tall::project(&self.rows, v);
        for (out, product) in out.iter_mut().zip(products) {
            *out = product as f32;
        }
    }

    fn apply_transposed(&self, u: &[f32], out: &mut [f32]) {
        let u: Vec<f64> = u.iter().map(|&u| f64::from(u)).collect();
        out.fill(0.0);
        tall::add_combination(out, &self.rows, &u);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Preconditioner, RowPreconditioner};

    #[test]
    fn the_preconditioner_is_the_inverse_of_what_the_rows_make() {
        let (d, m, damping) = (5, 3, 0.25);
        let r: Vec<f32> = (0..m * d).map(|i| (0.7 * i as f32).sin()).collect();
        let rows = DenseRows::new(d, r.clone());
        let gram = rows.gram();
        let made = RowPreconditioner::new(rows, gram, damping).unwrap();
        let x = [1.0f32, -2.0, 0.5, 3.0, 0.25];
        // (RᵀR + λI) x, written out.
        let mut b = x.map(|x| x * damping as f32);
        for row in r.chunks(d) {
            let along: f32 = row.iter().zip(x).map(|(r, x)| r * x).sum();
            b.iter_mut().zip(row).for_each(|(b, r)| *b += along * r);
        }
        let mut back = [0.0; 5];
        made.apply(&b, &mut back);
        for (back, x) in back.iter().zip(x) {
            assert!((back - x).abs() < 1e-4, "{back} {x}");
        }
    }
}
