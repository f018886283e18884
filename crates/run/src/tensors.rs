//! Flat vectors as `safetensors` files, under the names of a model's description.

use rescind_network::Weights;
use rescind_unlearn::{ModelDescription, Tensor};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::HashMap;

/// PyTorch's count of batches beside every batch norm; it is not used, only passed over.
const COUNTER: &str = "num_batches_tracked";

/// Why a file of tensors is not what it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TensorsError {
    /// Not a `safetensors` file.
    #[error("not a whole safetensors file: {0}")]
    Damaged(#[from] safetensors::SafeTensorError),
    /// A tensor that should be there.
    #[error("it has no tensor {name:?} of shape {expected:?}")]
    Missing {
        /// Its name.
        name: String,
        /// Its shape.
        expected: Vec<usize>,
    },
    /// A tensor that should not be there.
    #[error("it has a tensor {0:?} that the model does not have")]
    Unexpected(String),
    /// A tensor of another shape or type.
    #[error("its tensor {name:?} is {found}, expected {expected}")]
    Other {
        /// Its name.
        name: String,
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// A value that is not finite.
    #[error("its tensor {0:?} holds a value that is not finite")]
    NotFinite(String),
    /// A vector of the wrong length.
    #[error("{what} has {found} elements, the model {expected}")]
    WrongLength {
        /// Which vector.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length expected.
        expected: usize,
    },
}

/// A number as such files hold it.
pub(crate) trait Number: Copy {
    const DTYPE: Dtype;
    const NAME: &'static str;
    fn write(self, out: &mut Vec<u8>);
    fn read(bytes: &[u8]) -> Option<Self>;
    fn finite(self) -> bool;
}

macro_rules! number {
    ($type:ty, $dtype:expr, $name:literal) => {
        impl Number for $type {
            const DTYPE: Dtype = $dtype;
            const NAME: &'static str = $name;

            fn write(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn read(bytes: &[u8]) -> Option<Self> {
                Some(Self::from_le_bytes(bytes.try_into().ok()?))
            }

            fn finite(self) -> bool {
                self.is_finite()
            }
        }
    };
}

number!(f32, Dtype::F32, "F32");
number!(f64, Dtype::F64, "F64");

/// The file of these weights.
pub(crate) fn to_bytes<T: Number>(
    description: &ModelDescription,
    parameters: &[T],
    statistics: &[T],
) -> Result<Vec<u8>, TensorsError> {
    let mut parts: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    for (what, layout, values) in [
        ("the weight vector", &description.tensors, parameters),
        ("the statistics", &description.statistics, statistics),
    ] {
        let expected = layout.iter().map(Tensor::len).sum();
        if values.len() != expected {
            let found = values.len();
            return Err(TensorsError::WrongLength {
                what,
                found,
                expected,
            });
        }
        let mut rest = values;
        for tensor in layout {
            let (own, others) = rest.split_at(tensor.len());
            rest = others;
            let mut bytes = Vec::with_capacity(size_of_val(own));
            own.iter().for_each(|value| value.write(&mut bytes));
            parts.push((tensor.name.clone(), T::DTYPE, tensor.shape.clone(), bytes));
            if let Some(layer) = tensor.name.strip_suffix("running_var") {
                let zero = 0i64.to_le_bytes().to_vec();
                parts.push((format!("{layer}{COUNTER}"), Dtype::I64, vec![], zero));
            }
        }
    }
    let views = parts.iter().map(|(name, dtype, shape, bytes)| {
        Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?))
    });
    let views = views.collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    Ok(safetensors::serialize(views, None)?)
}

/// Reads such a file.
pub(crate) fn from_bytes<T: Number>(
    description: &ModelDescription,
    bytes: &[u8],
) -> Result<Weights<T>, TensorsError> {
    let file = SafeTensors::deserialize(bytes)?;
    let mut tensors: HashMap<String, TensorView<'_>> = file.tensors().into_iter().collect();
    let mut read = |layout: &[Tensor]| {
        let mut values = Vec::with_capacity(layout.iter().map(Tensor::len).sum());
        for tensor in layout {
            let missing = || TensorsError::Missing {
                name: tensor.name.clone(),
                expected: tensor.shape.clone(),
            };
            let view = tensors.remove(&tensor.name).ok_or_else(missing)?;
            copy(tensor, &view, &mut values)?;
        }
        Ok::<_, TensorsError>(values)
    };
    let weights = Weights {
        parameters: read(&description.tensors)?,
        statistics: read(&description.statistics)?,
    };
    let unknown = tensors.into_keys().filter(|name| !name.ends_with(COUNTER));
    match unknown.min() {
        Some(name) => Err(TensorsError::Unexpected(name)),
        None => Ok(weights),
    }
}

fn copy<T: Number>(
    tensor: &Tensor,
    view: &TensorView<'_>,
    values: &mut Vec<T>,
) -> Result<(), TensorsError> {
    if view.shape() != tensor.shape || view.dtype() != T::DTYPE {
        return Err(TensorsError::Other {
            name: tensor.name.clone(),
            found: format!("{:?} of {:?}", view.shape(), view.dtype()),
            expected: format!("{:?} of {}", tensor.shape, T::NAME),
        });
    }
    for bytes in view.data().chunks_exact(size_of::<T>()) {
        match T::read(bytes) {
            Some(value) if value.finite() => values.push(value),
            _ => return Err(TensorsError::NotFinite(tensor.name.clone())),
        }
    }
    Ok(())
}
