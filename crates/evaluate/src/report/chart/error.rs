//! What can go wrong.

use std::fmt::Display;

/// Why a chart could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("the chart cannot be drawn: {reason}")]
pub struct PictureError {
    reason: String,
}

impl PictureError {
    pub(super) fn new(reason: impl Display) -> Self {
        PictureError {
            reason: reason.to_string(),
        }
    }
}
