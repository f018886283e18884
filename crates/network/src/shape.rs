//! Shapes of what flows between layers.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The shape of one record (or of one activation of one record).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<usize>", into = "Vec<usize>")]
pub enum Shape {
    /// A vector of features.
    Features(usize),
    /// A picture: channels, height, width; stored in that order outside the engine.
    Image {
        /// Channels.
        channels: usize,
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
}

/// Elements that one activation of one record may have: beyond any real network, and small enough
/// that no product of sizes overflows.
pub(crate) const MOST_ELEMENTS: usize = 1 << 28;

impl Shape {
    /// From `[features]` or `[channels, height, width]`; `None` for any other number of
    /// dimensions, for a zero, and beyond 2²⁸ elements.
    pub fn from_dims(dims: &[usize]) -> Option<Shape> {
        let total = dims.iter().try_fold(1usize, |p, &d| p.checked_mul(d))?;
        if total == 0 || total > MOST_ELEMENTS {
            return None;
        }
        match *dims {
            [features] => Some(Shape::Features(features)),
            [channels, height, width] => Some(Shape::Image {
                channels,
                height,
                width,
            }),
            _ => None,
        }
    }

    /// `[features]` or `[channels, height, width]`.
    pub fn dims(self) -> Vec<usize> {
        match self {
            Shape::Features(n) => vec![n],
            Shape::Image {
                channels,
                height,
                width,
            } => vec![channels, height, width],
        }
    }

    /// Number of elements.
    #[allow(clippy::len_without_is_empty)] // a shape is never empty
    pub fn len(self) -> usize {
        self.channels() * self.positions()
    }

    /// Channels; of features, their number.
    pub(crate) fn channels(self) -> usize {
        match self {
            Shape::Features(n) => n,
            Shape::Image { channels, .. } => channels,
        }
    }

    /// Height times width; of features, one.
    pub(crate) fn positions(self) -> usize {
        match self {
            Shape::Features(_) => 1,
            Shape::Image { height, width, .. } => height * width,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Features(n) => write!(f, "{n} features"),
            Shape::Image {
                channels,
                height,
                width,
            } => write!(f, "{channels}×{height}×{width}"),
        }
    }
}

impl TryFrom<Vec<usize>> for Shape {
    type Error = String;

    fn try_from(dims: Vec<usize>) -> Result<Self, String> {
        Shape::from_dims(&dims).ok_or_else(|| {
            format!("a shape is [features] or [channels, height, width] of positive sizes, found {dims:?}")
        })
    }
}

impl From<Shape> for Vec<usize> {
    fn from(shape: Shape) -> Self {
        shape.dims()
    }
}
