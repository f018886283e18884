//! Text as editors and spreadsheets save it.

use encoding_rs::{Encoding, UTF_8};
use std::borrow::Cow;

/// A file as text: UTF-8, or what its byte order mark says, which is no part of it. None where it is
/// not that.
#[must_use]
pub fn text_of(file: &[u8]) -> Option<Cow<'_, str>> {
    let (encoding, mark) = Encoding::for_bom(file).unwrap_or((UTF_8, 0));
    encoding.decode_without_bom_handling_and_without_replacement(file.get(mark..)?)
}
