//! IDX: the format of MNIST. A big-endian header of a magic number and one 32-bit size per
//! dimension, then the elements; only unsigned bytes (type 8) are read.

use super::file::all;
use super::unpack::limit;
use crate::error::DataError;
use crate::reading::Reading;
use flate2::read::MultiGzDecoder;
use std::io::Read;
use std::path::Path;

/// An array of unsigned bytes, the last dimension varying fastest.
#[derive(Debug)]
pub(super) struct Idx<const D: usize> {
    pub dims: [usize; D],
    pub data: Vec<u8>,
}

/// Reads an array of D dimensions from a file's bytes, gzipped or not.
pub(super) fn parse<const D: usize>(
    path: &Path,
    bytes: &[u8],
    reading: &mut Reading<'_>,
) -> Result<Idx<D>, DataError> {
    let gzipped = bytes.starts_with(&[0x1f, 0x8b]);
    if !gzipped {
        let (dims, expected) = header::<D>(path, bytes)?;
        let found = bytes.len() as u64;
        if found != expected {
            return Err(DataError::Length {
                path: path.to_owned(),
                found,
                expected,
            });
        }
        return Ok(Idx {
            dims,
            data: bytes[4 + 4 * D..].to_vec(),
        });
    }
    let packed = |source| DataError::Compressed {
        path: path.to_owned(),
        source,
    };
    let header_len = 4 + 4 * D as u64;
    let mut decoder = MultiGzDecoder::new(bytes);
    let mut head = Vec::new();
    decoder
        .by_ref()
        .take(header_len)
        .read_to_end(&mut head)
        .map_err(packed)?;
    let (dims, expected) = header::<D>(path, &head)?;
    let most = limit(bytes.len() as u64);
    if expected > most {
        return Err(DataError::Format {
            path: path.to_owned(),
            what: "the size its header claims",
            found: format!("{expected} bytes"),
            expected: format!("at most {most} from a compressed file this small"),
            advice: "the file is damaged, or a trap; fetch it again",
        });
    }
    // One byte more than expected, so that an oversized file shows. The buffer grows with what is
    // really unpacked, not with the claim.
    let unpacked = decoder.take(expected - header_len + 1);
    let data = all(unpacked, path, reading, packed)?;
    let found = header_len + data.len() as u64;
    if found != expected {
        return Err(DataError::Length {
            path: path.to_owned(),
            found,
            expected,
        });
    }
    Ok(Idx { dims, data })
}

/// The dimensions, and the bytes the whole array takes with its header.
fn header<const D: usize>(path: &Path, bytes: &[u8]) -> Result<([usize; D], u64), DataError> {
    let word = |i: usize| {
        let word = bytes
            .get(4 * i..4 * i + 4)
            .and_then(|word| <[u8; 4]>::try_from(word).ok());
        word.map(u32::from_be_bytes)
            .ok_or_else(|| DataError::Length {
                path: path.to_owned(),
                found: bytes.len() as u64,
                expected: 4 + 4 * D as u64,
            })
    };
    let (magic, expected) = (word(0)?, 0x0800 + D as u32);
    if magic != expected {
        return Err(DataError::Format {
            path: path.to_owned(),
            what: "the magic number",
            found: format!("{magic:#010x}"),
            expected: format!("{expected:#010x} (unsigned bytes, {D} dimensions)"),
            advice: "it is not the IDX file its name promises; fetch it again",
        });
    }
    let mut dims = [0; D];
    for (i, dim) in dims.iter_mut().enumerate() {
        *dim = word(i + 1)? as usize;
    }
    let size = dims
        .iter()
        .try_fold(1_u64, |size, &dim| size.checked_mul(dim as u64));
    match size.and_then(|size| size.checked_add(4 + 4 * D as u64)) {
        Some(size) if !dims.contains(&0) => Ok((dims, size)),
        _ => Err(DataError::Format {
            path: path.to_owned(),
            what: "the list of dimensions",
            found: format!("{dims:?}"),
            expected: "positive sizes that fit in memory".to_owned(),
            advice: "the file is damaged; fetch it again",
        }),
    }
}
