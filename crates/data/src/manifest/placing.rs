//! Records put where a manifest has them, after their source has changed.

use super::list::List;
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

/// Pseudonyms of a record and of its subject.
type Listed = (Digest, Option<Digest>);

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
        let own = self.all_listed()?;
        let listed = |position: usize| own[position];
        let in_order = found == own;
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
        let labels = self.lists.labels.as_ref().map(List::to_vec);
        let labels = labels.transpose()?.unwrap_or_default();
        Ok(Placed {
            unlisted: added.len(),
            unlisted_subjects,
            dataset: loaded.rearranged(&place, labels),
        })
    }

    /// The rows that records were read from, where that is known of each, ascending.
    pub(crate) fn rows_of(&self, which: &Selection) -> Result<Option<Vec<u64>>, ManifestError> {
        let lines = self.lists.lines.as_ref();
        let rows = lines.map(|lines| which.iter().map(|at| lines.get(at)).collect());
        rows.transpose()
    }

    /// These records, in order, where each of them is in the row that it was read from.
    pub(crate) fn pick(
        &self,
        loaded: Dataset,
        which: &Selection,
    ) -> Result<Option<Dataset>, ManifestError> {
        let (Some(lines), Some(found)) = (self.rows_of(which)?, loaded.lines()) else {
            return Ok(None);
        };
        if loaded.input_shape() != self.input_shape || loaded.class_names() != self.class_names {
            return Ok(None);
        }
        let rows: HashMap<u64, usize> = found.iter().copied().zip(0..).collect();
        let place: Vec<Option<usize>> = lines.iter().map(|line| rows.get(line).copied()).collect();
        let pseudonyms = self.pseudonyms_of(&loaded)?;
        for (at, row) in which.iter().zip(&place) {
            match row {
                Some(row) if pseudonyms[*row] == self.listed(at)? => {}
                _ => return Ok(None),
            }
        }
        let labels = self.lists.labels.as_ref();
        let labels = labels.map(|labels| which.iter().map(|at| labels.get(at)).collect());
        let labels: Vec<u32> = labels.transpose()?.unwrap_or_default();
        Ok(Some(loaded.rearranged(&place, labels)))
    }

    /// Pseudonyms of a record and of its subject.
    fn listed(&self, position: usize) -> Result<Listed, ManifestError> {
        let subjects = self.lists.subjects.as_ref();
        let subject = subjects.map(|all| all.get(position)).transpose()?;
        Ok((self.pseudonym(position)?, subject))
    }

    fn all_listed(&self) -> Result<Vec<Listed>, ManifestError> {
        (0..self.len()).map(|at| self.listed(at)).collect()
    }

    fn pseudonyms_of(&self, loaded: &Dataset) -> Result<Vec<Listed>, ManifestError> {
        let records = identities(loaded)?;
        let records = records
            .iter()
            .map(|own| pseudonym(&self.secret, RECORD, own));
        Ok(match loaded.subjects().filter(|_| self.names_subjects()) {
            None => records.map(|own| (own, None)).collect(),
            Some(subjects) => {
                let subjects = subjects
                    .iter()
                    .map(|subject| pseudonym(&self.secret, SUBJECT, &subject_hash(subject)));
                records.zip(subjects.map(Some)).collect()
            }
        })
    }
}
