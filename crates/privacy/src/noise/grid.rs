//! The grid that released numbers are rounded to.

use serde::{Deserialize, Serialize};

use crate::error::{PrivacyError, require};
use crate::quantity::NoiseScale;

/// A released number is a multiple of the grid's spacing, no larger than its limit; both are powers
/// of two and depend on public numbers only.
///
/// # What it protects against, and what not
/// Floating-point sums `w + noise` reach some numbers and not others, depending on the low bits of
/// `w`: a release can rule out a candidate for `w` by its last digits, whatever σ is (Mironov
/// 2012). Rounding the *sum* to a fixed grid much coarser than the gaps between sums puts many of
/// them into every cell, whichever `w` they started from, so no cell of the range is missing. It
/// is post-processing: it costs no ε.
///
/// It does not make the noise exact. The probability of each cell differs from the ideal one by
/// about the number of sums in a cell to the power −1 (2⁻¹⁰ to 2⁻²⁹); (ε, δ) is proved for the
/// ideal. Nor does it hide how long sampling took. A grid coarser than σ hides no less, but rounds
/// away accuracy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    spacing_exponent: i16,
    limit_exponent: i16,
}

/// The number format of the released file; every released number is exact in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseFormat {
    /// 32-bit: 24 significant bits.
    F32,
    /// 64-bit: 53 significant bits.
    F64,
}

/// The spacing is at most about 2⁻²⁰ σ where the format allows.
const BITS_BELOW_SIGMA: i16 = 20;

/// σ is at least the limit times 2 to minus this: then some 2¹⁰ numbers of binary64, in which sums are
/// made, lie within σ, however large the weight. With much fewer the noise would be rounded away.
const BITS_ABOVE_SIGMA: i16 = 43;

/// Noise reaches further than this many σ with a probability of 1e-57.
const REACH: f64 = 16.0;

impl Grid {
    /// The grid for weights of absolute value up to `largest` (a public bound, such as the ball's
    /// radius plus the largest coordinate of its centre) with noise σ.
    ///
    /// The limit is the power of two from `largest + 16σ` up. The spacing is `2^(⌊log₂ σ⌋ − 20)`,
    /// or coarser where the limit divided by it would need more than 24 bits (f32) or 43 bits
    /// (f64: the remaining ten keep the gaps between sums well below the spacing).
    ///
    /// # Errors
    /// [`PrivacyError::OutOfRange`] if `largest` is not a number of at least 0, or `largest + 16σ`
    /// exceeds 1e152 (1.7e38 for f32); if σ is below the limit times 2⁻⁴³, so that sums in binary64
    /// would round the noise away.
    pub fn new(
        sigma: NoiseScale,
        largest: f64,
        format: ReleaseFormat,
    ) -> Result<Self, PrivacyError> {
        let reach = largest + REACH * sigma.value();
        let (valid, expected, bits, finest) = match format {
            ReleaseFormat::F32 => (reach <= 1.7e38, "from 0 to 1.7e38", 24, -149),
            ReleaseFormat::F64 => (reach <= 1e152, "from 0 to 1e152", 43, -1022),
        };
        require(
            valid && largest >= 0.0,
            "the bound on released weights (largest weight plus 16 sigma)",
            reach,
            expected,
            "give the radius to which the weights were projected, or release as f64",
        )?;
        // In range by the checks above: all exponents lie between −1074 and 1023.
        let limit_exponent = (exponent(reach.next_down()) + 1).max(finest);
        let least = libm::ldexp(1.0, (limit_exponent - BITS_ABOVE_SIGMA).into());
        require(
            sigma.value() >= least,
            "the noise scale sigma",
            sigma.value(),
            "at least 2^-43 of the greatest absolute value released",
            "beside weights this large, arithmetic would round the noise away: give more noise",
        )?;
        let fine = exponent(sigma.value()) - BITS_BELOW_SIGMA;
        let spacing_exponent = fine.max(limit_exponent - bits).max(finest);
        Ok(Self {
            spacing_exponent,
            limit_exponent,
        })
    }

    /// The distance between neighbouring released numbers.
    #[must_use]
    pub fn spacing(self) -> f64 {
        libm::ldexp(1.0, self.spacing_exponent.into())
    }

    /// The greatest absolute value released.
    #[must_use]
    pub fn limit(self) -> f64 {
        libm::ldexp(1.0, self.limit_exponent.into())
    }

    /// The nearest number of the grid, ties to even multiples; never −0, whose sign would be one
    /// more bit of the noise.
    pub(super) fn round(self, value: f64) -> f64 {
        let (spacing, limit) = (self.spacing(), self.limit());
        (value.clamp(-limit, limit) / spacing).round_ties_even() * spacing + 0.0
    }
}

/// ⌊log₂ x⌋ of a positive normal number.
fn exponent(x: f64) -> i16 {
    libm::ilogb(x).clamp(-1074, 1023) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(sigma: f64, largest: f64, format: ReleaseFormat) -> (f64, f64) {
        let grid = Grid::new(NoiseScale::new(sigma).unwrap(), largest, format).unwrap();
        (grid.spacing().log2(), grid.limit().log2())
    }

    #[test]
    fn follows_sigma_until_the_format_is_full() {
        use ReleaseFormat::{F32, F64};
        assert_eq!(grid(1.0, 10.0, F64), (-20.0, 5.0));
        assert_eq!(grid(1.0, 10.0, F32), (-19.0, 5.0));
        assert_eq!(grid(1e-3, 1.0, F64), (-30.0, 1.0));
        assert_eq!(grid(1e-3, 1.0, F32), (-23.0, 1.0));
        assert_eq!(grid(1e-12, 1.0, F64), (-42.0, 1.0));
        // a limit that is a power of two already
        assert_eq!(grid(0.5, 8.0, F64), (-21.0, 4.0));
        assert_eq!(grid(1e-50, 0.0, F32), (-149.0, -149.0));
    }

    #[test]
    fn every_cell_is_exact_in_the_format() {
        for (sigma, largest) in [(1e-3, 1.0), (1e-9, 300.0), (5.0, 0.01), (1e-40, 1e-39)] {
            let noise = NoiseScale::new(sigma).unwrap();
            let grid = Grid::new(noise, largest, ReleaseFormat::F32).unwrap();
            for part in [1.0, 0.999_999_9, 0.73, -0.5, 1e-6, 0.0, -7.0] {
                let rounded = grid.round(part * grid.limit());
                assert_eq!(f64::from(rounded as f32).to_bits(), rounded.to_bits());
                assert!(rounded.abs() <= grid.limit());
                assert!((rounded / grid.spacing()).fract().abs() <= 0.0);
            }
            assert!(grid.round(-0.1 * grid.spacing()).is_sign_positive());
        }
    }

    /// The largest weight moves by numbers within σ of it, and not only to its neighbours.
    #[test]
    fn refuses_noise_that_sums_would_round_away() {
        let largest = 1.0_f64;
        let least = 2.0 * libm::ldexp(1.0, -43);
        let grid = |sigma| Grid::new(NoiseScale::new(sigma).unwrap(), largest, ReleaseFormat::F64);
        assert!(grid(least).is_ok() && grid(least.next_down()).is_err());
        assert!(least / (largest.next_up() - largest) >= 1024.0);
    }

    #[test]
    fn refuses_what_the_format_cannot_hold() {
        let sigma = NoiseScale::new(1.0).unwrap();
        for (largest, format) in [
            (f64::NAN, ReleaseFormat::F64),
            (f64::INFINITY, ReleaseFormat::F64),
            (-1.0, ReleaseFormat::F64),
            (1e39, ReleaseFormat::F32),
        ] {
            assert!(Grid::new(sigma, largest, format).is_err(), "{largest}");
        }
    }
}
