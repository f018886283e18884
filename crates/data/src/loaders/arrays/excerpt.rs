//! A few rows of an NPY file as an NPY file of their own, read without the others.

use super::header::{check_start, io_error};
use crate::error::DataError;
use npyz::{NpyHeader, Order};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// The file that has these rows only (ascending, from 1), as far as they are there.
///
/// # Errors
/// An array in which rows do not lie one after another, and what a file meets.
pub(super) fn excerpt(path: &Path, file: &mut File, rows: &[u64]) -> Result<Vec<u8>, DataError> {
    let failed = |source| io_error(path, source);
    let mut start = Vec::new();
    file.by_ref()
        .take(12)
        .read_to_end(&mut start)
        .map_err(failed)?;
    check_start(path, &start)?;
    file.rewind().map_err(failed)?;
    let header = NpyHeader::from_reader(&mut *file).map_err(failed)?;
    let from = file.stream_position().map_err(failed)?;
    let wrong = |what, found: String| DataError::Format {
        path: path.to_owned(),
        what,
        found,
        expected: "rows one after another, each of as many bytes".to_owned(),
        advice: "read all rows",
    };
    let (count, rest) = match header.shape() {
        [count, rest @ ..] if header.order() == Order::C || rest.is_empty() => (*count, rest),
        shape => return Err(wrong("the order of the array", format!("{shape:?}"))),
    };
    let each = rest
        .iter()
        .try_fold(1_u64, |all, &dim| all.checked_mul(dim));
    let bytes = header
        .dtype()
        .num_bytes()
        .and_then(|bytes| bytes.try_into().ok());
    let each = each
        .zip(bytes)
        .and_then(|(each, bytes): (u64, u64)| each.checked_mul(bytes));
    let end = each.and_then(|each| each.checked_mul(count));
    let Some((each, _)) = each.zip(end) else {
        return Err(wrong("the type of the array", header.dtype().descr()));
    };
    let rows = || rows.iter().filter(|&&row| row >= 1 && row <= count);
    let shape: String = [rows().count() as u64]
        .iter()
        .chain(rest)
        .map(|dim| format!("{dim}, "))
        .collect();
    let descr = header.dtype().descr();
    let text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': ({shape}), }}\n");
    let mut excerpt = b"\x93NUMPY\x01\x00".to_vec();
    excerpt.extend_from_slice(&(text.len() as u16).to_le_bytes());
    excerpt.extend_from_slice(text.as_bytes());
    for row in rows() {
        let at = from.saturating_add((row - 1).saturating_mul(each));
        file.seek(SeekFrom::Start(at)).map_err(failed)?;
        file.by_ref()
            .take(each)
            .read_to_end(&mut excerpt)
            .map_err(failed)?;
    }
    Ok(excerpt)
}
