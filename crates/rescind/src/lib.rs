//! Certified unlearning for deep neural networks.
#![warn(missing_docs)]

mod error;
pub mod evaluation;
pub mod forgetting;
pub mod methods;
mod objective;
mod observer;
pub mod run;
pub mod training;

pub use error::Error;
pub use objective::{
    Curvature, Minibatch, NetworkModel, NetworkObjective, Objective, exact_gradient_norm,
};
pub use observer::{Observer, Phase, Progress};
pub use run::{Run, RunConfig};
