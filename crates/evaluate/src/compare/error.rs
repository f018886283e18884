//! What can go wrong in a comparison.

use crate::attack::AttackError;
use crate::fidelity::OutputsError;
use crate::report::WriteError;
use std::path::PathBuf;

/// Why a comparison could not be made, or not to its end. What is done by then is kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// A run, a method or a measurement.
    #[error(transparent)]
    Run(#[from] rescind::Error),
    /// An attack.
    #[error(transparent)]
    Attack(AttackError),
    /// A comparison or its results that cannot be read.
    #[error("{path} is not {expected}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Results that cannot be put into a file's form.
    #[error("the results cannot be written: {reason}")]
    Unwritable {
        /// Why.
        reason: String,
    },
    /// The page and its figures.
    #[error(transparent)]
    Page(#[from] WriteError),
    /// A setting out of its range.
    #[error("{setting} is {found}: expected {expected}")]
    Setting {
        /// Its name.
        setting: String,
        /// What was given.
        found: String,
        /// What would be accepted.
        expected: &'static str,
    },
    /// The folder is taken.
    #[error(
        "{path} holds another comparison: choose another folder, or go on with that one by its \
         comparison.json"
    )]
    OtherComparison {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds something else.
    #[error(
        "{path} is not empty and holds no comparison: choose a new or empty folder with --out FOLDER"
    )]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// Models whose answers cannot be taken together.
    #[error(transparent)]
    Outputs(#[from] OutputsError),
    /// A file or folder that the system refuses.
    #[error("{path}: cannot {action}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

impl From<rescind::ModelError> for CompareError {
    fn from(error: rescind::ModelError) -> Self {
        rescind::Error::from(error).into()
    }
}

impl From<AttackError> for CompareError {
    fn from(error: AttackError) -> Self {
        match error {
            AttackError::Model(model) => CompareError::Run(model),
            other => CompareError::Attack(other),
        }
    }
}
