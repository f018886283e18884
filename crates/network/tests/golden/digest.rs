//! What is stored of a long vector.

use super::numbers::{PROBE, SAMPLE, bits, number};
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Digest {
    norms: Vec<f64>,
    dots: Vec<f64>,
    samples: Vec<f64>,
}

impl Digest {
    /// Every piece's norm and dot product with the probe, and the sampled entries.
    ///
    /// `limit` is relative to the piece's norm, or to a thousandth of the whole vector's where the
    /// piece's is smaller: a bias before a norm has a gradient of rounding errors alone.
    pub fn compare(&self, what: &str, found: &[f64], pieces: &[usize], limit: f64) {
        assert_eq!(pieces.len(), self.norms.len(), "{what}: number of pieces");
        assert_eq!(pieces.iter().sum::<usize>(), found.len(), "{what}: length");
        let whole = norm(&self.norms);
        let mut start = 0;
        for (i, &len) in pieces.iter().enumerate() {
            let piece = &found[start..start + len];
            let scale = self.norms[i].max(1e-3 * whole);
            let error = (norm(piece) - self.norms[i]).abs() / scale;
            assert!(
                error <= limit,
                "{what}: the norm of piece {i} is off by {error:e}"
            );
            let dot: f64 = piece
                .iter()
                .zip(start..)
                .map(|(x, at)| x * number(PROBE, at))
                .sum();
            let error = (dot - self.dots[i]).abs() / scale;
            assert!(
                error <= limit,
                "{what}: the direction of piece {i} is off by {error:e}"
            );
            start += len;
        }
        let sampled: Vec<f64> = (0..self.samples.len())
            .map(|k| found[(bits(SAMPLE, k) % found.len() as u64) as usize])
            .collect();
        let error = relative_error(&sampled, &self.samples);
        assert!(
            error <= limit,
            "{what}: sampled entries are off by {error:e}"
        );
    }
}

pub fn norm(vector: &[f64]) -> f64 {
    vector.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// `‖found − expected‖ / ‖expected‖`.
pub fn relative_error(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let difference: Vec<f64> = found.iter().zip(expected).map(|(f, e)| f - e).collect();
    norm(&difference) / norm(expected)
}
