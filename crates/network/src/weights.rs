//! Weights to and from `safetensors`, under PyTorch's names.

use crate::program::Tensor;
use crate::scalar::Scalar;
use crate::{Network, NetworkError};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::HashMap;

/// A model's numbers: parameters, and the statistics of its batch-norm layers.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights<T> {
    /// The flat parameter vector, length [`Network::parameter_count`].
    pub parameters: Vec<T>,
    /// The flat statistics, length [`Network::statistic_count`].
    pub statistics: Vec<T>,
}

/// PyTorch's count of batches beside every batch norm; it is not used, only passed over.
const COUNTER: &str = "num_batches_tracked";

impl<T: Scalar> Weights<T> {
    /// Reads the content of a `safetensors` file, such as one saved from a PyTorch `state_dict` of
    /// the same architecture. Values may be F32, F64, F16 or BF16.
    ///
    /// # Errors
    /// A damaged or truncated file, a tensor missing, unknown, of the wrong shape or type, or with
    /// a value that is not finite: each named, with what was expected.
    pub fn from_safetensors(network: &Network, bytes: &[u8]) -> Result<Self, NetworkError> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| NetworkError::DamagedWeights {
            reason: e.to_string(),
        })?;
        let mut tensors: HashMap<String, TensorView<'_>> = file.tensors().into_iter().collect();
        unwrap_names(&mut tensors);
        let mut found: Vec<String> = tensors.keys().cloned().collect();
        found.sort();
        let mut read = |layout: &[Tensor], len: usize| {
            let mut values = vec![T::zero(); len];
            for tensor in layout {
                let view = tensors.remove(&tensor.name).ok_or_else(|| {
                    let (name, expected) = (tensor.name.clone(), tensor.shape.clone());
                    let found = found.clone();
                    NetworkError::MissingTensor {
                        name,
                        expected,
                        found,
                    }
                })?;
                copy(tensor, &view, &mut values[tensor.range.clone()])?;
            }
            Ok(values)
        };
        let weights = Weights {
            parameters: read(network.parameters(), network.parameter_count())?,
            statistics: read(network.statistics(), network.statistic_count())?,
        };
        let mut unknown: Vec<_> = tensors
            .into_keys()
            .filter(|name| !name.ends_with(COUNTER))
            .collect();
        unknown.sort();
        match unknown.into_iter().next() {
            Some(name) => Err(NetworkError::UnexpectedTensor { name }),
            None => Ok(weights),
        }
    }

    /// The content of a `safetensors` file that PyTorch's `load_state_dict` takes.
    ///
    /// # Errors
    /// [`NetworkError::WrongLength`] if these are not the network's weights.
    pub fn to_safetensors(&self, network: &Network) -> Result<Vec<u8>, NetworkError> {
        let wrong = |what, found, expected| NetworkError::WrongLength {
            what,
            found,
            expected,
        };
        if self.parameters.len() != network.parameter_count() {
            let expected = network.parameter_count();
            return Err(wrong("weight vector", self.parameters.len(), expected));
        }
        if self.statistics.len() != network.statistic_count() {
            let expected = network.statistic_count();
            return Err(wrong("statistics", self.statistics.len(), expected));
        }
        let mut parts: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
        for (layout, values) in [
            (network.parameters(), &self.parameters),
            (network.statistics(), &self.statistics),
        ] {
            for tensor in layout {
                let bytes = little_endian(&values[tensor.range.clone()]);
                parts.push((tensor.name.clone(), T::DTYPE, tensor.shape.clone(), bytes));
                if let Some(layer) = tensor.name.strip_suffix("running_var") {
                    let zero = 0i64.to_le_bytes().to_vec();
                    parts.push((format!("{layer}{COUNTER}"), Dtype::I64, vec![], zero));
                }
            }
        }
        let damaged = |e: safetensors::SafeTensorError| NetworkError::DamagedWeights {
            reason: e.to_string(),
        };
        let views = parts.iter().map(|(name, dtype, shape, bytes)| {
            Ok((
                name,
                TensorView::new(*dtype, shape.clone(), bytes).map_err(damaged)?,
            ))
        });
        let views = views.collect::<Result<Vec<_>, NetworkError>>()?;
        safetensors::serialize(views, None).map_err(damaged)
    }
}

fn little_endian<T: Scalar>(values: &[T]) -> Vec<u8> {
    match T::DTYPE {
        Dtype::F32 => values
            .iter()
            .flat_map(|v| (v.as_f64() as f32).to_le_bytes())
            .collect(),
        _ => values
            .iter()
            .flat_map(|v| v.as_f64().to_le_bytes())
            .collect(),
    }
}

fn copy<T: Scalar>(
    tensor: &Tensor,
    view: &TensorView<'_>,
    out: &mut [T],
) -> Result<(), NetworkError> {
    let name = || tensor.name.clone();
    if view.shape() != tensor.shape {
        let (found, expected) = (view.shape().to_vec(), tensor.shape.clone());
        return Err(NetworkError::TensorShape {
            name: name(),
            found,
            expected,
        });
    }
    let (width, number): (usize, fn(&[u8]) -> f64) = match view.dtype() {
        Dtype::F32 => (4, |b| {
            f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        }),
        Dtype::F64 => (8, |b| {
            f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]])
        }),
        Dtype::F16 => (2, |b| half_to_f64(u16::from_le_bytes([b[0], b[1]]))),
        Dtype::BF16 => (2, |b| {
            f64::from(f32::from_bits(
                u32::from(u16::from_le_bytes([b[0], b[1]])) << 16,
            ))
        }),
        other => {
            return Err(NetworkError::TensorType {
                name: name(),
                found: format!("{other:?}"),
            });
        }
    };
    for (out, bytes) in out.iter_mut().zip(view.data().chunks_exact(width)) {
        *out = T::of(number(bytes));
        if !out.is_finite() {
            return Err(NetworkError::TensorNotFinite { name: name() });
        }
    }
    Ok(())
}

/// IEEE 754 binary16.
fn half_to_f64(bits: u16) -> f64 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let fraction = f64::from(bits & 0x3ff);
    match (bits >> 10) & 0x1f {
        0 => sign * fraction * 2f64.powi(-24),
        31 if fraction > 0.0 => f64::NAN,
        31 => sign * f64::INFINITY,
        exponent => sign * (1.0 + fraction / 1024.0) * 2f64.powi(i32::from(exponent) - 15),
    }
}

/// Takes off what `DataParallel` and `torch.compile` put before every name.
fn unwrap_names(tensors: &mut HashMap<String, TensorView<'_>>) {
    for prefix in ["module.", "_orig_mod.", "module."] {
        if !tensors.is_empty() && tensors.keys().all(|name| name.starts_with(prefix)) {
            let wrapped = std::mem::take(tensors).into_iter();
            tensors.extend(wrapped.map(|(name, view)| (name[prefix.len()..].to_owned(), view)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::half_to_f64;

    #[test]
    fn half_precision_is_read_as_the_standard_has_it() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 2f64.powi(-14)),
            (0x03ff, 1023.0 * 2f64.powi(-24)),
            (0x8001, -(2f64.powi(-24))),
            (0x7c00, f64::INFINITY),
            (0xfc00, f64::NEG_INFINITY),
        ] {
            assert_eq!(
                half_to_f64(bits).to_bits(),
                f64::to_bits(value),
                "{bits:#06x}"
            );
        }
        assert!(half_to_f64(0x7e00).is_nan());
    }
}
