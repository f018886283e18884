//! Tensors of an ONNX file.

use super::proto::Tensor;
use crate::NetworkError;
use std::collections::HashMap;
use std::path::{Component, Path};

/// A tensor whose values are known, the last dimension fastest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Constant {
    pub dims: Vec<usize>,
    pub values: Values,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    Floats(Vec<f32>),
    Integers(Vec<i64>),
}

/// Where values lie that are not in the file itself.
const EXTERNAL: i32 = 1;

/// More dimensions than any tensor of a network has.
const MOST_DIMENSIONS: usize = 8;

impl Constant {
    pub fn floats(&self) -> Option<&[f32]> {
        match &self.values {
            Values::Floats(values) => Some(values),
            Values::Integers(_) => None,
        }
    }

    /// Whole numbers of a short list, such as a shape, or a single one.
    pub fn integers(&self) -> Option<&[i64]> {
        match &self.values {
            Values::Integers(values) if self.dims.len() < 2 => {
                Some(values).filter(|values| values.len() <= 2 * MOST_DIMENSIONS)
            }
            _ => None,
        }
        .map(Vec::as_slice)
    }

    /// The value of a tensor that holds one.
    pub fn scalar(&self) -> Option<f64> {
        match self.floats()? {
            [value] => Some(f64::from(*value)),
            _ => None,
        }
    }
}

/// The name of the file that a tensor's values lie in, if not in this one.
pub(super) fn file_beside(tensor: &Tensor) -> Option<Result<&str, NetworkError>> {
    if tensor.data_location != EXTERNAL {
        return None;
    }
    let name = entry(tensor, "location").unwrap_or("");
    let mut parts = Path::new(name).components();
    let plain = match (parts.next(), parts.next()) {
        (Some(Component::Normal(only)), None) => only == name,
        _ => false,
    };
    Some(match plain && !name.contains(['/', '\\']) {
        true => Ok(name),
        false => Err(NetworkError::DamagedOnnx {
            reason: format!(
                "tensor {:?} says that it lies in {name:?}, which is not the name of a file beside \
                 this one",
                tensor.name
            ),
        }),
    })
}

fn entry<'t>(tensor: &'t Tensor, key: &str) -> Option<&'t str> {
    let found = tensor.external_data.iter().find(|entry| entry.key == key);
    found.map(|entry| entry.value.as_str())
}

/// Reads a tensor; of one that this program has no use for, what it is.
pub(super) fn read(
    tensor: &Tensor,
    beside: &HashMap<String, Vec<u8>>,
) -> Result<Constant, NetworkError> {
    let damaged = |reason: String| NetworkError::DamagedOnnx {
        reason: format!("tensor {:?} {reason}", tensor.name),
    };
    let dims = tensor
        .dims
        .iter()
        .map(|&dim| usize::try_from(dim).ok())
        .collect::<Option<Vec<usize>>>()
        .filter(|dims| dims.len() <= MOST_DIMENSIONS)
        .ok_or_else(|| damaged("has dimensions that no tensor has".to_owned()))?;
    let count = dims
        .iter()
        .try_fold(1_usize, |count, &dim| count.checked_mul(dim))
        .ok_or_else(|| damaged("has dimensions that no tensor has".to_owned()))?;
    let outside =
        match file_beside(tensor) {
            Some(name) => Some(slice(tensor, beside.get(name?)).ok_or_else(|| {
                damaged("leads out of the file that its values lie in".to_owned())
            })?),
            None => None,
        };
    let raw = outside.or(tensor.raw_data.as_deref());
    let values = values(tensor, raw).ok_or_else(|| NetworkError::TensorType {
        name: tensor.name.clone(),
        found: format!("values of ONNX type {}", tensor.data_type),
    })?;
    let found = match &values {
        Values::Floats(values) => values.len(),
        Values::Integers(values) => values.len(),
    };
    match found == count {
        true => Ok(Constant { dims, values }),
        false => Err(damaged(format!("has {found} values, not {count}"))),
    }
}

/// The part of a file beside that a tensor names.
fn slice<'f>(tensor: &Tensor, file: Option<&'f Vec<u8>>) -> Option<&'f [u8]> {
    let number = |key| match entry(tensor, key) {
        None => Some(None),
        Some(text) => text.parse::<usize>().ok().map(Some),
    };
    let rest = file?.get(number("offset")?.unwrap_or(0)..)?;
    match number("length")? {
        Some(length) => rest.get(..length),
        None => Some(rest),
    }
}

/// The values as numbers, if they are of a type that is read.
fn values(tensor: &Tensor, raw: Option<&[u8]>) -> Option<Values> {
    const FLOAT: i32 = 1;
    const INT32: i32 = 6;
    const INT64: i32 = 7;
    const FLOAT16: i32 = 10;
    const DOUBLE: i32 = 11;
    const BFLOAT16: i32 = 16;
    let halves = |read: fn(u16) -> f32| match raw {
        Some(raw) => words(raw, |b| read(u16::from_le_bytes(b))),
        None => tensor
            .int32_data
            .iter()
            .map(|&bits| read(bits as u16))
            .collect(),
    };
    Some(match tensor.data_type {
        FLOAT => Values::Floats(match raw {
            Some(raw) => words(raw, f32::from_le_bytes),
            None => tensor.float_data.clone(),
        }),
        DOUBLE => Values::Floats(match raw {
            Some(raw) => words(raw, |b| f64::from_le_bytes(b) as f32),
            None => tensor
                .double_data
                .iter()
                .map(|&value| value as f32)
                .collect(),
        }),
        FLOAT16 => Values::Floats(halves(|bits| crate::weights::half_to_f64(bits) as f32)),
        BFLOAT16 => Values::Floats(halves(|bits| f32::from_bits(u32::from(bits) << 16))),
        INT64 => Values::Integers(match raw {
            Some(raw) => words(raw, i64::from_le_bytes),
            None => tensor.int64_data.clone(),
        }),
        INT32 => Values::Integers(match raw {
            Some(raw) => words(raw, |b| i64::from(i32::from_le_bytes(b))),
            None => tensor
                .int32_data
                .iter()
                .map(|&value| value.into())
                .collect(),
        }),
        _ => return None,
    })
}

/// Little-endian words; bytes that are left over are one value more, so that the count is wrong.
fn words<const N: usize, T>(raw: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (whole, rest) = raw.as_chunks::<N>();
    let mut values: Vec<T> = whole.iter().map(|&word| read(word)).collect();
    if !rest.is_empty() {
        values.push(read([0; N]));
    }
    values
}
