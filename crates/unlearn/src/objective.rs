//! What a method knows of a model and its records.

use crate::error::Error;
use crate::products::Products;
use serde::{Deserialize, Serialize};

/// The mean loss over one set S of records, `F_S(w) = (1/|S|) Σ ℓ_i(w) + (μ/2)‖w − c‖²`
/// (docs/theory.md §0): all that a method knows of the model and its data. Dimension, records, gradient and subsets are
/// required; what else is asked of a model that cannot is an [`Error::Lacks`].
///
/// Vectors have `dim` elements. Work runs in `f32`; what a certificate quotes is recomputed by the
/// `exact_` methods in `f64`.
pub trait Objective: Sync {
    /// Number d of parameters.
    fn dim(&self) -> usize;

    /// Number |S| of records.
    fn records(&self) -> usize;

    /// Writes `∇F_S(w)` and returns `F_S(w)`.
    ///
    /// # Errors
    /// A `w` of the wrong length, or values that are not finite.
    fn gradient(&self, w: &[f32], gradient: &mut [f32]) -> Result<f64, Error>;

    /// `F_S(w)` alone.
    ///
    /// # Errors
    /// As [`gradient`](Self::gradient).
    fn value(&self, w: &[f32]) -> Result<f64, Error> {
        self.gradient(w, &mut vec![0.0; w.len()])
    }

    /// Value and gradient in double precision.
    ///
    /// # Errors
    /// As [`gradient`](Self::gradient).
    fn exact_gradient(&self, _w: &[f64], _gradient: &mut [f64]) -> Result<f64, Error> {
        Err(lacks("double precision"))
    }

    /// The curvature of `F_S` at `w`, penalty included, ready for many products.
    ///
    /// # Errors
    /// As [`gradient`](Self::gradient).
    fn curvature<'a>(
        &'a self,
        _w: &'a [f32],
        _which: Curvature,
    ) -> Result<Box<dyn Products + 'a>, Error> {
        Err(lacks("curvature products"))
    }

    /// The curvature at `w`, with products by that of random minibatches besides.
    ///
    /// # Errors
    /// As [`gradient`](Self::gradient), and a minibatch of no record.
    fn sampled_curvature<'a>(
        &'a self,
        _w: &'a [f32],
        _which: Curvature,
        _minibatch: Minibatch,
    ) -> Result<Box<dyn Products + 'a>, Error> {
        Err(lacks("curvature products"))
    }

    /// Writes the product of the curvature at `w` with `v`, in double precision.
    ///
    /// # Errors
    /// As [`gradient`](Self::gradient).
    fn exact_product(
        &self,
        _w: &[f64],
        _which: Curvature,
        _v: &[f64],
        _out: &mut [f64],
    ) -> Result<(), Error> {
        Err(lacks("double precision"))
    }

    /// The gradient and the product at once, which share most of their work. Returns `F_S(w)`.
    ///
    /// # Errors
    /// As [`gradient`](Self::gradient).
    fn exact_gradient_and_product(
        &self,
        w: &[f64],
        which: Curvature,
        v: &[f64],
        gradient: &mut [f64],
        product: &mut [f64],
    ) -> Result<f64, Error> {
        self.exact_product(w, which, v, product)?;
        self.exact_gradient(w, gradient)
    }

    /// The objective over `records` of these records, drawn by `seed` without replacement; over
    /// all of them if there are no more.
    ///
    /// # Errors
    /// A subset of no record.
    fn subset(&self, records: usize, seed: u64) -> Result<Box<dyn Objective + '_>, Error>;

    /// The objective over about `records` of these records, for its curvature at `w`: where the
    /// objective can tell, they are drawn by `seed` with probability in proportion to what they
    /// have of the outputs' curvature, and weighted to make up for it. So the curvature is that of
    /// all records on average, and far closer to it than over records drawn uniformly.
    ///
    /// # Errors
    /// As [`gradient`](Self::gradient), and a subset of no record.
    fn curved_subset(
        &self,
        _w: &[f32],
        records: usize,
        seed: u64,
    ) -> Result<Box<dyn Objective + '_>, Error> {
        self.subset(records, seed)
    }
}

fn lacks(capability: &'static str) -> Error {
    Error::Lacks { capability }
}

/// Which curvature matrix (docs/theory.md §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Curvature {
    /// `∇²F`: exact, but indefinite where the model is not convex.
    Hessian,
    /// `(1/n) Σ J_iᵀ (∂²ℓ_i/∂z²) J_i + μI`: positive semidefinite; the Hessian of a convex model.
    GaussNewton,
}

/// The minibatches that a stochastic solver draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Minibatch {
    /// Records in each, at least 1, drawn without replacement.
    pub records: usize,
    /// Seed of the draws.
    pub seed: u64,
}

/// `‖∇F_S(w)‖` in double precision.
///
/// # Errors
/// As [`Objective::gradient`].
pub fn exact_gradient_norm(objective: &dyn Objective, w: &[f32]) -> Result<f64, Error> {
    let w: Vec<f64> = w.iter().map(|&w| f64::from(w)).collect();
    let mut gradient = vec![0.0; w.len()];
    objective.exact_gradient(&w, &mut gradient)?;
    Ok(rescind_curvature::norm(&gradient))
}
