//! Unpacking of gzip within a stated limit.

use crate::error::DataError;
use std::fmt;
use std::io::{self, Read};
use std::path::Path;

/// The most bytes, unpacked or not, that a loader takes from a file.
pub(super) const MAX_BYTES: u64 = 1 << 32;
/// A file that unpacks to more than this many times its size is taken for a trap, unless what it
/// unpacks to is small. (Real tables and pictures shrink by factors of 2 to 50.)
const MAX_RATIO: u64 = 200;
const SMALL: u64 = 1 << 26;

/// The most bytes that a packed file of this size may unpack to.
pub(super) fn limit(packed: u64) -> u64 {
    packed.saturating_mul(MAX_RATIO).clamp(SMALL, MAX_BYTES)
}

/// Passes on so many bytes and refuses more.
pub(super) struct Limited<R> {
    inner: R,
    left: u64,
    limit: u64,
}

/// More bytes than the limit.
#[derive(Debug)]
pub(super) struct OverLimit(pub u64);

impl<R: Read> Limited<R> {
    pub fn new(inner: R, limit: u64) -> Self {
        Self {
            inner,
            left: limit,
            limit,
        }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(OverLimit(self.limit))),
        }
        Ok(read)
    }
}

impl std::error::Error for OverLimit {}

impl fmt::Display for OverLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {} bytes", self.0)
    }
}

/// The refusal of a file that unpacks to more than the limit.
pub(super) fn too_large(path: &Path, over: &OverLimit) -> DataError {
    DataError::Format {
        path: path.to_owned(),
        what: "what it unpacks to",
        found: over.to_string(),
        expected: format!(
            "at most {MAX_RATIO} times the file's size (or {SMALL} bytes, if that is more), and at most \
             {MAX_BYTES}"
        ),
        advice: "if it is no trap, unpack it and give the unpacked file",
    }
}
