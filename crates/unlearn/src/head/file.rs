//! A head as bytes.

use super::{Blocks, Head, coupling};
use crate::error::Error;
use crate::outputs::OutputLoss;
use rescind_curvature::{BlockFactor, Coupling, SymmetricBlocks};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is written before the numbers.
#[derive(Serialize, Deserialize)]
struct Header {
    /// [`OutputLoss`] as JSON: the binary format cannot read tagged enums.
    loss: String,
    outputs: usize,
    width: usize,
    penalty: f64,
    records: usize,
    squares: f64,
    slack: f64,
    blocks_off: f64,
    moments_off: f64,
    left: u64,
    steps: u64,
    additions: usize,
    /// Name of the factor, which is kept by itself: requests do not change it.
    factor: String,
}

/// The head without its factor, whose name is given.
pub(crate) fn to_bytes(head: &Head, factor: &str) -> Result<Vec<u8>, Error> {
    let header = Header {
        loss: serde_json::to_string(&head.loss).map_err(|error| storage(&error.to_string()))?,
        outputs: head.outputs,
        width: head.width,
        penalty: head.penalty,
        records: head.records,
        squares: head.squares,
        slack: head.slack,
        blocks_off: head.blocks_off,
        moments_off: head.moments_off,
        left: head.left,
        steps: head.steps,
        additions: head.additions,
        factor: factor.to_owned(),
    };
    let mut bytes = postcard::to_stdvec(&header).map_err(|error| storage(&error.to_string()))?;
    for vector in [&head.prepared_at, &head.weights, &head.gradient] {
        put(&mut bytes, vector.iter().map(|x| x.to_le_bytes()));
    }
    if let Some(moments) = &head.moments {
        put(&mut bytes, moments.packed().iter().map(|x| x.to_le_bytes()));
    }
    match &head.blocks {
        Blocks::Single(blocks) => put(&mut bytes, blocks.packed().iter().map(|x| x.to_le_bytes())),
        Blocks::Double(blocks) => put(&mut bytes, blocks.packed().iter().map(|x| x.to_le_bytes())),
    }
    Ok(bytes)
}

fn put<const N: usize>(bytes: &mut Vec<u8>, numbers: impl ExactSizeIterator<Item = [u8; N]>) {
    bytes.reserve(N * numbers.len());
    numbers.for_each(|number| bytes.extend_from_slice(&number));
}

/// A head of these bytes, if they are one, whose factor `factor` finds by its name.
pub(crate) fn from_bytes(
    bytes: &[u8],
    factor: impl FnOnce(&str) -> Option<Vec<u8>>,
) -> Option<Head> {
    let (header, mut rest): (Header, _) = postcard::take_from_bytes(bytes).ok()?;
    let loss: OutputLoss = serde_json::from_str(&header.loss).ok()?;
    let (outputs, width) = (header.outputs, header.width);
    let coupling = coupling(loss);
    let dim = outputs.checked_mul(width)?;
    let mut doubles = |count: usize| take(&mut rest, count, f64::from_le_bytes);
    let (prepared_at, weights, gradient) = (doubles(dim)?, doubles(dim)?, doubles(dim)?);
    let moments = match coupling {
        Coupling::Shared => None,
        Coupling::Diagonal | Coupling::Full => {
            let count = SymmetricBlocks::<f64>::numbers(outputs, width, Coupling::Shared)?;
            let packed = doubles(count)?;
            Some(SymmetricBlocks::new(
                outputs,
                width,
                Coupling::Shared,
                packed,
            )?)
        }
    };
    let count = SymmetricBlocks::<f64>::numbers(outputs, width, coupling)?;
    let blocks = match coupling {
        Coupling::Shared => {
            let packed = doubles(count)?;
            Blocks::Double(SymmetricBlocks::new(outputs, width, coupling, packed)?)
        }
        Coupling::Diagonal | Coupling::Full => {
            let packed = take(&mut rest, count, f32::from_le_bytes)?;
            Blocks::Single(SymmetricBlocks::new(outputs, width, coupling, packed)?)
        }
    };
    let factor = factor_from_bytes(outputs, width, coupling, &factor(&header.factor)?)?;
    rest.is_empty().then_some(Head {
        loss,
        outputs,
        width,
        penalty: header.penalty,
        records: header.records,
        squares: header.squares,
        blocks,
        moments,
        factor: Arc::new(factor),
        prepared_at,
        weights,
        gradient,
        slack: header.slack,
        blocks_off: header.blocks_off,
        moments_off: header.moments_off,
        left: header.left,
        steps: header.steps,
        additions: header.additions,
    })
}

/// The factor as bytes.
pub(crate) fn factor_to_bytes(factor: &BlockFactor) -> Vec<u8> {
    let mut bytes = Vec::new();
    put(&mut bytes, factor.packed().iter().map(|x| x.to_le_bytes()));
    bytes
}

fn factor_from_bytes(
    outputs: usize,
    width: usize,
    coupling: Coupling,
    mut bytes: &[u8],
) -> Option<BlockFactor> {
    let count = bytes.len() / 4;
    let packed = take(&mut bytes, count, f32::from_le_bytes)?;
    BlockFactor::from_packed(outputs, width, coupling, &packed)
}

/// So many numbers from the front.
pub(super) fn take<const N: usize, T>(
    bytes: &mut &[u8],
    count: usize,
    number: fn([u8; N]) -> T,
) -> Option<Vec<T>> {
    let (front, rest) = bytes.split_at_checked(count.checked_mul(N)?)?;
    *bytes = rest;
    let (numbers, _) = front.as_chunks::<N>();
    Some(numbers.iter().map(|&bytes| number(bytes)).collect())
}

fn storage(reason: &str) -> Error {
    Error::Storage(reason.to_owned().into())
}
