//! Exact copies of records that go.

use super::fronts::front;
use super::{Manifest, ManifestError};
use crate::digest::Digest;
use crate::selection::Selection;
use std::collections::HashSet;

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
