//! Networks and weights from ONNX files.
//!
//! A file's graph is walked once, from the record to the output. Every node becomes a layer, part of a
//! layer (exporters write some as several nodes), or a refusal; refusals are collected, so that all are
//! told at once. Nothing is executed.

mod arithmetic;
mod builder;
mod constant;
mod layers;
mod node;
mod norms;
mod patterns;
mod proto;
mod reshapes;
mod translate;
mod windows;

use crate::{NetworkDescription, NetworkError, Weights};
use std::collections::HashMap;
use std::io;

/// A network that an ONNX file describes, and its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct FromOnnx {
    /// The network. What a final softmax got is its output.
    pub network: NetworkDescription,
    /// Its weights.
    pub weights: Weights<f32>,
}

/// Reads an ONNX file. `beside` gives the content of a file that lies beside it, by its name alone (it
/// leads nowhere else): large tensors are often kept in one.
///
/// # Errors
/// [`NetworkError::DamagedOnnx`]; [`NetworkError::ForeignOnnx`], which names every node that no layer of
/// this program stands for; what [`Network::new`](crate::Network::new) refuses.
pub fn read_onnx(
    file: &[u8],
    beside: &mut dyn FnMut(&str) -> io::Result<Vec<u8>>,
) -> Result<FromOnnx, NetworkError> {
    let model = proto::read(file)?;
    let mut content = HashMap::new();
    let tensors = model.graph.iter().flat_map(|graph| &graph.initializer);
    for name in tensors.filter_map(constant::file_beside) {
        let name = name?;
        if !content.contains_key(name) {
            let bytes = beside(name).map_err(|error| NetworkError::DamagedOnnx {
                reason: format!("{name:?}, which holds its weights, cannot be read ({error})"),
            })?;
            content.insert(name.to_owned(), bytes);
        }
    }
    translate::network(&model, &content, file.len())
}

/// Whether a file begins as exporters of ONNX begin it: with a version, and who wrote it.
#[must_use]
pub fn looks_like_onnx(file: &[u8]) -> bool {
    matches!(file.first_chunk(), Some(&[0x08, 1..32, 0x12, _]))
}
