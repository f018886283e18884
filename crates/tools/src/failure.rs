//! What can go wrong.

/// Why a task was not done.
pub type Failure = Box<dyn std::error::Error>;
