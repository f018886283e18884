//! Random directions. Experiments' randomness, from a seed: no privacy rests on it.

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::{Real, vector};

/// A vector of independent standard normal entries.
pub(crate) fn gaussian_vector<T: Real>(dim: usize, rng: &mut impl Rng) -> Vec<T> {
    (0..dim)
        .map(|_| T::narrow(StandardNormal.sample(rng)))
        .collect()
}

/// A direction uniform on the unit sphere.
pub(crate) fn unit_vector<T: Real>(dim: usize, rng: &mut impl Rng) -> Vec<T> {
    let mut v = gaussian_vector(dim, rng);
    let norm = vector::norm(&v);
    vector::scale(&mut v, norm.recip());
    v
}
