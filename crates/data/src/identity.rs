//! The stable identity of a record.

use crate::dataset::Dataset;
use crate::digest::Digest;
use crate::normal::normal;

/// The content hash of one record, the same wherever and in whatever position it is stored.
///
/// BLAKE3 in key-derivation mode, context `rescind-data 2026 record v1`, over
/// 1. the number of dimensions, then each dimension of `input_shape`, as little-endian u64;
/// 2. the length of the class name in bytes as little-endian u64, then the name in UTF-8 (the
///    name, not the index: indices shift when a class appears or disappears);
/// 3. every input value as little-endian IEEE-754 binary32, −0 written as +0.
///
/// The hash is not salted: whoever holds it and can guess the whole record can confirm the guess.
/// What is published about deleted records is a [`commitment`](crate::commitment()) instead.
pub fn record_hash(input_shape: &[usize], class_name: &str, input: &[f32]) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key("rescind-data 2026 record v1");
    hash_shape(&mut hasher, input_shape);
    hash_text(&mut hasher, class_name);
    // Through a fixed block: one update per value would be slow, one buffer per record wasteful.
    let mut block = [0_u8; 4 * 256];
    for values in input.chunks(256) {
        for (bytes, value) in block.chunks_exact_mut(4).zip(values) {
            bytes.copy_from_slice(&(value + 0.0).to_le_bytes());
        }
        hasher.update(&block[..4 * values.len()]);
    }
    Digest::finalize(&hasher)
}

/// The pseudonym of a data subject: BLAKE3 in key-derivation mode, context
/// `rescind-data 2026 subject v1`, over the identifier in UTF-8, in Unicode's form NFC and without
/// space around it.
///
/// It keeps names out of a manifest that is shown to others, but it is a pseudonym and no more:
/// whoever can list the candidates (names, e-mail addresses) can hash them all and compare.
pub fn subject_hash(subject: &str) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key("rescind-data 2026 subject v1");
    hasher.update(normal(subject).as_bytes());
    Digest::finalize(&hasher)
}

/// The hash of the record at a position; `None` beyond the last.
pub(crate) fn hash_at(dataset: &Dataset, position: usize) -> Option<Digest> {
    let label = *dataset.labels().get(position)?;
    let class_name = dataset.class_names().get(label as usize)?;
    Some(record_hash(
        dataset.input_shape(),
        class_name,
        dataset.input(position)?,
    ))
}

pub(crate) fn hash_shape(hasher: &mut blake3::Hasher, shape: &[usize]) {
    hasher.update(&(shape.len() as u64).to_le_bytes());
    for &dimension in shape {
        hasher.update(&(dimension as u64).to_le_bytes());
    }
}

pub(crate) fn hash_text(hasher: &mut blake3::Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}
