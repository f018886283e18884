use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::random::unit_vector;
use crate::{
    Control, Damped, InvalidSetting, Progress, Real, SampledOperator, SpectrumError, vector,
};

/// How to estimate the scale of [`Lissa`](crate::Lissa).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScaleSettings {
    /// Minibatches looked at, at least 1.
    pub samples: u64,
    /// Power iterations on each, at least 1: one sampled product each.
    pub iterations: u64,
    /// Factor on the largest norm found, at least 1.
    pub safety: f64,
    /// Seed of the starting vectors.
    pub seed: u64,
}

impl Default for ScaleSettings {
    /// 10 minibatches, 20 iterations each, safety factor 1.5, seed 0.
    fn default() -> Self {
        Self {
            samples: 10,
            iterations: 20,
            safety: 1.5,
            seed: 0,
        }
    }
}

/// A scale for [`Lissa`](crate::Lissa) from power iteration on minibatches.
///
/// Power iteration approaches each `‖H_j + λI‖` from below and sees only some of the minibatches,
/// hence the safety factor. It makes divergence unlikely, not impossible; the solve checks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ScaleEstimate {
    /// The scale: the largest norm found times the safety factor.
    pub scale: f64,
    /// Sampled products spent on it.
    pub sampled_products: u64,
}

impl ScaleEstimate {
    /// Estimates a scale from minibatches that a [`Lissa`](crate::Lissa) of at most `chains` chains
    /// does not use.
    ///
    /// # Errors
    /// Settings out of range; a system that is zero or returns NaN; an interruption.
    pub fn measure<T: Real, O: SampledOperator<T>>(
        system: &Damped<O>,
        chains: u64,
        settings: &ScaleSettings,
        control: &mut Control<'_>,
    ) -> Result<Self, SpectrumError> {
        settings.validate()?;
        let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
        let mut product = vec![T::zero(); system.operator().dim()];
        let (mut largest, mut products) = (0.0_f64, 0);
        for sample in 0..settings.samples {
            let mut v = unit_vector::<T>(product.len(), &mut rng);
            for _ in 0..settings.iterations {
                system
                    .operator()
                    .apply_sample(chains, sample, &v, &mut product);
                vector::add_scaled(&mut product, system.damping(), &v);
                products += 1;
                let norm = vector::norm(&product);
                if !norm.is_finite() {
                    return Err(SpectrumError::NonFinite { products });
                }
                let progress = Progress {
                    iteration: products,
                    products,
                    relative_residual: None,
                };
                if control.report(progress).is_break() {
                    return Err(SpectrumError::Interrupted { products });
                }
                if !norm.is_normal() {
                    // In the kernel of this minibatch: nothing to add.
                    break;
                }
                largest = largest.max(norm);
                vector::update(&mut v, &product, |product, _| product / norm);
            }
        }
        let setting = "the norm of the damped minibatches";
        InvalidSetting::unless(largest > 0.0, setting, largest, "above 0")?;
        Ok(Self {
            scale: settings.safety * largest,
            sampled_products: products,
        })
    }
}

impl ScaleSettings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        InvalidSetting::unless_positive("samples", self.samples)?;
        InvalidSetting::unless_positive("iterations", self.iterations)?;
        let valid = self.safety >= 1.0 && self.safety.is_finite();
        InvalidSetting::unless(
            valid,
            "safety",
            self.safety,
            "a finite number of at least 1",
        )
    }
}
