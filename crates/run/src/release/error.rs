//! Why nothing was released.

use super::refusal::Refusal;
use crate::disk::DiskError;
use crate::key::KeyError;
use crate::ledger::{BudgetExceeded, LedgerError};
use crate::tensors::TensorsError;
use rescind_certificate::{EnvelopeError, TermsError};
use rescind_privacy::PrivacyError;

/// Why nothing was released, or a request was not recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// The promise asked for would destroy the model.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The release would break a promise to an earlier request.
    #[error(transparent)]
    Budget(#[from] BudgetExceeded),
    /// Bounds and noise make no promise.
    #[error(transparent)]
    Terms(#[from] TermsError),
    /// The privacy arithmetic refuses its input.
    #[error(transparent)]
    Privacy(#[from] PrivacyError),
    /// The un-noised weights lie outside the ball.
    #[error(
        "the weights lie {distance} from the centre (rounding included), outside the ball of \
         radius {radius} that the bound rests on: project them after every step, to slightly less \
         than the radius so that rounding cannot carry them out"
    )]
    OutsideBall {
        /// Upper bound on their distance from the centre.
        distance: f64,
        /// The radius.
        radius: f64,
    },
    /// A vector does not have the model's length, or is not finite.
    #[error("the {what} must be {expected} finite numbers, found {found}: nothing was released")]
    Vector {
        /// Which vector.
        what: &'static str,
        /// What was found.
        found: String,
        /// The length expected.
        expected: usize,
    },
    /// Batch-norm statistics cannot be recomputed.
    #[error("batch-norm statistics could not be recomputed on the retained records: {reason}")]
    Statistics {
        /// Why.
        reason: String,
    },
    /// The inputs are scaled by constants that the forgotten records helped to compute.
    #[error(
        "the inputs are scaled by constants computed from the records, the forgotten ones among \
         them; no noise covers these constants. Train on inputs scaled by constants fixed \
         beforehand, or not at all"
    )]
    ScalingFromRecords,
    /// A fact that contradicts another.
    #[error("the order contradicts itself: {field} is {found}, expected {expected} ({why})")]
    Inconsistent {
        /// The field of the certificate it would have been.
        field: String,
        /// What was given.
        found: String,
        /// What would fit.
        expected: String,
        /// Why.
        why: String,
    },
    /// The request was made before.
    #[error(
        "request {number} does not follow request {last}, the last in the ledger: open the run \
         again to see where it stands"
    )]
    OutOfTurn {
        /// The number given.
        number: u64,
        /// The last one recorded.
        last: u64,
    },
    /// A request for nothing.
    #[error("request {number} names no record")]
    NoRecords {
        /// Its number.
        number: u64,
    },
    /// A release without a request that it would cover.
    #[error(
        "nothing is pending: every request is covered by a release already, and another release \
         of the same weights would only weaken what is promised"
    )]
    NothingPending,
    /// A class that only forgotten records had, where the classes were read off the records.
    #[error(
        "{classes} of the classes have no record left, and the set of classes was read off the \
         records: weights trained without the forgotten ones would have fewer outputs, so that any \
         release shows that these were there. This run can release nothing from then on: forget \
         without a release, and train a new run on what is left, with its classes declared \
         (classes, --classes)"
    )]
    ClassEmptied {
        /// How many.
        classes: usize,
    },
    /// The operating system's generator did not answer.
    #[error("the operating system's random generator failed ({reason}); nothing was released")]
    NoRandomness {
        /// What it said.
        reason: String,
    },
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The signing key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A file or folder.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A file of tensors that cannot be written.
    #[error("the tensors cannot be written: {0}")]
    Tensors(#[from] TensorsError),
    /// The certificate's file.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// A document that cannot be written.
    #[error("a document cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Where a test breaks off.
    #[cfg(test)]
    #[error("broken off")]
    BrokenOff,
}
