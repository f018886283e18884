//! Networks and weights from ONNX files.
//!
//! A file's graph is walked once, from the record to the output. Every node becomes a layer, part of a
//! layer (exporters write some as several nodes), or a refusal; refusals are collected, so that all are
//! told at once. Nothing is executed.

mod arithmetic;
mod begins;
mod builder;
mod constant;
mod layers;
mod moments;
mod node;
mod norms;
mod patterns;
mod proto;
mod read;
mod reshapes;
mod state;
mod translate;
mod windows;

pub use begins::looks_like_onnx;
pub use read::read_onnx;
pub use translate::FromOnnx;
