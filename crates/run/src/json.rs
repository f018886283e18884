//! JSON files of a run.

use crate::error::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

pub(crate) use crate::disk::{
    Access, folder, io_error, read, remove, rename, rename_for_now, replace, sync, write,
};

/// A value as the content of a JSON file.
pub(crate) fn json(path: &Path, value: &impl Serialize) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|e| Error::Damaged {
        path: path.to_owned(),
        reason: e.to_string(),
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads a JSON file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    parse(path, &read(path)?)
}

/// Reads the content of a JSON file.
pub(crate) fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|e| Error::Damaged {
        path: path.to_owned(),
        reason: e.to_string(),
    })
}
