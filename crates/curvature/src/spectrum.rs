//! What is known of an operator's eigenvalues from products alone (docs/theory.md §2).

mod density;
mod extremes;
mod lanczos;
mod suggestion;

pub use density::{DensitySettings, SpectralDensity};
pub use extremes::SpectrumEstimate;
pub use lanczos::LanczosSettings;
pub use suggestion::SuggestedDamping;

use crate::InvalidSetting;

/// Why nothing can be said of a spectrum.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SpectrumError {
    /// A setting out of range.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    /// The operator returned NaN or infinity.
    #[error("the operator returned NaN or infinity after {products} products")]
    NonFinite {
        /// Products taken by then.
        products: u64,
    },
    /// The steps taken allow no bound with this confidence.
    #[error(
        "{steps} Lanczos steps give no bound with failure probability {failure_probability:e} in \
         dimension {dim}: take at least {needed}"
    )]
    TooFewSteps {
        /// Dimension of the operator.
        dim: usize,
        /// Steps taken.
        steps: usize,
        /// The failure probability asked for.
        failure_probability: f64,
        /// Least number of steps that gives a bound.
        needed: usize,
    },
    /// The tridiagonal eigenvalue decomposition did not converge.
    #[error(
        "the eigenvalue decomposition of the {steps} by {steps} Lanczos matrix did not converge"
    )]
    Eigenvalues {
        /// Size of the matrix.
        steps: usize,
    },
    /// The caller's [`Control`](crate::Control) stopped it.
    #[error("interrupted by the caller after {products} products")]
    Interrupted {
        /// Products taken by then.
        products: u64,
    },
}
