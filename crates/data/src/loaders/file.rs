//! Files as bytes, within limits.

use super::unpack::MAX_BYTES;
use crate::error::DataError;
use crate::reading::Reading;
use flate2::read::ZlibDecoder;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// A regular file, and its size. Nothing else is opened: a pipe would be waited for without end, and
/// could not be read a second time.
pub(super) fn open(path: &Path) -> Result<(File, u64), DataError> {
    let io_error = |source| io_error(path, source);
    let metadata = fs::metadata(path).map_err(io_error)?;
    if !metadata.is_file() {
        return Err(io_error(io::Error::new(
            ErrorKind::InvalidInput,
            "it is not a regular file",
        )));
    }
    Ok((File::open(path).map_err(io_error)?, metadata.len()))
}

/// Bytes between two looks at whether the reading is to stop.
const PATIENCE: u64 = 1 << 20;

/// The whole of a regular file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    let read = open_whole(path)?.read_to_end(&mut bytes);
    read.map_err(|source| io_error(path, source))?;
    Ok(bytes)
}

/// The same, which may be stopped.
pub(super) fn read_watched(path: &Path, reading: &mut Reading<'_>) -> Result<Vec<u8>, DataError> {
    let file = open_whole(path)?;
    all(file, path, reading, |source| io_error(path, source))
}

/// All that a reader gives; which may be stopped.
pub(super) fn all(
    mut reader: impl Read,
    path: &Path,
    reading: &mut Reading<'_>,
    error: impl Fn(io::Error) -> DataError,
) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    loop {
        let before = bytes.len();
        let mut piece = reader.by_ref().take(PATIENCE);
        piece.read_to_end(&mut bytes).map_err(&error)?;
        reading.look_up(path)?;
        if bytes.len() == before {
            return Ok(bytes);
        }
    }
}

fn io_error(path: &Path, source: io::Error) -> DataError {
    DataError::Io {
        path: path.to_owned(),
        source,
    }
}

fn open_whole(path: &Path) -> Result<File, DataError> {
    let (file, size) = open(path)?;
    if size > MAX_BYTES {
        return Err(DataError::Format {
            path: path.to_owned(),
            what: "the file's size",
            found: format!("{size} bytes"),
            expected: format!("at most {MAX_BYTES}"),
            advice: "split it, or convert it to a folder of pictures",
        });
    }
    Ok(file)
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
pub(super) fn inflate(
    path: &Path,
    packed: &[u8],
    limit: u64,
    reading: &mut Reading<'_>,
) -> Result<Vec<u8>, DataError> {
    let unpacked = ZlibDecoder::new(packed).take(limit.saturating_add(1));
    let bytes = all(unpacked, path, reading, |source| DataError::Compressed {
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
