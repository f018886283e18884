//! Reading a file, and what lies beside it.

use super::translate::{self, FromOnnx};
use super::{constant, proto};
use crate::NetworkError;
use std::collections::HashMap;
use std::io;

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
