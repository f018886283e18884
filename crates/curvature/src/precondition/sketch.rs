//! A growing sketch `Y = H Q` of an operator on a random orthonormal basis Q.

use faer::Mat;
use rand_chacha::ChaCha8Rng;

use super::PreconditionerError;
use crate::dense::{eigen, product, symmetric_part};
use crate::random::gaussian_vector;
use crate::tall::{gram, multiply};
use crate::{Control, LinearOperator, Progress, Real, vector};

/// Products taken at a time: enough for an operator to profit from a block, few enough for an
/// interruption not to wait long.
const BLOCK: usize = 16;

pub(super) struct Sketch<T> {
    dim: usize,
    basis: Vec<T>,
    products: Vec<T>,
}

/// An approximate eigendecomposition `U diag(Λ) Uᵀ`, eigenvalues in descending order.
pub(super) struct Eigenpairs<T> {
    pub(super) basis: Vec<T>,
    pub(super) eigenvalues: Vec<f64>,
}

impl<T: Real> Sketch<T> {
    pub(super) fn new(dim: usize) -> Self {
        Self {
            dim,
            basis: Vec::new(),
            products: Vec::new(),
        }
    }

    /// Number of columns.
    pub(super) fn rank(&self) -> usize {
        self.basis.len() / self.dim
    }

    /// Adds random directions, orthogonal to those before, until there are `rank`.
    pub(super) fn grow(
        &mut self,
        operator: &impl LinearOperator<T>,
        rank: usize,
        rng: &mut ChaCha8Rng,
        control: &mut Control<'_>,
    ) -> Result<(), PreconditionerError> {
        let mut added = Vec::with_capacity((rank - self.rank()) * self.dim);
        for _ in self.rank()..rank {
            added.extend(gaussian_vector::<T>(self.dim, rng));
        }
        // Twice is enough (Kahan, in Parlett 1980, §6.9), for either kind of orthogonality.
        for _ in 0..2 {
            if !self.basis.is_empty() {
                let overlap = gram(self.dim, &self.basis, &added);
                let overlap = multiply(self.dim, &self.basis, overlap.as_ref());
                vector::add_scaled(&mut added, -1.0, &overlap);
            }
            added = orthonormalised(self.dim, &added)?;
        }
        for vs in added.chunks(BLOCK * self.dim) {
            let mut block = vec![T::zero(); vs.len()];
            operator.apply_block(vs, &mut block);
            self.products.extend_from_slice(&block);
            let products = (self.products.len() / self.dim) as u64;
            if !vector::all_finite(&block) {
                return Err(PreconditionerError::NonFinite { products });
            }
            let progress = Progress {
                iteration: products,
                products,
                relative_residual: None,
            };
            if control.report(progress).is_break() {
                return Err(PreconditionerError::Interrupted { products });
            }
        }
        self.basis.extend_from_slice(&added);
        Ok(())
    }

    /// The Nyström approximation `Y (QᵀY)⁺ Yᵀ`, in small matrices.
    pub(super) fn nystrom(&self) -> Result<(Vec<f64>, Mat<f64>), PreconditionerError> {
        let core = gram(self.dim, &self.basis, &self.products);
        let squared = gram(self.dim, &self.products, &self.products);
        nystrom(&core, &squared, T::precision())
    }

    /// The Nyström approximation's eigendecomposition, its basis orthonormal to the precision of
    /// the scalar.
    pub(super) fn into_eigenpairs(self) -> Result<Eigenpairs<T>, PreconditionerError> {
        let (eigenvalues, combination) = self.nystrom()?;
        let dim = self.dim;
        drop(self.basis);
        let basis = multiply(dim, &self.products, combination.as_ref());
        drop(self.products);
        // Rounding in Y is magnified in the directions of small eigenvalues; the nearest
        // orthonormal basis undoes that. P is then positive definite whatever the sketch's errors.
        let basis = orthonormalised(dim, &basis)?;
        let basis = orthonormalised(dim, &basis)?;
        Ok(Eigenpairs { basis, eigenvalues })
    }
}

/// From `QᵀY` and `YᵀY` the eigenvalues of `Y (QᵀY)⁺ Yᵀ`, descending, and M with its eigenvectors
/// `U = Y M`. `precision` is the rounding unit of Y.
fn nystrom(
    core: &Mat<f64>,
    squared: &Mat<f64>,
    precision: f64,
) -> Result<(Vec<f64>, Mat<f64>), PreconditionerError> {
    let core = symmetric_part(core);
    let squared = symmetric_part(squared);
    let sketch_norm = (0..squared.nrows())
        .map(|i| squared[(i, i)])
        .sum::<f64>()
        .sqrt();
    let (values, vectors) = descending_eigen(&core)?;
    // Below `noise` an eigenvalue of the core is rounding in the products; below −100 times
    // that it is not rounding but negative curvature.
    let noise = precision * sketch_norm;
    if let Some(&least) = values.last()
        && least < -100.0 * noise
    {
        return Err(PreconditionerError::Indefinite {
            rayleigh_quotient: least,
        });
    }
    let kept = values.iter().take_while(|value| **value > noise).count();
    // B = Y C with C = V D^(-1/2), so that the approximation is B Bᵀ, whose nonzero eigenvalues
    // are those of the small BᵀB = Cᵀ(YᵀY)C.
    let whitened = Mat::from_fn(values.len(), kept, |i, j| {
        vectors[(i, j)] / values[j].sqrt()
    });
    let small = product(
        product(whitened.transpose(), squared.as_ref()).as_ref(),
        whitened.as_ref(),
    );
    let (eigenvalues, rotation) = descending_eigen(&symmetric_part(&small))?;
    let kept = eigenvalues
        .iter()
        .take_while(|value| **value > noise)
        .count();
    let rotation = Mat::from_fn(eigenvalues.len(), kept, |i, j| {
        rotation[(i, j)] / eigenvalues[j].sqrt()
    });
    Ok((
        eigenvalues[..kept].to_vec(),
        product(whitened.as_ref(), rotation.as_ref()),
    ))
}

/// The orthonormal basis nearest to X of full column rank: `X (XᵀX)^(-1/2)`.
fn orthonormalised<T: Real>(dim: usize, x: &[T]) -> Result<Vec<T>, PreconditionerError> {
    if x.is_empty() {
        return Ok(Vec::new());
    }
    let m = inverse_root(&gram(dim, x, x))?;
    Ok(multiply(dim, x, m.as_ref()))
}

/// `G^(-1/2)` for a positive-semidefinite G, whose eigenvalues count as at least the rounding of
/// the largest.
fn inverse_root(g: &Mat<f64>) -> Result<Mat<f64>, PreconditionerError> {
    let (values, vectors) = descending_eigen(&symmetric_part(g))?;
    let floor = f64::EPSILON * values.first().copied().unwrap_or(0.0);
    let scaled = Mat::from_fn(values.len(), values.len(), |i, j| {
        vectors[(i, j)] / values[j].max(floor).sqrt()
    });
    Ok(product(scaled.as_ref(), vectors.transpose()))
}

/// Eigenvalues in descending order, with their vectors.
fn descending_eigen(m: &Mat<f64>) -> Result<(Vec<f64>, Mat<f64>), PreconditionerError> {
    let rank = m.nrows();
    let (mut values, vectors) = eigen(m).ok_or(PreconditionerError::Eigenvalues { rank })?;
    values.reverse();
    Ok((
        values,
        Mat::from_fn(rank, rank, |i, j| vectors[(i, rank - 1 - j)]),
    ))
}
