//! Gaussian differential privacy (Dong, Roth & Su 2022; docs/theory.md §1 and §5).

use serde::{Deserialize, Serialize};
use twofloat::TwoFloat;

use crate::analytic::{epsilon_of, refuse_empty_promise, written_ratio};
use crate::bisection::least;
use crate::error::{PrivacyError, require};
use crate::profile::{MU_MAX, delta_upper};
use crate::quantity::{Delta, Epsilon, NoiseScale, Sensitivity};
use crate::rounding;

/// The parameter μ of a μ-GDP guarantee, 0 to 1e150: telling the two worlds apart is as hard as
/// telling `N(0, 1)` from `N(μ, 1)`. At 0 they are the same.
///
/// ```
/// use rescind_privacy::{Delta, Gdp, NoiseScale, Sensitivity};
///
/// let release = Gdp::of_release(Sensitivity::new(0.1)?, NoiseScale::new(0.2)?)?;
/// let four = Gdp::compose([release; 4])?;
/// assert!((four.mu() - 1.0).abs() < 1e-12);
/// assert!(four.epsilon(Delta::new(1e-5)?)?.value() < 4.4);
/// # Ok::<(), rescind_privacy::PrivacyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Gdp(f64);

impl Gdp {
    /// Accepts μ.
    ///
    /// # Errors
    /// [`PrivacyError::OutOfRange`] outside 0 to 1e150.
    pub fn new(mu: f64) -> Result<Self, PrivacyError> {
        require(
            (0.0..=MU_MAX).contains(&mu),
            "the Gaussian privacy parameter mu",
            mu,
            "between 0 and 1e150",
            "use more noise if it is too large",
        )?;
        Ok(Self(mu))
    }

    /// μ = Δ/σ of one Gaussian release, rounded up.
    ///
    /// # Errors
    /// [`PrivacyError::OutOfRange`] if it exceeds 1e150.
    pub fn of_release(sensitivity: Sensitivity, noise: NoiseScale) -> Result<Self, PrivacyError> {
        Self::new(written_ratio(sensitivity.value(), noise.value()))
    }

    /// √Σμ², rounded up: the guarantee of all releases together, also when each was chosen after
    /// seeing those before it. None at all is μ = 0.
    ///
    /// # Errors
    /// [`PrivacyError::OutOfRange`] if it exceeds 1e150.
    pub fn compose(releases: impl IntoIterator<Item = Self>) -> Result<Self, PrivacyError> {
        let mut squares = 0.0_f64;
        for Self(mu) in releases {
            if mu > 0.0 {
                // One unit in the last place keeps each step an upper bound, also where the
                // square of a tiny μ vanishes.
                squares = (squares + (mu * mu).next_up()).next_up();
            }
        }
        if squares > 0.0 {
            Self::new(squares.sqrt().next_up())
        } else {
            Ok(Self(0.0))
        }
    }

    /// The greatest μ that satisfies (ε, δ), rounded down.
    ///
    /// # Errors
    /// [`PrivacyError::OutOfRange`] for δ = 1, which every μ satisfies.
    pub fn for_promise(epsilon: Epsilon, delta: Delta) -> Result<Self, PrivacyError> {
        refuse_empty_promise(delta)?;
        let broken = |mu: f64| delta_upper(epsilon.value(), TwoFloat::from(mu)) > delta.value();
        match least(0.0, MU_MAX, broken) {
            Some(too_much) => Self::new(too_much.next_down().max(0.0)),
            None => Self::new(MU_MAX),
        }
    }

    /// μ.
    #[must_use]
    pub fn mu(self) -> f64 {
        self.0
    }

    /// The least δ at ε, rounded up.
    #[must_use]
    pub fn delta(self, epsilon: Epsilon) -> Delta {
        Delta::from_upper_bound(delta_upper(epsilon.value(), TwoFloat::from(self.0)))
    }

    /// The least ε at δ, rounded up.
    ///
    /// # Errors
    /// [`PrivacyError::OutOfRange`] if ε cannot be written down, which no μ of this type causes.
    pub fn epsilon(self, delta: Delta) -> Result<Epsilon, PrivacyError> {
        epsilon_of(delta, TwoFloat::from(self.0))
    }

    /// The greatest share of forgotten records that somebody can find who would accuse at most a share
    /// `accused` (0 to 1) of them had they never been used: `Φ(Φ⁻¹(α) + μ)`, rounded up (Dong, Roth & Su
    /// 2022, Definition 2.6; docs/theory.md §1).
    ///
    /// ```
    /// use rescind_privacy::{Delta, Epsilon, Gdp};
    ///
    /// let gdp = Gdp::for_promise(Epsilon::new(1.0)?, Delta::new(1e-5)?)?;
    /// assert!((gdp.found(0.01) - 0.0197).abs() < 1e-4);
    /// # Ok::<(), rescind_privacy::PrivacyError>(())
    /// ```
    #[must_use]
    pub fn found(self, accused: f64) -> f64 {
        if accused.is_nan() || accused >= 1.0 {
            return 1.0;
        }
        // Φ⁻¹(α) lies within 40 of 0 for every positive f64; bisection walks the positive numbers.
        let threshold = least(0.0, 80.0, |x| normal(x - 40.0) >= accused);
        let shifted = threshold.map_or(f64::INFINITY, |x| x - 40.0) + self.0;
        // erfc is good to a few units in the last place; the threshold, to 1e-14.
        let slack = 1.0 + 1e-12 * (1.0 + shifted.abs());
        (normal(shifted + 1e-13) * slack).min(1.0)
    }

    /// The least σ with which a release of this sensitivity keeps to μ, rounded up.
    ///
    /// # Errors
    /// [`PrivacyError::OutOfRange`] for a σ outside the range of [`NoiseScale`], such as the
    /// infinite one that μ = 0 asks for.
    pub fn noise_scale(self, sensitivity: Sensitivity) -> Result<NoiseScale, PrivacyError> {
        NoiseScale::new(rounding::up(sensitivity.value() / self.0))
    }
}

/// Φ.
fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

impl TryFrom<f64> for Gdp {
    type Error = PrivacyError;

    fn try_from(mu: f64) -> Result<Self, PrivacyError> {
        Self::new(mu)
    }
}

impl From<Gdp> for f64 {
    fn from(gdp: Gdp) -> f64 {
        gdp.0
    }
}
