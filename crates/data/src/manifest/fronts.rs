//! By what most records are told apart.

use crate::digest::Digest;
use std::sync::OnceLock;

/// The first two bytes of every record's pseudonym, once somebody asked: a copy of one record among
/// millions is looked for in these. They follow from the pseudonyms, so that all are equal.
#[derive(Clone, Default)]
pub(super) struct Fronts(pub OnceLock<Vec<u16>>);

impl PartialEq for Fronts {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

pub(super) fn front(pseudonym: &Digest) -> u16 {
    let [a, b, ..] = *pseudonym.as_bytes();
    u16::from_le_bytes([a, b])
}
