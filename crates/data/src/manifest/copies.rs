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
    /// [`ManifestError::Count`] if a selection is of a dataset of another size; as
    /// [`pseudonym`](Self::pseudonym).
    pub fn duplicates_outside(
        &self,
        forget: &Selection,
        retain: &Selection,
    ) -> Result<Selection, ManifestError> {
        let forgotten: HashSet<Digest> = self.hashes_of(forget)?.into_iter().collect();
        self.check_count(retain.records())?;
        let mut copies = Vec::new();
        for digest in &forgotten {
            let like = self.lists.by_record.find(digest, &self.lists.records)?;
            copies.extend(like.into_iter().filter(|&at| retain.contains(at)));
        }
        copies.sort_unstable();
        Ok(Selection::of_sorted(self.len(), copies))
    }
}
