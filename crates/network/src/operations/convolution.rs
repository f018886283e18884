//! Two-dimensional convolution: its geometry, and which of two algorithms runs it.

mod algorithm;
mod columns;
mod geometry;
mod winograd;

pub(crate) use geometry::Convolution;
