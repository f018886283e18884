//! The one way from private weights to released ones.
//!
//! [`release()`] takes [`PrivateWeights`] and bounds on their distance from retraining, adds noise,
//! and gives back [`ReleasedWeights`] with their certificate, having written both and recorded them
//! in the ledger. [`fine_tune()`] adds noise at every step of fine-tuning instead, and hands its
//! [`Noised`] weights over for release. Nothing else makes released weights, and only they are ever
//! written to `releases/`.

mod decision;
mod draw;
mod error;
mod evidence;
mod fine_tuning;
mod foundation;
mod mechanism;
mod noised;
mod noising;
mod opening;
mod order;
mod refusal;
mod released;
mod staging;
mod weights;

#[cfg(test)]
mod tests;

pub use decision::{NoiseLimit, spending, terms_in_advance};
pub use error::ReleaseError;
pub use fine_tuning::{FineTuned, fine_tune};
pub use mechanism::release;
pub use noised::Noised;
pub use noising::Rehearsal;
pub use opening::{fresh_salt, record_request};
pub use order::{Ball, Basis, FineTuneOrder, ReleaseOrder, RequestFacts, RetainedStatistics};
pub use refusal::Refusal;
pub use released::Released;
pub use weights::{PrivateWeights, ReleasedWeights};

pub(crate) use evidence::place as evidence_place;
pub(crate) use foundation::centre_digest;
