//! Exact copies of records that go.

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
        let like = forgotten.iter().flat_map(|digest| {
            let like = self.fronts.like(digest, &self.records).iter().copied();
            like.filter(|&at| self.records[at] == *digest)
        });
        let mut copies: Vec<usize> = like.filter(|&at| retain.contains(at)).collect();
        copies.sort_unstable();
        Ok(Selection::of_sorted(self.records.len(), copies))
    }
}
