//! Records put where a manifest has them, after their source has changed.

use super::{Manifest, ManifestError, RECORD, SUBJECT, identities, pseudonym};
use crate::dataset::Dataset;
use crate::digest::Digest;
use crate::identity::subject_hash;
use crate::ranges::PositionRanges;
use crate::selection::Selection;
use std::collections::HashMap;

/// Records at the positions of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// The records; of those that have left the source nothing is known but their class.
    pub dataset: Dataset,
    /// Records of the source that the manifest does not list: added later, or what is left of
    /// records that were blanked out.
    pub unlisted: usize,
    /// Whose these are, one by one, where the source says.
    pub unlisted_subjects: Vec<String>,
}

impl Manifest {
    /// Puts loaded records where the manifest has them, whatever their order in the source now.
    /// Those that are not `required` may be gone; the dataset then knows that they are
    /// [absent](Dataset::absent).
    ///
    /// # Errors
    /// [`ManifestError::Missing`] for required records that are not there as they were; another
    /// shape, other classes; a selection of another size.
    pub fn place(&self, loaded: Dataset, required: &Selection) -> Result<Placed, ManifestError> {
        self.check_count(required.records())?;
        if loaded.input_shape() != self.input_shape {
            return Err(ManifestError::Shape {
                found: loaded.input_shape().to_vec(),
                expected: self.input_shape.clone(),
            });
        }
        if loaded.class_names() != self.class_names {
            return Err(ManifestError::Classes {
                found: loaded.class_names().to_vec(),
                expected: self.class_names.clone(),
            });
        }
        let found = self.pseudonyms_of(&loaded)?;
        let listed = |position: usize| self.listed(position);
        let in_order =
            found.len() == self.len() && found.iter().enumerate().all(|(i, own)| *own == listed(i));
        if in_order {
            return Ok(Placed {
                dataset: loaded,
                unlisted: 0,
                unlisted_subjects: Vec::new(),
            });
        }
        // Of copies, those that are required come first.
        let mut vacant: HashMap<_, Vec<usize>> = HashMap::new();
        let optional = required.complement();
        for &position in optional.positions().iter().rev() {
            vacant.entry(listed(position)).or_default().push(position);
        }
        for &position in required.positions().iter().rev() {
            vacant.entry(listed(position)).or_default().push(position);
        }
        let mut place = vec![None; self.len()];
        let mut added = Vec::new();
        for (row, pseudonyms) in found.iter().enumerate() {
            match vacant.get_mut(pseudonyms).and_then(Vec::pop) {
                Some(position) => place[position] = Some(row),
                None => added.push(row),
            }
        }
        let missing = required.positions().iter().copied();
        let missing: Vec<usize> = missing.filter(|&at| place[at].is_none()).collect();
        if !missing.is_empty() {
            return Err(ManifestError::Missing {
                count: missing.len(),
                positions: PositionRanges::of_sorted(&missing),
                unknown: added.len(),
            });
        }
        let subjects = loaded.subjects();
        let whose = |row: &usize| Some(subjects?[*row].clone());
        let unlisted_subjects = added.iter().filter_map(whose).collect();
        let labels = self.labels.clone().unwrap_or_default();
        Ok(Placed {
            unlisted: added.len(),
            unlisted_subjects,
            dataset: loaded.rearranged(&place, labels),
        })
    }

    /// The rows that records were read from, where that is known of each, ascending.
    pub(crate) fn rows_of(&self, which: &Selection) -> Option<Vec<u64>> {
        let lines = self.lines.as_ref()?;
        let mut rows: Vec<u64> = which
            .iter()
            .map(|at| lines.get(at).copied())
            .collect::<Option<_>>()?;
        rows.sort_unstable();
        Some(rows)
    }

    /// These records, in order, where each of them is in the row that it was read from.
    pub(crate) fn pick(
        &self,
        loaded: Dataset,
        which: &Selection,
    ) -> Result<Option<Dataset>, ManifestError> {
        let (Some(lines), Some(found)) = (&self.lines, loaded.lines()) else {
            return Ok(None);
        };
        if loaded.input_shape() != self.input_shape || loaded.class_names() != self.class_names {
            return Ok(None);
        }
        let rows: HashMap<u64, usize> = found.iter().copied().zip(0..).collect();
        let place: Vec<Option<usize>> = which
            .iter()
            .map(|at| rows.get(&lines[at]).copied())
            .collect();
        let pseudonyms = self.pseudonyms_of(&loaded)?;
        let same = which
            .iter()
            .zip(&place)
            .all(|(at, row)| row.is_some_and(|row| pseudonyms[row] == self.listed(at)));
        if !same {
            return Ok(None);
        }
        let labels = self.labels.as_deref().unwrap_or_default();
        let labels = which
            .iter()
            .filter_map(|at| labels.get(at).copied())
            .collect();
        Ok(Some(loaded.rearranged(&place, labels)))
    }

    /// Pseudonyms of a record and of its subject.
    fn listed(&self, position: usize) -> (Digest, Option<Digest>) {
        let subject = self.subjects.as_ref().map(|all| all[position]);
        (self.records[position], subject)
    }

    fn pseudonyms_of(
        &self,
        loaded: &Dataset,
    ) -> Result<Vec<(Digest, Option<Digest>)>, ManifestError> {
        let records = identities(loaded)?;
        let records = records
            .iter()
            .map(|own| pseudonym(&self.secret, RECORD, own));
        Ok(
            match loaded.subjects().filter(|_| self.subjects.is_some()) {
                None => records.map(|own| (own, None)).collect(),
                Some(subjects) => {
                    let subjects = subjects
                        .iter()
                        .map(|subject| pseudonym(&self.secret, SUBJECT, &subject_hash(subject)));
                    records.zip(subjects.map(Some)).collect()
                }
            },
        )
    }
}
