//! Exact copies of records that go.

use super::{Manifest, ManifestError};
use crate::digest::Digest;
use crate::selection::Selection;
use std::collections::HashSet;
use std::sync::OnceLock;

/// The first two bytes of every record's pseudonym, once somebody asked: a copy of one record among
/// millions is looked for in these. They follow from the pseudonyms, so that all are equal.
#[derive(Clone, Default)]
pub(super) struct Fronts(OnceLock<Vec<u16>>);

impl PartialEq for Fronts {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

fn front(pseudonym: &Digest) -> u16 {
    let [a, b, ..] = *pseudonym.as_bytes();
    u16::from_le_bytes([a, b])
}

impl Manifest {
    /// The records of `retain` whose contents equal those of a record in `forget`.
    ///
    /// Deleting one copy of a record that is stored twice forgets nothing: report these, or
    /// delete them too. Only exact copies are found.
    ///
    /// # Errors
    /// [`ManifestError::Count`] if a selection is of a dataset of another size.
    pub fn duplicates_outside(
        &self,
        forget: &Selection,
        retain: &Selection,
    ) -> Result<Selection, ManifestError> {
        let forgotten: HashSet<Digest> = self.hashes_of(forget)?.into_iter().collect();
        self.check_count(retain.records())?;
        // Most records share not even their first two bytes with one that goes.
        let own = || self.records.iter().map(front).collect();
        let fronts = self.fronts.0.get_or_init(own);
        let mut wanted = vec![false; 1 << 16];
        forgotten
            .iter()
            .for_each(|digest| wanted[usize::from(front(digest))] = true);
        let places = fronts.iter().enumerate();
        let copies = places
            .filter(|(_, front)| wanted[usize::from(**front)])
            .map(|(position, _)| position)
            .filter(|&at| forgotten.contains(&self.records[at]) && retain.contains(at));
        Ok(Selection::of_sorted(self.records.len(), copies.collect()))
    }
}
