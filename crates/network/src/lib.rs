//! Neural networks whose curvature is first-class.
//!
//! Certified unlearning is made of Hessian-vector products and linear solves. This crate computes
//! exact ones, by forward-over-reverse, on any graph of its layers; at fixed weights the primal
//! pass is computed once and reused by every product.
//!
//! ```
//! use rescind_network::{zoo, Activation, Batch, Evaluator, Loss, Network};
//!
//! let network =
//!     Network::new(zoo::mlp(&[4], &[8], 3, Activation::Tanh, zoo::Norm::None)?)?;
//! let w: Vec<f64> = network.initialise(7);
//! let evaluator = Evaluator::new(&network, Loss::SoftmaxCrossEntropy);
//! let batch = Batch::classes(&[0.1, -0.4, 0.3, 0.9, 1.0, 0.2, -0.7, 0.0], &[2, 0]);
//!
//! let at = evaluator.linearize(&w, batch)?;
//! let (mut hu, mut hv) = (vec![0.0; w.len()], vec![0.0; w.len()]);
//! let (u, v): (Vec<f64>, Vec<f64>) = (network.initialise(1), network.initialise(2));
//! at.hvp(&u, &mut hu)?;
//! at.hvp(&v, &mut hv)?;
//! let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
//! assert!((dot(&u, &hv) - dot(&v, &hu)).abs() < 1e-12); // a Hessian is symmetric
//! # Ok::<(), rescind_network::NetworkError>(())
//! ```
//!
//! - [`NetworkDescription`] → [`Network`]: a graph of layers, checked; [`zoo`] builds the usual ones.
//! - [`Evaluator`]: logits, loss, gradient, per-record losses and gradient norms, over any number
//!   of records, within the threads and memory of an [`Execution`].
//! - [`Linearization`]: `jvp`, `vjp`, Hessian- and Gauss–Newton-vector products.
//! - [`Tangent`]: the network linearised in its weights, as a model of its own.
//! - [`Weights`]: to and from `safetensors`, under PyTorch's names.
//!
//! Results have the same bits whatever the number of threads.
#![warn(missing_docs)]
#![deny(unsafe_code)]

mod batch;
mod description;
mod error;
mod evaluator;
mod execution;
mod kernel;
mod lanes;
mod linearization;
mod loss;
mod matrix;
mod network;
mod number;
mod onnx;
mod operations;
mod penalty;
mod program;
mod pytorch;
mod rate;
mod scalar;
mod shape;
mod tangent;
mod tape;
mod targets;
mod training;
mod weights;
pub mod zoo;

pub use batch::Batch;
pub use description::{Layer, NetworkDescription, NodeDescription};
pub use error::{Named, NetworkError, Pair};
pub use evaluator::Evaluator;
pub use execution::Execution;
pub use linearization::Linearization;
pub use loss::{Loss, softmax};
pub use network::Network;
pub use onnx::{FromOnnx, looks_like_onnx, read_onnx};
pub use operations::Activation;
pub use penalty::Penalty;
pub use program::Tensor;
pub use scalar::Scalar;
pub use shape::Shape;
pub use tangent::{GramCost, Tangent};
pub use targets::Targets;
pub use weights::Weights;
