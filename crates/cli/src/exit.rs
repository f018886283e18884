//! How a command ends.

use rescind::{Code, CodeKind};
use std::process::ExitCode;

/// Exit statuses, part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Refused = 3,
    NotVerified = 4,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        ExitCode::from(status as u8)
    }
}

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Options that do not go together, or a value out of range.
    #[error("{0}")]
    Usage(String),
    /// The guarantee asked for cannot be given.
    #[error("{0}")]
    Refused(String),
    /// What the library says; its code decides how the command ends.
    #[error("{0}")]
    Library(#[from] rescind::Error),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

impl Failure {
    pub fn usage(cause: impl std::fmt::Display) -> Self {
        Self::Usage(cause.to_string())
    }

    pub fn failed(cause: impl std::fmt::Display) -> Self {
        Self::Failed(cause.to_string())
    }

    pub fn status(&self) -> Status {
        match self {
            Self::Usage(_) => Status::Usage,
            Self::Refused(_) => Status::Refused,
            Self::Failed(_) => Status::Failed,
            Self::Library(error) => match error.code().kind() {
                CodeKind::Usage => Status::Usage,
                CodeKind::Refused => Status::Refused,
                CodeKind::Failed => Status::Failed,
            },
        }
    }

    /// The stable code: the library's, or one of the command line's own.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::Library(error) => Code::as_str(error.code()),
        }
    }
}

impl From<rescind::ModelError> for Failure {
    fn from(error: rescind::ModelError) -> Self {
        Self::Library(error.into())
    }
}
