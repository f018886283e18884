//! Networks of `rescind-network` as models: whole, linearised, or their last layer alone.

mod choice;
mod classifier;
mod head;
mod linear_place;
mod model;
mod network;
mod records;
mod rows;
mod tangent;
mod weighted;

pub use choice::{ModelChoice, Parameterisation, Scaling};
pub use classifier::{Classifier, ClassifierParts, Decision, describe};
pub use head::{Features, HeadObjective};
pub use linear_place::head_place;
pub use model::NetworkModel;
pub use network::NetworkObjective;
pub use records::Records;
pub use tangent::TangentObjective;
