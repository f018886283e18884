//! Privacy arithmetic for certified unlearning: how much noise hides a distance, what a noisy
//! release promises, and where the noise comes from. Pure mathematics: no models, no files.
//!
//! A method bounds the distance Δ between what it would release and what retraining would. This
//! crate turns Δ and a promise (ε, δ) into noise, and noise back into a promise; every answer is
//! rounded towards the side that promises less.
//!
//! ```
//! use rescind_privacy::{Delta, Epsilon, NoiseScale, Sensitivity, analytic};
//!
//! let (delta, distance) = (Delta::new(1e-5)?, Sensitivity::new(1.0)?);
//! let noise = analytic::calibrate(Epsilon::new(1.0)?, delta, distance)?;
//! assert!((noise.value() - 3.7306).abs() < 1e-4);
//!
//! // Noise picked by hand promises next to nothing, and the figure says so.
//! let picked = analytic::epsilon(delta, Sensitivity::new(40.0)?, NoiseScale::new(0.001)?)?;
//! assert!(picked.value() > 8.0e8);
//! # Ok::<(), rescind_privacy::PrivacyError>(())
//! ```
#![warn(missing_docs)]

pub mod accounting;
pub mod analytic;
mod bisection;
mod choice;
pub mod classical;
mod double_double;
mod error;
mod gdp;
mod mills;
pub mod noise;
mod noisy_fine_tuning;
mod profile;
mod quantity;
mod rounding;
pub mod sensitivity;

pub use choice::NoiseChoice;
pub use error::PrivacyError;
pub use gdp::Gdp;
pub use noisy_fine_tuning::NoisyFineTuning;
pub use quantity::{Delta, Epsilon, NoiseScale, Sensitivity};
