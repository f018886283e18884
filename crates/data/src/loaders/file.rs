//! Files as bytes, within limits.

use crate::error::DataError;
use flate2::read::ZlibDecoder;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The most bytes of a file, unpacked or not, that a loader takes into memory.
pub(super) const MAX_BYTES: u64 = 1 << 32;

/// DEFLATE cannot shrink data by more than this factor, so a header that claims more than this
/// times the size of its compressed file lies.
pub(super) const MAX_DEFLATE_RATIO: u64 = 1032;

/// The whole of a regular file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    let io_error = |source| DataError::Io {
        path: path.to_owned(),
        source,
    };
    let metadata = fs::metadata(path).map_err(io_error)?;
    if !metadata.is_file() {
        return Err(io_error(io::Error::new(
            ErrorKind::InvalidInput,
            "it is not a regular file",
        )));
    }
    if metadata.len() > MAX_BYTES {
        return Err(DataError::Format {
            path: path.to_owned(),
            what: "the file's size",
            found: format!("{} bytes", metadata.len()),
            expected: format!("at most {MAX_BYTES}"),
            advice: "split it, or convert it to a folder of pictures",
        });
    }
    fs::read(path).map_err(io_error)
}

/// The first of `names` that exists in `folder`.
pub(super) fn find(folder: &Path, names: &[&str]) -> Result<PathBuf, DataError> {
    let candidates = names.iter().map(|name| folder.join(name));
    candidates
        .into_iter()
        .find(|path| path.exists())
        .ok_or_else(|| DataError::Missing {
            path: folder.join(names.first().unwrap_or(&"")),
            advice: format!("expected {} in {}", names.join(" or "), folder.display()),
        })
}

/// Unpacks a zlib stream of at most `limit` bytes.
pub(super) fn inflate(path: &Path, packed: &[u8], limit: u64) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    ZlibDecoder::new(packed)
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|source| DataError::Compressed {
            path: path.to_owned(),
            source,
        })?;
    if bytes.len() as u64 > limit {
        let found = bytes.len() as u64;
        return Err(DataError::Length {
            path: path.to_owned(),
            found,
            expected: limit,
        });
    }
    Ok(bytes)
}
