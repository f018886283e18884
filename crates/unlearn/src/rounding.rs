//! How much of a gradient in binary64 is rounding.

/// Unit roundoff of binary64.
pub(crate) const UNIT: f64 = 0.5 * f64::EPSILON;
/// Units that a sum of products may lose, an estimate of the Jacobian's size included. Worst cases
/// grow with the number of terms; sums here are of blocks, whose errors are of both signs.
pub(crate) const UNITS: f64 = 64.0;

/// A bound on the rounding of `(1/n) Σ J_iᵀ r_i + μ v`, where `√(‖J‖_F²/n)` is `size`, the root of
/// the mean squared length of residuals `residual`, and `‖v‖` and μ are these (docs/theory.md §3.1):
/// with `ẑ − z` of at most a few units of `‖J_i‖‖v‖` for record i, the residual is off by no more,
/// and the sum of `J_iᵀ r_i` by a few units of its terms besides.
pub(crate) fn rounding(size: f64, residual: f64, v: f64, penalty: f64) -> f64 {
    UNITS * UNIT * (size * (residual + size * v) + penalty * v)
}
