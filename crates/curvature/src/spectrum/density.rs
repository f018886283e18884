use serde::{Deserialize, Serialize};

use super::SpectrumError;
use super::lanczos::{lanczos, validate};
use crate::{Control, InvalidSetting, LinearOperator, Real};

/// How to estimate a spectral density.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DensitySettings {
    /// Independent Lanczos runs, at least 1.
    pub starts: u64,
    /// Steps of each, at least 1.
    pub steps: usize,
    /// Seed of the first start.
    pub seed: u64,
}

/// The distribution of an operator's eigenvalues by stochastic Lanczos quadrature (Ubaru, Chen &
/// Saad 2017; Ghorbani, Krishnan & Xiao 2019): for plots, not for bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpectralDensity {
    /// `(θ, weight)`: Ritz values in ascending order and the share of the d eigenvalues each
    /// stands for. The weights sum to 1.
    pub nodes: Vec<(f64, f64)>,
    /// Products spent.
    pub products: u64,
}

impl SpectralDensity {
    /// Estimates the spectral density of `operator`.
    ///
    /// # Errors
    /// Settings out of range, an operator that returns NaN, or an interruption.
    pub fn estimate<T: Real>(
        operator: &impl LinearOperator<T>,
        settings: DensitySettings,
        control: &mut Control<'_>,
    ) -> Result<Self, SpectrumError> {
        InvalidSetting::unless_positive("starts", settings.starts)?;
        validate(operator.dim(), settings.steps)?;
        let (mut nodes, mut products) = (Vec::new(), 0);
        for start in 0..settings.starts {
            let seed = settings.seed.wrapping_add(start);
            let ritz = lanczos(operator, settings.steps, seed, products, control)?;
            products += ritz.values.len() as u64;
            let share = 1.0 / settings.starts as f64;
            nodes.extend(
                ritz.values
                    .iter()
                    .zip(ritz.weights)
                    .map(|(v, w)| (*v, w * share)),
            );
        }
        nodes.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(Self { nodes, products })
    }

    /// The density at `eigenvalue`, every node widened to a Gaussian of standard deviation
    /// `width > 0`.
    ///
    /// # Errors
    /// `width` is not above 0 and finite.
    pub fn at(&self, eigenvalue: f64, width: f64) -> Result<f64, InvalidSetting> {
        let valid = width > 0.0 && width.is_finite();
        InvalidSetting::unless(valid, "width", width, "a finite number above 0")?;
        let height = (width * (2.0 * std::f64::consts::PI).sqrt()).recip();
        let bump = |theta: f64| height * (-0.5 * ((eigenvalue - theta) / width).powi(2)).exp();
        Ok(self
            .nodes
            .iter()
            .map(|(theta, weight)| weight * bump(*theta))
            .sum())
    }
}
