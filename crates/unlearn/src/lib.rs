//! What unlearning needs of a model, and the methods that unlearn.
//!
//! A [`Model`] is what it can do: a small required core (dimension, records, value and gradient over
//! a selection), and capabilities that some methods ask for. A [`Method`](methods::Method) states
//! what it needs of a model, what it promises before any work, what it costs, and takes the step;
//! [`methods::TABLE`] lists all of them. Networks of `rescind-network` implement [`Model`] here, as
//! [`Classifier`]s. Nothing here writes to disk or adds noise.
#![warn(missing_docs)]

mod ball;
pub mod descent;
mod description;
mod epoch;
mod error;
pub mod evaluation;
mod features;
mod head;
mod linearisation;
mod linearised;
pub mod methods;
mod model;
mod moving;
mod native;
mod norm;
mod objective;
mod observer;
mod outputs;
mod penalty;
mod phase;
mod precision;
mod products;
mod rounding;
mod sampling;
mod selected;
mod setting;
pub mod training;

pub use ball::Ball;
pub use description::{ModelDescription, Smoothness, Tensor};
pub use epoch::EpochReport;
pub use error::{Error, Failure};
pub use evaluation::Measured;
pub use features::FixedFeatures;
pub use linearisation::{Linearisation, Targets};
pub use linearised::linearised_gradient;
pub use methods::descent::{Preparation, discard_superseded, is_prepared, prepare};
pub use model::{
    BatchNorm, Capability, CurvatureProducts, DoublePrecision, EvaluationSet, Minibatches, Model,
    OwnObjectives,
};
pub use moving::Moving;
pub use native::{
    Classifier, ClassifierParts, Decision, Features, HeadObjective, ModelChoice, NetworkModel,
    NetworkObjective, Parameterisation, Records, Scaling, TangentObjective, describe, head_place,
};
pub use norm::norm_above;
pub use objective::{Curvature, Minibatch, Objective, exact_gradient_norm};
pub use observer::{Observer, Progress, loading, relay, report};
pub use outputs::{ConvexObjective, LinearOutputs, Losses, NO_TOKEN, OutputLoss, OutputTargets};
pub use penalty::L2Penalty;
pub use phase::Phase;
pub use precision::{narrowed, widened};
pub use products::{Products, Watched};
pub use selected::{minibatches, objective};
pub use setting::require;
