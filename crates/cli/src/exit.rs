//! How a command ends.

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
        }
    }
}

impl From<rescind::Error> for Failure {
    fn from(error: rescind::Error) -> Self {
        match error {
            rescind::Error::Setting { .. } | rescind::Error::NoNoise { .. } => Self::usage(error),
            rescind::Error::Release(cause) if cause.is_refusal() => {
                Self::Refused(cause.to_string())
            }
            rescind::Error::NotProvable { .. } => Self::Refused(error.to_string()),
            other => Self::failed(other),
        }
    }
}
