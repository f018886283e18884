//! What double-double arithmetic needs beyond sums and products.
//!
//! Those come from `twofloat`, with about 106 significant bits, as does division by an `f64`. Two
//! things in its version 0.8.4 fall short, measured against mpmath, and are written out here:
//! dividing by a `TwoFloat` errs by up to 6e-17 (the remainder of its Algorithm 18 is formed
//! without a fused product), `exp` by up to 1.3e-11 (it calls its functions preliminary).

use twofloat::TwoFloat;
use twofloat::consts::LN_2;

/// Squarings undone after the Taylor series: the reduced argument is at most ln 2 / 2⁹.
const SQUARINGS: i32 = 8;

/// Taylor terms: the first omitted one is below (1.4e-3)¹¹/11!, about 1e-39.
const TERMS: u32 = 10;

/// `x / y` by long division, with a relative error near 1e-31; `y` not 0, the quotient in range.
pub(crate) fn quotient(x: TwoFloat, y: TwoFloat) -> TwoFloat {
    let first = x.hi() / y.hi();
    let remainder = x - y * first;
    let second = remainder.hi() / y.hi();
    let remainder = remainder - y * second;
    TwoFloat::new_add(first, second) + remainder.hi() / y.hi()
}

/// `e^x` for `-745 < x ≤ 0`, with a relative error near 1e-29 (and the spacing of subnormals).
pub(crate) fn exp(x: TwoFloat) -> TwoFloat {
    let twos = (x.hi() / std::f64::consts::LN_2).round();
    let reduced = (x - LN_2 * twos) * libm::ldexp(1.0, -SQUARINGS);

    // e^r − 1 by Horner's rule; keeping the 1 apart keeps the squarings accurate.
    let mut less_one = TwoFloat::from(0.0);
    for n in (1..=TERMS).rev() {
        less_one = reduced * (less_one + 1.0) / f64::from(n);
    }
    for _ in 0..SQUARINGS {
        less_one = less_one * 2.0 + less_one * less_one;
    }

    // Two steps, because 2^twos alone may be subnormal.
    let twos = twos as i32;
    let half = twos / 2;
    (less_one + 1.0) * libm::ldexp(1.0, half) * libm::ldexp(1.0, twos - half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_multiply_back() {
        for (x, y) in [
            (1.0, 3.0),
            (0.01, 7.7),
            (22_361.0, 1e-3),
            (1e-100, 1e100),
            (5.5, 1e-20),
        ] {
            let numerator = TwoFloat::new_add(x, x * 1e-17);
            let denominator = TwoFloat::new_add(y, -y * 3e-17);
            let back = quotient(numerator, denominator) * denominator - numerator;
            assert!(
                (back.hi() / x).abs() < 1e-31,
                "{x:e}/{y:e} errs by {:e}",
                back.hi() / x
            );
        }
    }

    #[test]
    fn exponentials_add_their_arguments() {
        // e^x e^y = e^(x+y) to far more digits than f64 holds, and e^-1 to all of them
        for (x, y) in [
            (-0.3, -0.7),
            (-1e-9, -3.0),
            (-20.5, -300.25),
            (-350.0, -340.0),
        ] {
            let (x, y) = (TwoFloat::from(x), TwoFloat::from(y));
            let sum = exp(x + y);
            let error = (exp(x) * exp(y) - sum).hi() / sum.hi();
            assert!(error.abs() < 1e-27, "{error:e}");
        }
        let inverse_e = TwoFloat::new_add(0.367_879_441_171_442_33, -1.242_875_367_278_836_3e-17);
        assert!((exp(TwoFloat::from(-1.0)) - inverse_e).hi().abs() < 1e-30);
    }
}
