//! Placeholder.
#![warn(missing_docs)]

// Unit and integration tests share their support, which speaks of `rescind`.
#[cfg(test)]
extern crate self as rescind;

pub mod certificate;
mod disk;
mod key;
pub mod ledger;
pub mod release;
pub mod verify;
pub use disk::DiskError;
pub use key::KeyError;
