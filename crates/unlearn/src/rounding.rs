//! How much of a gradient in binary64 is rounding.

/// Unit roundoff of binary64.
pub(crate) const UNIT: f64 = 0.5 * f64::EPSILON;
/// Units that a record's own outputs and residuals may lose, an estimate of the Jacobian's size
/// included: worst cases grow with the number of terms of a product, but its sums are of blocks, whose
/// errors are of both signs.
const OWN: f64 = 64.0;

/// Units that a sum over records may lose whose terms pass through so many additions. Every one is
/// counted in full: many records may be copies of one another, and then all their errors are of one
/// sign.
pub(crate) fn units(additions: usize) -> f64 {
    OWN + additions as f64
}

/// A bound on the rounding of `(1/n) Σ J_iᵀ r_i + μ v`, where the root mean square of `‖J_i‖` is at most
/// `size`, the root of the mean squared length of residuals `residual`, `‖v‖` and μ are these, and no record's term passes
/// through more additions (docs/theory.md §3.1): with `ẑ − z` of at most a few units of `‖J_i‖‖v‖` for
/// record i, the residual is off by no more, and the sum of `J_iᵀ r_i` by the units of its additions
/// besides.
pub(crate) fn rounding(
    size: f64,
    (residual, v): (f64, f64),
    penalty: f64,
    additions: usize,
) -> f64 {
    units(additions) * UNIT * (size * (residual + size * v) + penalty * v)
}
