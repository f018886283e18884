//! The oracle: dense symmetric matrices of known spectrum, and Gaussian elimination.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rescind_curvature::{DenseOperator, LinearOperator, Real};

/// A symmetric matrix in `f64`, row by row.
#[derive(Clone, Debug)]
pub struct Dense {
    pub dim: usize,
    pub entries: Vec<f64>,
}

impl Dense {
    /// A matrix with these eigenvalues, and eigenvectors from a product of random reflections.
    pub fn with_spectrum(eigenvalues: &[f64], seed: u64) -> Self {
        let dim = eigenvalues.len();
        let mut entries = vec![0.0; dim * dim];
        for (i, value) in eigenvalues.iter().enumerate() {
            entries[i * dim + i] = *value;
        }
        for reflection in 0..3 {
            let u = random_vector(dim, seed.wrapping_mul(31).wrapping_add(reflection));
            let uu: f64 = u.iter().map(|u| u * u).sum();
            // A ← Q A Q with Q = I − 2uuᵀ/uᵀu, one side at a time.
            for row in entries.chunks_exact_mut(dim) {
                let c: f64 = 2.0 * row.iter().zip(&u).map(|(a, u)| a * u).sum::<f64>() / uu;
                row.iter_mut().zip(&u).for_each(|(a, u)| *a -= c * u);
            }
            for j in 0..dim {
                let c: f64 = 2.0 * (0..dim).map(|i| entries[i * dim + j] * u[i]).sum::<f64>() / uu;
                (0..dim).for_each(|i| entries[i * dim + j] -= c * u[i]);
            }
        }
        let entries = (0..dim * dim)
            .map(|k| 0.5 * (entries[k] + entries[(k % dim) * dim + k / dim]))
            .collect();
        Self { dim, entries }
    }

    pub fn operator<T: Real>(&self) -> DenseOperator<T> {
        DenseOperator::new(
            self.dim,
            self.entries.iter().map(|a| T::narrow(*a)).collect(),
        )
        .unwrap()
    }

    /// `x` with `(self + damping I) x = rhs`, by Gaussian elimination with partial pivoting.
    pub fn solve(&self, damping: f64, rhs: &[f64]) -> Vec<f64> {
        let dim = self.dim;
        let mut rows: Vec<Vec<f64>> = (0..dim)
            .map(|i| {
                let mut row = self.entries[i * dim..(i + 1) * dim].to_vec();
                row[i] += damping;
                row.push(rhs[i]);
                row
            })
            .collect();
        for k in 0..dim {
            let pivot = (k..dim).max_by(|&a, &b| rows[a][k].abs().total_cmp(&rows[b][k].abs()));
            rows.swap(k, pivot.unwrap());
            let pivot_row = rows[k].clone();
            for (i, row) in rows.iter_mut().enumerate() {
                if i != k {
                    let factor = row[k] / pivot_row[k];
                    row.iter_mut()
                        .zip(&pivot_row)
                        .for_each(|(a, p)| *a -= factor * p);
                }
            }
        }
        (0..dim).map(|i| rows[i][dim] / rows[i][i]).collect()
    }

    /// `‖rhs − (self + damping I) x‖` in `f64`.
    pub fn residual(&self, damping: f64, rhs: &[f64], x: &[f64]) -> f64 {
        let row = |i: usize| &self.entries[i * self.dim..(i + 1) * self.dim];
        (0..self.dim)
            .map(|i| {
                let ax: f64 = row(i).iter().zip(x).map(|(a, x)| a * x).sum();
                (rhs[i] - ax - damping * x[i]).powi(2)
            })
            .sum::<f64>()
            .sqrt()
    }
}

/// Entries uniform in [−1, 1).
pub fn random_vector(dim: usize, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..dim).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// `count` values falling evenly in logarithm from `from` to `to`.
pub fn geometric(from: f64, to: f64, count: usize) -> Vec<f64> {
    let ratio = (to / from).ln();
    (0..count)
        .map(|i| from * (ratio * i as f64 / (count - 1).max(1) as f64).exp())
        .collect()
}

pub fn narrow<T: Real>(x: &[f64]) -> Vec<T> {
    x.iter().map(|x| T::narrow(*x)).collect()
}

pub fn widen<T: Real>(x: &[T]) -> Vec<f64> {
    x.iter().map(|x| x.widen()).collect()
}

/// `‖x − y‖ / ‖y‖`.
pub fn relative_distance(x: &[f64], y: &[f64]) -> f64 {
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
    norm(&mut x.iter().zip(y).map(|(x, y)| x - y)) / norm(&mut y.iter().copied())
}

/// An operator given by a function, for those that misbehave.
pub struct Function<F> {
    pub dim: usize,
    pub f: F,
}

impl<T: Real, F: Fn(&[T], &mut [T]) + Sync> LinearOperator<T> for Function<F> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn apply(&self, v: &[T], out: &mut [T]) {
        (self.f)(v, out);
    }
}
