//! What can go wrong in an attack.

/// Why an attack could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttackError {
    /// Too few records to fit and to score an attacker.
    #[error(
        "{found} forgotten records have unseen ones of the same classes beside them: expected at \
         least {needed}; forget more records, or ask for fewer folds"
    )]
    TooFew {
        /// Records on each side.
        found: usize,
        /// Records needed.
        needed: usize,
    },
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
    /// Outputs that do not belong together.
    #[error("original and unlearned model do not speak of the same records and classes")]
    Mismatch,
    /// An attacker that cannot be fitted.
    #[error("the {attacker} attacker cannot be fitted: {reason}")]
    Fit {
        /// The attacker.
        attacker: &'static str,
        /// What its library says.
        reason: String,
    },
    /// A model under attack, or a shadow of it.
    #[error(transparent)]
    Model(#[from] rescind::Error),
}

impl From<rescind::ModelError> for AttackError {
    fn from(error: rescind::ModelError) -> Self {
        rescind::Error::from(error).into()
    }
}

impl From<rescind_network::NetworkError> for AttackError {
    fn from(error: rescind_network::NetworkError) -> Self {
        AttackError::Model(error.into())
    }
}
