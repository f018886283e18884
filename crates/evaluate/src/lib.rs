//! Evidence that a network has forgotten (THEORY §7): never a proof, always a measurement.
#![warn(missing_docs)]

pub mod audit;
pub mod report;
