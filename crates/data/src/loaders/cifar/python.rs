//! Python batches: a dictionary of an array of bytes and a list of labels.

use super::batch::{Batch, PIXELS};
use super::kind::Kind;
use crate::error::DataError;
use rescind_pickle::{Id, Node, Pickle};
use std::path::Path;

pub(super) fn read(path: &Path, bytes: &[u8], kind: &Kind) -> Result<Batch, DataError> {
    let wrong = |what, found: String| DataError::Format {
        path: path.to_owned(),
        what,
        found,
        expected: format!(
            "a dictionary of `data`, an array of bytes of {PIXELS} columns, and `{}`, a list of one \
             label a row",
            kind.label_key
        ),
        advice: "fetch the published file again",
    };
    let pickle = rescind_pickle::read(bytes)
        .map_err(|error| wrong("the pickle", format!("not one that can be read ({error})")))?;
    let of = |key| {
        let found = pickle.get(pickle.root(), key);
        found.ok_or_else(|| wrong("the pickle", format!("one without `{key}`")))
    };
    let (data, labels) = (of("data")?, of(kind.label_key)?);
    let pixels = array(&pickle, data)
        .ok_or_else(|| wrong("`data`", "no such array that this program knows".to_owned()))?;
    let label = |&id: &Id| u32::try_from(pickle.integer(id)?).ok();
    let found: Vec<u32> = pickle.items(labels).iter().filter_map(label).collect();
    let rows = pixels.len() / PIXELS;
    if found.len() != rows || pickle.items(labels).len() != rows {
        let what = "the pickle";
        let found = format!("one of {} labels for {rows} rows", found.len());
        return Err(wrong(what, found));
    }
    Ok(Batch {
        labels: found,
        pixels: pixels.to_vec(),
    })
}

/// The bytes of a numpy array of unsigned bytes with [`PIXELS`] columns, row by row: the state
/// `(version, shape, type, by columns, content)` of a call that makes an array.
fn array<'f>(pickle: &Pickle<'f>, id: Id) -> Option<&'f [u8]> {
    let Node::Call {
        function,
        state: Some(state),
        ..
    } = *pickle.node(id)
    else {
        return None;
    };
    let makes = pickle.global(function)?;
    if !makes.starts_with("numpy.") || !makes.ends_with(".multiarray._reconstruct") {
        return None;
    }
    let &[_, shape, kind, by_columns, content] = pickle.items(state) else {
        return None;
    };
    let Node::Call { arguments, .. } = *pickle.node(kind) else {
        return None;
    };
    let &[rows, columns] = pickle.items(shape) else {
        return None;
    };
    let bytes = pickle.bytes(content)?;
    let name = pickle.bytes(*pickle.items(arguments).first()?)?;
    let is_so = [&b"u1"[..], b"|u1", b"uint8"].contains(&name)
        && *pickle.node(by_columns) == Node::Bool(false)
        && pickle.integer(columns) == i64::try_from(PIXELS).ok()
        && pickle.integer(rows) == i64::try_from(bytes.len() / PIXELS).ok()
        && bytes.len().is_multiple_of(PIXELS);
    is_so.then_some(bytes)
}
