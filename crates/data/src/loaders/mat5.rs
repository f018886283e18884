//! MATLAB's level 5 MAT-files, as far as numeric arrays: "MAT-File Format", The MathWorks, R2023b.
//!
//! Byte map of a file: 116 bytes of text, 8 of subsystem offset, version 0x0100, `IM` (little
//! endian), then elements. An element is a tag (u32 type, u32 size) and its data, padded to 8
//! bytes unless compressed; data of at most 4 bytes may sit in the tag itself (u16 type, u16 size,
//! 4 bytes). An array is an element of type 14 holding flags, dimensions, name and values, or one
//! of type 15 holding the same as a zlib stream.
//!
//! Written here because the published reader (`matfile` 0.5) prints to standard output, unpacks
//! without a limit and reads byte by byte.

use super::file::inflate;
use super::unpack::{MAX_BYTES, limit};
use crate::error::DataError;
use crate::reading::Reading;
use std::path::Path;

const HEADER_LEN: usize = 128;
const INT8: u32 = 1;
const INT32: u32 = 5;
const UINT32: u32 = 6;
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;
/// Array classes 6 to 15 are numeric; the others (cells, structures, text, sparse) are skipped.
const NUMERIC_CLASSES: std::ops::RangeInclusive<u32> = 6..=15;
const COMPLEX: u32 = 0x0800;
/// More than any real array has, and few enough to show in an error.
const MAX_DIMS: usize = 32;
/// MATLAB's own limit on names.
const MAX_NAME: usize = 63;

/// A real numeric array as stored: the first dimension varies fastest.
#[derive(Debug)]
pub(super) struct Array {
    pub name: String,
    pub dims: Vec<usize>,
    /// How the values are stored (a MAT-file data type), which may be narrower than the class.
    pub stored: u32,
    /// The stored values, little endian.
    pub bytes: Vec<u8>,
}

/// All real numeric arrays of a file, in order.
pub(super) fn parse(
    path: &Path,
    bytes: &[u8],
    reading: &mut Reading<'_>,
) -> Result<Vec<Array>, DataError> {
    let file = File { path };
    let Some((header, mut rest)) = bytes.split_at_checked(HEADER_LEN) else {
        return Err(file.wrong("the size", bytes.len(), "at least a header of 128 bytes"));
    };
    if header[124..128] != [0x00, 0x01, b'I', b'M'] {
        let found = format!("{:02x?}", &header[124..128]);
        return Err(file.wrong(
            "the version",
            found,
            "[00, 01, 49, 4d] (level 5, little endian)",
        ));
    }
    let mut arrays = Vec::new();
    let mut unpacked = 0;
    while !rest.is_empty() {
        let element = file.element(&mut rest)?;
        let array = match element.kind {
            MATRIX => file.array(element.data)?,
            COMPRESSED => file.compressed(element.data, &mut unpacked, reading)?,
            _ => None,
        };
        reading.look_up(path)?;
        arrays.extend(array);
    }
    Ok(arrays)
}

struct Element<'a> {
    kind: u32,
    data: &'a [u8],
}

struct File<'a> {
    path: &'a Path,
}

impl File<'_> {
    fn wrong(&self, what: &'static str, found: impl ToString, expected: &str) -> DataError {
        DataError::Format {
            path: self.path.to_owned(),
            what,
            found: found.to_string(),
            expected: expected.to_owned(),
            advice: "it is damaged or not a level 5 MAT-file; fetch it again or save with `-v7`",
        }
    }

    /// Splits the next element off `rest`. Its size is checked against the bytes there are.
    fn element<'b>(&self, rest: &mut &'b [u8]) -> Result<Element<'b>, DataError> {
        let bytes = *rest;
        let Some((tag, after)) = bytes.split_at_checked(8) else {
            return Err(self.wrong("an element's tag", format!("{} bytes", bytes.len()), "8"));
        };
        let first = u32::from_le_bytes([tag[0], tag[1], tag[2], tag[3]]);
        if first >> 16 != 0 {
            let size = (first >> 16) as usize;
            let data = tag[4..]
                .get(..size)
                .ok_or_else(|| self.wrong("a small element's size", size, "at most 4 bytes"))?;
            *rest = after;
            return Ok(Element {
                kind: first & 0xffff,
                data,
            });
        }
        let size = u32::from_le_bytes([tag[4], tag[5], tag[6], tag[7]]) as usize;
        let data = after.get(..size).ok_or_else(|| {
            let expected = format!("at most the {} bytes left in the file", after.len());
            self.wrong("an element's size", size, &expected)
        })?;
        // The last element of a file may lack its padding.
        let padded = if first == COMPRESSED {
            size
        } else {
            size.next_multiple_of(8)
        };
        *rest = &after[padded.min(after.len())..];
        Ok(Element { kind: first, data })
    }

    /// An array in a zlib stream; all streams of a file together may unpack to `MAX_BYTES`.
    fn compressed(
        &self,
        packed: &[u8],
        unpacked: &mut u64,
        reading: &mut Reading<'_>,
    ) -> Result<Option<Array>, DataError> {
        let most = limit(packed.len() as u64).min(MAX_BYTES - *unpacked);
        let bytes = inflate(self.path, packed, most, reading)?;
        *unpacked += bytes.len() as u64;
        let element = self.element(&mut bytes.as_slice())?;
        if element.kind == MATRIX {
            self.array(element.data)
        } else {
            Ok(None)
        }
    }

    fn array(&self, mut rest: &[u8]) -> Result<Option<Array>, DataError> {
        let flags = self.element(&mut rest)?;
        let &[f0, f1, f2, f3, ..] = flags.data else {
            return Err(self.wrong("the array flags' size", flags.data.len(), "8 bytes"));
        };
        self.expect(flags.kind, UINT32, "the array flags' type")?;
        let flags = u32::from_le_bytes([f0, f1, f2, f3]);
        if !NUMERIC_CLASSES.contains(&(flags & 0xff)) || flags & COMPLEX != 0 {
            return Ok(None);
        }
        let dims = self.element(&mut rest)?;
        self.expect(dims.kind, INT32, "the dimensions' type")?;
        if dims.data.len() > 4 * MAX_DIMS {
            return Err(self.wrong("the dimensions' size", dims.data.len(), "at most 128 bytes"));
        }
        let sizes = dims.data.chunks_exact(4).map(|word| {
            let size = i32::from_le_bytes([word[0], word[1], word[2], word[3]]);
            usize::try_from(size)
                .map_err(|_| self.wrong("a dimension", size, "zero or a positive number"))
        });
        let dims = sizes.collect::<Result<Vec<usize>, DataError>>()?;
        let name = self.element(&mut rest)?;
        self.expect(name.kind, INT8, "the array name's type")?;
        if name.data.len() > MAX_NAME {
            return Err(self.wrong("the name's length", name.data.len(), "at most 63 bytes"));
        }
        let name = String::from_utf8_lossy(name.data).into_owned();
        let values = self.element(&mut rest)?;
        let count = dims
            .iter()
            .try_fold(1_usize, |count, &dim| count.checked_mul(dim));
        let width = width(values.kind)
            .ok_or_else(|| self.wrong("the values' type", values.kind, "a numeric type"))?;
        if count.and_then(|count| count.checked_mul(width)) != Some(values.data.len()) {
            let expected = format!("{dims:?} values of {width} bytes, as its dimensions say");
            return Err(self.wrong("an array's size in bytes", values.data.len(), &expected));
        }
        Ok(Some(Array {
            name,
            dims,
            stored: values.kind,
            bytes: values.data.to_vec(),
        }))
    }

    fn expect(&self, found: u32, expected: u32, what: &'static str) -> Result<(), DataError> {
        if found == expected {
            Ok(())
        } else {
            Err(self.wrong(what, found, &expected.to_string()))
        }
    }
}

/// Bytes per value of a numeric data type.
fn width(kind: u32) -> Option<usize> {
    match kind {
        1 | 2 => Some(1),
        3 | 4 => Some(2),
        5..=7 => Some(4),
        9 | 12 | 13 => Some(8),
        _ => None,
    }
}

impl Array {
    /// The values if they are stored as unsigned bytes.
    pub(super) fn unsigned_bytes(&self) -> Option<&[u8]> {
        (self.stored == 2).then_some(self.bytes.as_slice())
    }

    /// The values of any stored type, as f64.
    pub(super) fn values(&self) -> Vec<f64> {
        let width = width(self.stored).unwrap_or(1);
        let value = |bytes: &[u8]| {
            let mut word = [0_u8; 8];
            word[..width].copy_from_slice(bytes);
            let unsigned = u64::from_le_bytes(word);
            let unused = 64 - 8 * width as u32;
            let signed = (unsigned << unused) as i64 >> unused;
            match self.stored {
                7 => f64::from(f32::from_bits(unsigned as u32)),
                9 => f64::from_bits(unsigned),
                1 | 3 | 5 | 12 => signed as f64,
                _ => unsigned as f64,
            }
        };
        self.bytes.chunks_exact(width).map(value).collect()
    }
}
