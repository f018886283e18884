//! How a command ends.

use rescind::{Code, CodeKind, word};
use std::path::Path;

/// Exit statuses, part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Refused = 3,
    NotVerified = 4,
    Unnamed = 5,
    Nothing = 6,
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
    /// What a part beside the library says.
    #[error("{message}")]
    Other { code: Code, message: String },
}

impl Failure {
    pub fn usage(cause: impl std::fmt::Display) -> Self {
        Self::Usage(cause.to_string())
    }

    pub fn other(code: Code, cause: impl std::fmt::Display) -> Self {
        let message = cause.to_string();
        Self::Other { code, message }
    }

    /// A file or stream that the system refuses.
    pub fn io(path: &Path, what: impl std::fmt::Display) -> Self {
        Self::other(Code::Io, format!("{}: {what}", path.display()))
    }

    /// The same, where what it tells to do is to be done with this run: a library that was not told
    /// its name writes `RUN`.
    pub fn about(self, run: Option<&Path>) -> Self {
        let (Self::Library(error), Some(run)) = (&self, run) else {
            return self;
        };
        let run = format!(" {} ", word(run));
        let message = error.to_string().replace(" RUN ", &run);
        Self::other(error.code(), message)
    }

    pub fn status(&self) -> Status {
        match self {
            Self::Usage(_) => Status::Usage,
            Self::Refused(_) => Status::Refused,
            Self::Library(error) => of(error.code()),
            Self::Other { code, .. } => of(*code),
        }
    }

    /// The stable code: the library's, or one of the command line's own.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage",
            Self::Refused(_) => "refused",
            Self::Library(error) => error.code().as_str(),
            Self::Other { code, .. } => code.as_str(),
        }
    }
}

fn of(code: Code) -> Status {
    match code.kind() {
        CodeKind::Usage => Status::Usage,
        CodeKind::Refused => Status::Refused,
        CodeKind::Failed => Status::Failed,
        CodeKind::Nothing => Status::Nothing,
        CodeKind::Done => Status::Done,
    }
}

impl From<rescind::ModelError> for Failure {
    fn from(error: rescind::ModelError) -> Self {
        Self::Library(error.into())
    }
}

impl From<rescind_privacy::PrivacyError> for Failure {
    fn from(error: rescind_privacy::PrivacyError) -> Self {
        Self::Library(error.into())
    }
}
