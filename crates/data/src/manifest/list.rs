//! One item for each of many records, in pages.

use super::ManifestError;
use super::item::{Item, Packed};
use super::pages::{File, PAGE, Pages};
use crate::digest::Digest;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// One item for each of many records: to look at a few reads the pages that they are on.
pub(super) struct List<T> {
    pages: Pages,
    of: PhantomData<fn() -> T>,
}

/// What a manifest's head says of a list.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    items: usize,
    pages: Packed<Digest>,
}

impl<T: Item> List<T> {
    pub fn made(secret: Digest, name: &'static str, items: &[T]) -> Self {
        Self {
            pages: Pages::made(secret, name, &Packed::bytes(items)),
            of: PhantomData,
        }
    }

    /// The list that a head tells of, from there on in a file; then the next begins after it.
    pub fn kept(
        secret: Digest,
        name: &'static str,
        listed: Listed,
        (file, from): (&File, &mut u64),
    ) -> Result<Self, ManifestError> {
        let len = listed.items.checked_mul(T::SIZE);
        let end = |len: usize| from.checked_add(len as u64);
        let too_long = || ManifestError::Document {
            reason: format!("{} items of {name}", listed.items),
        };
        let (len, end) = len.zip(len.and_then(end)).ok_or_else(too_long)?;
        let pages = Pages::kept(secret, name, len, listed.pages.0, (file, *from))?;
        *from = end;
        Ok(Self {
            pages,
            of: PhantomData,
        })
    }

    pub fn listed(&self) -> Listed {
        Listed {
            items: self.len(),
            pages: Packed(self.pages.digests().to_vec()),
        }
    }

    pub fn pages(&self) -> &Pages {
        &self.pages
    }

    pub fn len(&self) -> usize {
        self.pages.len() / T::SIZE
    }

    /// The item at a place below the length.
    pub fn get(&self, at: usize) -> Result<T, ManifestError> {
        let begin = at * T::SIZE;
        let page = self.pages.page(begin / PAGE)?;
        let bytes = page.get(begin % PAGE..begin % PAGE + T::SIZE);
        let item = bytes.and_then(T::read);
        item.ok_or_else(|| ManifestError::Document {
            reason: format!("it lists {} items, not {at}", self.len()),
        })
    }

    /// All in turn.
    pub fn iter(&self) -> impl Iterator<Item = Result<T, ManifestError>> {
        (0..self.len()).map(|at| self.get(at))
    }

    pub fn to_vec(&self) -> Result<Vec<T>, ManifestError> {
        self.iter().collect()
    }
}
