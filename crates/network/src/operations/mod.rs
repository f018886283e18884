//! What a layer computes: its value and, exactly, its first and second derivatives.
//!
//! An operation is `y = f(x, w)` on a chunk of records. With a direction `v` in its parameters and
//! `ẋ` in its input it gives the tangent `ẏ = ∂ₓf·ẋ + ∂_w f·v`; from a cotangent `ȳ` the cotangents
//! `x̄ = ∂ₓfᵀ·ȳ` and `w̄ = ∂_w fᵀ·ȳ`; and the tangents of those cotangents, which is all that a
//! Hessian-vector product by forward-over-reverse needs.
//!
//! Pictures are kept channels-last (position, then channel), so that every loop over channels is
//! over neighbours in memory.

mod activation;
mod affine;
mod batch_norm;
mod buffers;
mod convolution;
mod dots;
mod group_norm;
mod linear;
mod operation;
mod point;
mod pooling;
mod reorder;

pub use activation::Activation;
pub(crate) use affine::Affine;
pub(crate) use batch_norm::BatchNorm;
pub(crate) use buffers::{Scratch, Sink};
pub(crate) use convolution::Convolution;
pub(crate) use group_norm::GroupNorm;
pub(crate) use linear::Linear;
pub(crate) use operation::Operation;
pub(crate) use point::{Point, Prepared, Saved, Weights};
pub(crate) use pooling::{AveragePool, MaxPool, Windows};
pub(crate) use reorder::Reorder;
