//! The start of an NPY file, and what reading one meets.

use crate::error::DataError;
use crate::loaders::unpack::{self, OverLimit};
use std::io;
use std::path::Path;

/// The header of a plain array is much shorter.
const LONGEST_HEADER: usize = 1024;

/// Refuses a file that starts so, unless it is an array with a header of a plain one's length: before
/// any of it is believed.
pub(super) fn check_start(path: &Path, start: &[u8]) -> Result<(), DataError> {
    let wrong = |what, found: String, expected: String, advice| DataError::Format {
        path: path.to_owned(),
        what,
        found,
        expected,
        advice,
    };
    let header = match start[..] {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..] => {
            usize::from(u16::from_le_bytes([a, b]))
        }
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d] => {
            u32::from_le_bytes([a, b, c, d]) as usize
        }
        _ => {
            return Err(wrong(
                "the content",
                "something else".to_owned(),
                "a NumPy array (NPY, versions 1 to 3)".to_owned(),
                "write it with numpy.save or numpy.savez",
            ));
        }
    };
    if header > LONGEST_HEADER {
        return Err(wrong(
            "the length of the header",
            header.to_string(),
            format!("at most {LONGEST_HEADER}, as of an array of numbers or texts"),
            "write a plain array rather than a structured one",
        ));
    }
    Ok(())
}

pub(super) fn io_error(path: &Path, source: io::Error) -> DataError {
    match source
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<OverLimit>())
    {
        Some(over) => unpack::too_large(path, over),
        None => DataError::Table {
            path: path.to_owned(),
            format: "NPY",
            reason: source.to_string(),
        },
    }
}
