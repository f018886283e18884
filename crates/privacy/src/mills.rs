//! Mills' ratio of the normal distribution.

use twofloat::TwoFloat;

use crate::double_double::{exp, quotient};

/// √(π/2).
const SQRT_HALF_PI: (f64, f64) = (1.253_314_137_315_500_3, -9.164_289_990_229_583e-17);

/// Below this argument the power series is used, above it the continued fraction.
const SERIES_BELOW: f64 = 3.0;

/// `R(t) = Φ(−t)/φ(t)` for `t ≥ 0`: the scaled complementary error function `√(π/2) erfcx(t/√2)`.
///
/// The relative error is below 1e-27. No crate offers this: `errorfunctions` computes erfcx to
/// 4e-16, as good as `f64` allows, but δ is a difference of two nearly equal ratios, and ε near 0
/// depends on the last bits of δ.
pub(crate) fn ratio(t: TwoFloat) -> TwoFloat {
    if t.hi() < SERIES_BELOW {
        by_series(t)
    } else {
        by_continued_fraction(t)
    }
}

/// `−R'(t) = 1 − t R(t)` for `0 ≤ t ≤ 50`, which loses at most a factor 50² of the precision.
pub(crate) fn falling_rate(t: TwoFloat) -> TwoFloat {
    1.0 - t * ratio(t)
}

/// `R(t) = √(π/2) e^{t²/2} − Σ t^{2n+1}/(2n+1)!!` (Abramowitz & Stegun 26.2.11): at t = 3 the
/// difference is 1/750 of its terms.
fn by_series(t: TwoFloat) -> TwoFloat {
    let square = t * t;
    let (mut term, mut sum) = (t, t);
    let mut odd = 3.0;
    while term.hi() > 1e-33 * sum.hi() {
        term = term * square / odd;
        sum += term;
        odd += 2.0;
    }
    let root = TwoFloat::new_add(SQRT_HALF_PI.0, SQRT_HALF_PI.1);
    quotient(root, exp(square * -0.5)) - sum
}

/// `R(t) = 1/(t + 1/(t + 2/(t + 3/(t + …))))` (Abramowitz & Stegun 26.2.14), from the inside out.
fn by_continued_fraction(t: TwoFloat) -> TwoFloat {
    // Truncation after n terms errs by about e^{−2t√(2n)}; this many leave less than 1e-31.
    let depth = 24 + (1400.0 / (t.hi() * t.hi())) as u32;
    let mut tail = t;
    for n in (1..=depth).rev() {
        tail = t + quotient(TwoFloat::from(f64::from(n)), tail);
    }
    quotient(TwoFloat::from(1.0), tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Row {
        t: f64,
        high: f64,
        low: f64,
    }

    #[test]
    fn twenty_seven_digits_of_the_reference() {
        let rows: Vec<Row> =
            serde_json::from_str(include_str!("../tests/reference/mills.json")).unwrap();
        for row in rows {
            let true_ratio = TwoFloat::new_add(row.high, row.low);
            let error = (ratio(TwoFloat::from(row.t)) - true_ratio).hi() / row.high;
            assert!(error.abs() < 1e-27, "R({:e}) errs by {error:e}", row.t);
        }
    }
}
