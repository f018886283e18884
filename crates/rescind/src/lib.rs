//! Certified unlearning for deep neural networks: train, forget some records, compare with what
//! retraining without them gives.
//!
//! ```
//! use rescind::forgetting::{ForgetRequest, Method};
//! use rescind::methods::newton::NewtonSettings;
//! use rescind::training::TrainingSettings;
//! use rescind::{Run, RunConfig};
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let training = TrainingSettings { epochs: 5, ..TrainingSettings::default() };
//! let config = RunConfig { training, ..RunConfig::default() }; // the embedded digits
//! let mut run = Run::create(folder, config, None, &mut ())?;
//! run.train(&mut ())?;
//!
//! let asked = ForgetRequest {
//!     request: "random:50?seed=1".parse()?,
//!     method: Method::Newton { settings: NewtonSettings::default() },
//!     release: None, // only the private weights move
//! };
//! let record = run.forget(&asked, &mut ())?.record;
//! assert_eq!((record.forgotten.len(), run.retained().len()), (50, 1390));
//!
//! run.retrain(&mut ())?;
//! let evaluation = run.evaluate(&mut ())?;
//! assert_eq!(evaluation.retrained.unwrap().forgotten.records, 50);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(missing_docs)]

// Unit and integration tests share their support, which speaks of `rescind`.
#[cfg(test)]
extern crate self as rescind;

pub mod certificate;
mod disk;
mod error;
pub mod evaluation;
pub mod forgetting;
mod key;
pub mod ledger;
pub mod methods;
mod objective;
mod observer;
pub mod plan;
pub mod release;
pub mod run;
pub mod training;
pub mod verify;

pub use disk::DiskError;
pub use error::Error;
pub use key::KeyError;
pub use objective::{
    ConvexObjective, Curvature, Features, HeadObjective, LinearOutputs, Minibatch, NetworkModel,
    NetworkObjective, Objective, TangentObjective, exact_gradient_norm,
};
pub use observer::{Observer, Phase, Progress};
pub use run::{Run, RunConfig};
