//! The L2 penalty of an objective.

use std::sync::Arc;

/// `(μ/2)‖w − c‖²`, which every objective adds to the mean loss (docs/theory.md §0).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct L2Penalty {
    /// μ ≥ 0.
    pub strength: f64,
    /// c; zero if absent.
    pub centre: Option<Arc<[f32]>>,
}

impl L2Penalty {
    fn offset(&self, index: usize, w: f64) -> f64 {
        match &self.centre {
            Some(centre) => w - f64::from(centre[index]),
            None => w,
        }
    }

    /// Adds `μ(w − c)` to a gradient and returns the penalty.
    pub fn add_gradient(&self, w: &[f32], gradient: &mut [f32]) -> f64 {
        if self.strength <= 0.0 {
            return 0.0;
        }
        let mut squares = 0.0;
        for (index, (g, &w)) in gradient.iter_mut().zip(w).enumerate() {
            let offset = self.offset(index, f64::from(w));
            *g += (self.strength * offset) as f32;
            squares += offset * offset;
        }
        0.5 * self.strength * squares
    }

    /// The same in binary64.
    pub fn add_exact_gradient(&self, w: &[f64], gradient: &mut [f64]) -> f64 {
        if self.strength <= 0.0 {
            return 0.0;
        }
        let mut squares = 0.0;
        for (index, (g, &w)) in gradient.iter_mut().zip(w).enumerate() {
            let offset = self.offset(index, w);
            *g += self.strength * offset;
            squares += offset * offset;
        }
        0.5 * self.strength * squares
    }

    /// Adds `μ v` to a product with the curvature.
    pub fn add_product(&self, v: &[f32], out: &mut [f32]) {
        let strength = self.strength as f32;
        let pairs = out.iter_mut().zip(v);
        pairs.for_each(|(out, v)| *out += strength * v);
    }

    /// The same in binary64.
    pub fn add_exact_product(&self, v: &[f64], out: &mut [f64]) {
        let pairs = out.iter_mut().zip(v);
        pairs.for_each(|(out, v)| *out += self.strength * v);
    }
}
