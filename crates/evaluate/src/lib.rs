//! Evidence that a network has forgotten (docs/theory.md §7): never a proof, always a measurement.
#![warn(missing_docs)]

pub mod attack;
pub mod audit;
pub mod baseline;
mod clopper_pearson;
pub mod compare;
mod descent;
pub mod fidelity;
mod owner_only;
pub mod report;
