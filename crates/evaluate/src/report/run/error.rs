//! What can go wrong in a report.

use crate::attack::AttackError;
use rescind_privacy::PrivacyError;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The run.
    #[error(transparent)]
    Run(#[from] rescind::Error),
    /// The privacy arithmetic.
    #[error(transparent)]
    Privacy(#[from] PrivacyError),
    /// The attacks.
    #[error(transparent)]
    Attack(AttackError),
    /// A picture that cannot be encoded.
    #[error("the picture of record {position} cannot be encoded: {reason}")]
    Picture {
        /// The record.
        position: usize,
        /// Why.
        reason: String,
    },
}

impl From<rescind::ModelError> for ReportError {
    fn from(error: rescind::ModelError) -> Self {
        rescind::Error::from(error).into()
    }
}

impl From<AttackError> for ReportError {
    fn from(error: AttackError) -> Self {
        match error {
            AttackError::Model(error) => ReportError::Run(error),
            other => ReportError::Attack(other),
        }
    }
}
