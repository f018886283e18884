//! What a model in Python says of features that no weight changes.

use crate::bytes::read;
use pyo3::prelude::*;
use std::sync::OnceLock;

/// What a Python object with `fixed()` says, which is `None` or `(width, places)`: features of a
/// record, and where the outputs' weights of each are, as int64. Its `features(records)` gives them,
/// float32.
pub struct Features {
    pub width: usize,
    pub places: Vec<usize>,
    pub records: usize,
    /// A digest of every record's features and targets, once that was asked for.
    pub prints: OnceLock<Vec<[u8; 16]>>,
}

impl Features {
    /// Of a model of so many records.
    pub fn said_by(object: &Bound<'_, PyAny>, records: usize) -> PyResult<Option<Self>> {
        let said = object.call_method0("fixed")?;
        let Some((width, places)) = said.extract::<Option<(usize, Vec<u8>)>>()? else {
            return Ok(None);
        };
        let places: Vec<i64> = read(&places, "the places of weights")?;
        let places = places.into_iter();
        Ok(Some(Self {
            width: width.max(1),
            // None is below zero; what is beyond the weights is refused.
            places: places
                .map(|at| usize::try_from(at).unwrap_or(usize::MAX))
                .collect(),
            records,
            prints: OnceLock::new(),
        }))
    }
}
