//! Weights to and from `safetensors`, under PyTorch's names.

use crate::program::Tensor;
use crate::pytorch::as_safetensors;
use crate::scalar::Scalar;
use crate::{Network, NetworkError};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::{BTreeMap, BTreeSet};

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
    /// Reads the content of a `safetensors` file, or of a file that `torch.save` made of a
    /// `state_dict` (nothing in it is executed), of the same architecture. Values may be F32, F64,
    /// F16 or BF16.
    ///
    /// # Errors
    /// A damaged or truncated file, or another one; tensors missing, unknown, of the wrong shape or
    /// type, or with a value that is not finite: each named, with what was expected.
    pub fn from_safetensors(network: &Network, bytes: &[u8]) -> Result<Self, NetworkError> {
        let bytes = as_safetensors(bytes)?;
        let file = SafeTensors::deserialize(&bytes).map_err(|e| NetworkError::DamagedWeights {
            reason: e.to_string(),
        })?;
        let mut tensors: BTreeMap<String, TensorView<'_>> = file.tensors().into_iter().collect();
        unwrap_names(network, &mut tensors);
        tensors.retain(|name, _| !name.ends_with(COUNTER));
        fit(network, &tensors)?;
        let read = |layout: &[Tensor], len: usize| {
            let mut values = vec![T::zero(); len];
            for tensor in layout {
                if let Some(view) = tensors.get(&tensor.name) {
                    copy(tensor, view, &mut values[tensor.range.clone()])?;
                }
            }
            Ok::<_, NetworkError>(values)
        };
        Ok(Weights {
            parameters: read(network.parameters(), network.parameter_count())?,
            statistics: read(network.statistics(), network.statistic_count())?,
        })
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
pub(crate) fn half_to_f64(bits: u16) -> f64 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let fraction = f64::from(bits & 0x3ff);
    match (bits >> 10) & 0x1f {
        0 => sign * fraction * 2f64.powi(-24),
        31 if fraction > 0.0 => f64::NAN,
        31 => sign * f64::INFINITY,
        exponent => sign * (1.0 + fraction / 1024.0) * 2f64.powi(i32::from(exponent) - 15),
    }
}

/// Takes off what `DataParallel`, `torch.compile` and Lightning put before every name.
fn unwrap_names(network: &Network, tensors: &mut BTreeMap<String, TensorView<'_>>) {
    let own = network.parameters();
    for prefix in ["model.", "module.", "_orig_mod.", "module."] {
        let is_own = own.iter().any(|tensor| tensor.name.starts_with(prefix));
        if !is_own && !tensors.is_empty() && tensors.keys().all(|name| name.starts_with(prefix)) {
            let wrapped = std::mem::take(tensors).into_iter();
            tensors.extend(wrapped.map(|(name, view)| (name[prefix.len()..].to_owned(), view)));
        }
    }
}

/// Refuses tensors that are not exactly those of the network.
fn fit(network: &Network, tensors: &BTreeMap<String, TensorView<'_>>) -> Result<(), NetworkError> {
    let own = || network.parameters().iter().chain(network.statistics());
    let names: BTreeSet<&str> = own().map(|tensor| &*tensor.name).collect();
    let unknown = |name: &&String| !names.contains(name.as_str());
    let mut strangers = tensors.keys().filter(unknown);
    let named = |name: &String| {
        let view = tensors.get(name)?;
        Some((name.clone(), view.shape().to_vec()))
    };
    let (mut fitting, mut apart) = (0, Vec::new());
    for tensor in own() {
        let found = named(&tensor.name);
        match &found {
            Some((_, shape)) if *shape == tensor.shape => fitting += 1,
            _ => {
                let found = found.or_else(|| strangers.next().and_then(named));
                apart.push((Some((tensor.name.clone(), tensor.shape.clone())), found));
            }
        }
    }
    apart.extend(strangers.map(|name| (None, named(name))));
    match apart.is_empty() {
        true => Ok(()),
        false => Err(NetworkError::Misfit {
            fitting,
            expected: names.len(),
            apart,
        }),
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
