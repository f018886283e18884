//! Rounding to the safe side.

/// An upper bound on a sum of products of non-negative terms that was computed as `value` in at
/// most thirty roundings, each off by a relative 2⁻⁵³ at most.
pub(crate) fn up(value: f64) -> f64 {
    value * (1.0 + 16.0 * f64::EPSILON)
}
