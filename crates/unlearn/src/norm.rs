//! Norms that are never too small.

/// The Euclidean norm in binary64, raised by more than its rounding errors.
pub fn norm_above(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let roundings = values.len() as f64 + 8.0;
    let squares: f64 = values.map(|value| value * value).sum();
    squares.sqrt() * (1.0 + roundings * f64::EPSILON)
}
