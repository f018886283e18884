//! The generator.

use rand::SeedableRng;
use rand::rngs::SysRng;
use rand_chacha::ChaCha20Rng;

use super::grid::{Grid, ReleaseFormat};
use super::normal::standard_normal;
use super::report::{NoiseReport, Origin};
use crate::error::{PrivacyError, require};
use crate::quantity::NoiseScale;

/// A source of Gaussian noise: ChaCha20 that remembers where its seed came from.
///
/// Normal deviates come from `rand_distr`'s ziggurat, a rejection method on 52 random bits a draw, and
/// beyond 8σ from one on as many bits as it takes: but for floating-point rounding they are exact,
/// however far out, and [`Grid`] deals with that rounding. A source cannot be cloned, because noise must never be used twice.
///
/// ```
/// use rescind_privacy::NoiseScale;
/// use rescind_privacy::noise::{NoiseSource, Origin, ReleaseFormat};
///
/// let mut weights = vec![0.25; 1000];
/// let sigma = NoiseScale::new(0.01)?;
/// let mut source = NoiseSource::from_operating_system()?;
/// let report = source.add_gaussian(sigma, 1.0, ReleaseFormat::F32, &mut weights)?;
/// assert_eq!(report.origin, Origin::OperatingSystem);
/// assert!(weights.iter().all(|weight| f64::from(*weight as f32) == *weight));
/// # Ok::<(), rescind_privacy::PrivacyError>(())
/// ```
pub struct NoiseSource {
    generator: ChaCha20Rng,
    origin: Origin,
}

impl NoiseSource {
    /// A generator that nobody can repeat, seeded with 256 bits by the operating system.
    ///
    /// # Errors
    /// [`PrivacyError::NoOperatingSystemRandomness`] if it gave none.
    pub fn from_operating_system() -> Result<Self, PrivacyError> {
        let generator = ChaCha20Rng::try_from_rng(&mut SysRng).map_err(|error| {
            PrivacyError::NoOperatingSystemRandomness {
                reason: error.to_string(),
            }
        })?;
        Ok(Self {
            generator,
            origin: Origin::OperatingSystem,
        })
    }

    /// The generator of a seed that was derived from 256 bits of the operating system's generator
    /// which stay as secret as the un-noised weights: so that noise interrupted on its way out can
    /// be drawn again, for the same weights and no others.
    #[must_use]
    pub fn from_secret(seed: [u8; 32]) -> Self {
        Self {
            generator: ChaCha20Rng::from_seed(seed),
            origin: Origin::OperatingSystem,
        }
    }

    /// A repeatable generator, for tests and experiments: whoever knows the seed can take the noise
    /// off again. [`NoiseReport::origin`] will say so.
    #[must_use]
    pub fn insecure_from_seed(seed: u64) -> Self {
        Self {
            generator: ChaCha20Rng::seed_from_u64(seed),
            origin: Origin::InsecureSeed,
        }
    }

    /// Where the seed came from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Adds independent `N(0, σ²)` to every value and rounds the sums to the [`Grid`] for σ,
    /// `largest` and `format`: the last thing that happens to weights before they are released.
    ///
    /// `largest` bounds the absolute values by public knowledge; a sum beyond the grid's limit is
    /// brought back to it.
    ///
    /// # Errors
    /// As [`Grid::new`], and [`PrivacyError::OutOfRange`] for a value that is not finite; the
    /// values are then untouched.
    pub fn add_gaussian(
        &mut self,
        sigma: NoiseScale,
        largest: f64,
        format: ReleaseFormat,
        values: &mut [f64],
    ) -> Result<NoiseReport, PrivacyError> {
        let grid = Grid::new(sigma, largest, format)?;
        self.add_gaussian_unrounded(sigma, values)?;
        let mut clamped = 0;
        for value in values.iter_mut() {
            clamped += usize::from(value.abs() > grid.limit());
            *value = grid.round(*value);
        }
        Ok(NoiseReport {
            origin: self.origin,
            sigma,
            grid,
            count: values.len(),
            clamped,
        })
    }

    /// Adds independent `N(0, σ²)` to every value and leaves the sums as they are: for the inner
    /// steps of an algorithm, never for a release ([`Grid`] says why).
    ///
    /// # Errors
    /// [`PrivacyError::OutOfRange`] for a value that is not finite; the values are then untouched.
    pub fn add_gaussian_unrounded(
        &mut self,
        sigma: NoiseScale,
        values: &mut [f64],
    ) -> Result<(), PrivacyError> {
        if let Some(&broken) = values.iter().find(|value| !value.is_finite()) {
            return require(
                false,
                "a weight to be noised",
                broken,
                "a finite number",
                "the computation before this diverged; nothing was released",
            );
        }
        for value in values {
            *value += sigma.value() * standard_normal(&mut self.generator);
        }
        Ok(())
    }
}

impl std::fmt::Debug for NoiseSource {
    /// Shows the origin, never the state.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NoiseSource")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}
