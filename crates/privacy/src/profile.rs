//! The privacy profile δ(ε) of a Gaussian release: the one formula all conversions invert.
//!
//! With `μ = Δ/σ`, `a = μ/2`, `b = ε/μ`, `u = b − a`, `v = b + a` and Mills' ratio
//! `R(t) = Φ(−t)/φ(t)`, Theorem 8 of Balle & Wang (2018) reads, since `e^ε φ(v) = φ(u)`,
//!
//! `δ(ε) = Φ(−u) − e^ε Φ(−v) = φ(u) [R(u) − R(v)]`,
//!
//! the form of docs/theory.md §1 with `erfcx` renamed. All of it is evaluated in double-double
//! arithmetic. `u` needs that: for ε = 1e9 it is the difference of two numbers near 22 361, and
//! an error in it is multiplied by up to 38. So does δ: for ε near 0 a change of δ in its last
//! bit moves ε in its tenth digit.

use twofloat::TwoFloat;

use crate::double_double::{exp, quotient};
use crate::mills;

/// 1/√(2π).
const INV_SQRT_TWO_PI: (f64, f64) = (0.398_942_280_401_432_7, -2.492_327_202_277_73e-17);

/// Below this μ, `R(u) − R(v)` is `μ (1 − b R(b))` to a relative μ²/12.
const NARROW: f64 = 1e-9;

/// Beyond this |u|, δ is below the least positive normal number, or 1 to every digit.
const FAR: f64 = 39.0;

/// The greatest μ for which a profile is computed.
pub(crate) const MU_MAX: f64 = 1e150;

/// Smaller positive μ are treated as this one, which can only enlarge δ.
const MU_MIN: f64 = 1e-150;

/// An upper bound on δ(ε) for a Gaussian release with `Δ/σ = mu`; `0 ≤ mu ≤ MU_MAX`, `ε ≥ 0`.
///
/// Within one unit in the last place of δ(ε), and never below it; in `[2.2e-308, 1]`.
pub(crate) fn delta_upper(epsilon: f64, mu: TwoFloat) -> f64 {
    if mu.hi() <= 0.0 {
        return f64::MIN_POSITIVE;
    }
    let mu = if mu.hi() < MU_MIN {
        TwoFloat::from(MU_MIN)
    } else {
        mu
    };

    // Settle in ordinary arithmetic what is far out, before anything can overflow.
    let (a, b) = (mu.hi() / 2.0, epsilon / mu.hi());
    let doubt = 1e-14 * (a + b);
    if b.is_infinite() || b - a - doubt > FAR {
        return f64::MIN_POSITIVE;
    }
    if a - b - doubt > FAR {
        return 1.0;
    }

    let a = mu * 0.5;
    let b = quotient(TwoFloat::from(epsilon), mu);
    let v = a + b;
    // δ falls as u grows: taking off the rounding errors of u keeps δ an upper bound.
    let u = b - a - v * f64::EPSILON.powi(2) * 32.0;
    if u.hi() > FAR {
        return f64::MIN_POSITIVE;
    }
    if u.hi() < -FAR {
        return 1.0;
    }

    let delta = if mu.hi() < NARROW {
        density(u) * mu * mills::falling_rate(b)
    } else if u.hi() >= 0.0 {
        density(u) * (mills::ratio(u) - mills::ratio(v))
    } else {
        // Φ(−u) = 1 − φ(u) R(−u): Mills' ratio explodes on the left.
        1.0 - density(u) * (mills::ratio(-u) + mills::ratio(v))
    };
    round_up(delta).clamp(f64::MIN_POSITIVE, 1.0)
}

/// φ(u) for |u| < 38.6, beyond which it is 0.
fn density(u: TwoFloat) -> TwoFloat {
    let exponent = u * u * -0.5;
    if exponent.hi() < -744.0 {
        return TwoFloat::from(0.0);
    }
    exp(exponent) * TwoFloat::new_add(INV_SQRT_TWO_PI.0, INV_SQRT_TWO_PI.1)
}

/// The least `f64` above a double-double value and its error.
fn round_up(value: TwoFloat) -> f64 {
    // The arithmetic is good to 1e-18 relative after every cancellation above, except where its
    // low halves become subnormal.
    let slack = if value.hi() < 1e-290 { 1e-15 } else { 1e-18 };
    let above = value + value * slack;
    if above.lo() > 0.0 {
        above.hi().next_up()
    } else {
        above.hi()
    }
}
