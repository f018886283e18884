//! The one way from private weights to released ones.
//!
//! [`release()`] takes [`PrivateWeights`] and bounds on their distance from retraining, adds noise,
//! and gives back [`ReleasedWeights`] with their certificate, having written both and recorded them
//! in the ledger. Nothing else makes released weights, and only they are ever written to
//! `releases/`.

mod error;
mod foundation;
mod mechanism;
mod opening;
mod order;
mod refusal;
mod staging;
mod weights;

#[cfg(test)]
mod tests;

pub use error::ReleaseError;
pub use mechanism::{Released, release};
pub use opening::record_request;
pub use order::{Ball, ReleaseOrder, RequestFacts, RetainedStatistics};
pub use refusal::Refusal;
pub use weights::{PrivateWeights, ReleasedWeights};

pub(crate) use foundation::centre_digest;
pub(crate) use opening::Opening;
