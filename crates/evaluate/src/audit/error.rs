//! Why there was no audit.

use rescind_privacy::PrivacyError;

/// Why there was no audit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The run.
    #[error(transparent)]
    Run(#[from] rescind::Error),
    /// The noise or the privacy arithmetic.
    #[error(transparent)]
    Privacy(#[from] PrivacyError),
    /// A setting out of its range.
    #[error("{setting} is {found}: expected {expected}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What was given.
        found: String,
        /// What would be accepted.
        expected: &'static str,
    },
    /// A release whose noise was added at every step.
    #[error(
        "the release rests on noise added at every step, and an audit adds noise once: it would \
         look at another mechanism"
    )]
    NoiseAtEveryStep,
    /// Nothing to tell releases apart by.
    #[error("every release has the same {statistics} statistics: give one that differs")]
    NothingDiffers {
        /// How many were looked at.
        statistics: usize,
    },
}

impl From<rescind::ModelError> for AuditError {
    fn from(error: rescind::ModelError) -> Self {
        rescind::Error::from(error).into()
    }
}
