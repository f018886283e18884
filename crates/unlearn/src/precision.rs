//! Vectors in binary32 and binary64.

/// In binary64.
#[must_use]
pub fn widened(w: &[f32]) -> Vec<f64> {
    w.iter().map(|&w| f64::from(w)).collect()
}

/// Rounded to binary32.
#[must_use]
pub fn narrowed(w: &[f64]) -> Vec<f32> {
    w.iter().map(|&w| w as f32).collect()
}
