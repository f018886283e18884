//! What can go wrong at the desk.

use rescind::Code;
use std::path::PathBuf;

/// Why the desk could not do what was asked. Every message names the thing, what was found, what
/// was expected and what to do, and none names a person: messages reach logs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// What the library says.
    #[error(transparent)]
    Library(#[from] rescind::Error),
    /// The database.
    #[error("the desk's database {action}: {reason}")]
    Queue {
        /// What it did not do.
        action: &'static str,
        /// What it said.
        reason: String,
        /// Whether doing the same again may go well.
        passing: bool,
    },
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
    /// A key that cannot be used.
    #[error("{path}: {reason}")]
    Key {
        /// The key's file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: &'static str,
    },
    /// The operating system's generator failed.
    #[error("the operating system's random generator failed: try again")]
    NoRandomness,
    /// An address that cannot be listened on.
    #[error("cannot listen on {address}: {source}. Choose another with --listen")]
    Listen {
        /// The address.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A thread of the desk ended by a fault of the program.
    #[error(
        "{thread} ended by a fault of the program, which is above: the desk has ended. Start it again: it \
         goes on where it was"
    )]
    ThreadLost {
        /// Its name.
        thread: &'static str,
    },
    /// What is refused for a reason that the caller can see to.
    #[error("{message}")]
    Refused {
        /// Its code.
        code: Code,
        /// The thing, what was found, what was expected, what to do.
        message: String,
    },
}

impl ServiceError {
    /// A refusal.
    pub(crate) fn refused(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Refused { code, message }
    }

    /// A thread that the system does not give.
    pub(crate) fn no_thread(error: &std::io::Error) -> Self {
        Self::Queue {
            action: "has no thread",
            reason: error.to_string(),
            passing: false,
        }
    }

    /// What programs go by.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Library(error) => error.code(),
            Self::Queue { .. } => Code::Queue,
            Self::Io { .. } => Code::Io,
            Self::Key { .. } => Code::DeskKey,
            Self::NoRandomness => Code::NoRandomness,
            Self::Listen { .. } => Code::Listen,
            Self::ThreadLost { .. } => Code::ThreadLost,
            Self::Refused { code, .. } => *code,
        }
    }
}
