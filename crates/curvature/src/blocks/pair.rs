//! The block of one pair of outputs, summed over many records at once.

use crate::dense;
use faer::Mat;

/// The features of records, a column each.
pub(super) fn plain(features: &[f32], width: usize) -> Mat<f64> {
    let records = features.len() / width.max(1);
    Mat::from_fn(width, records, |j, i| f64::from(features[i * width + j]))
}

/// Adds `Σ_i c_i φ_i φ_iᵀ` to a lower triangle, summed by itself first.
pub(super) fn add_pair(sum: &mut Mat<f64>, plain: &Mat<f64>, coupling: impl Fn(usize) -> f64) {
    let (width, records) = plain.shape();
    let coupled = Mat::from_fn(width, records, |j, i| coupling(i) * plain[(j, i)]);
    dense::add_symmetric_product(sum, coupled.as_ref(), plain.as_ref().transpose());
}
