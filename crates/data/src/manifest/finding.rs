//! Which records are meant: by subject, by line, by identity.

use super::list::List;
use super::{Manifest, ManifestError, RECORD, SUBJECT, pseudonym};
use crate::digest::Digest;
use crate::identity::subject_hash;
use crate::ranges::PositionRanges;
use crate::selection::Selection;

/// What lines of a table are.
pub(crate) struct AtLines {
    /// The records trained on or held out for validation.
    pub found: Selection,
    /// How many of the lines are of test records.
    pub tests: usize,
    /// Whether some of them are of no record.
    pub unknown: bool,
    /// The last line of any record.
    pub last: u64,
}

impl Manifest {
    /// Whether the source names subjects.
    #[must_use]
    pub fn names_subjects(&self) -> bool {
        self.lists.subjects.is_some()
    }

    /// The records of a subject; `None` where the source names no subjects.
    ///
    /// # Errors
    /// As [`pseudonym`](Self::pseudonym).
    pub fn of_subject(&self, subject: &str) -> Result<Option<Selection>, ManifestError> {
        let both = self
            .lists
            .subjects
            .as_ref()
            .zip(self.lists.by_subject.as_ref());
        let Some((subjects, index)) = both else {
            return Ok(None);
        };
        let found = index.find(&self.subject(subject), subjects)?;
        Ok(Some(Selection::of_sorted(self.len(), found)))
    }

    /// How many test records a subject has.
    ///
    /// # Errors
    /// As [`pseudonym`](Self::pseudonym).
    pub fn tests_of_subject(&self, subject: &str) -> Result<usize, ManifestError> {
        let (wanted, lists) = (self.subject(subject), &self.lists);
        let found = lists.by_test_subject.find(&wanted, &lists.test_subjects)?;
        Ok(found.len())
    }

    fn subject(&self, subject: &str) -> Digest {
        pseudonym(&self.secret, SUBJECT, &subject_hash(subject))
    }

    /// The lines that records were read from, when the manifest was made (of files without lines the
    /// rows, 1-based); `None` where they are not of a table. Later changes of the file move no line
    /// here.
    ///
    /// # Errors
    /// As [`pseudonym`](Self::pseudonym).
    pub fn lines_of(&self, selection: &Selection) -> Result<Option<PositionRanges>, ManifestError> {
        let rows = self.rows_of(selection)?;
        let ranges = |rows: Vec<u64>| {
            let lines = rows.into_iter().filter_map(|line| line.try_into().ok());
            PositionRanges::of_sorted(&lines.collect::<Vec<_>>())
        };
        Ok(rows.map(ranges))
    }

    /// The records that were read from these lines, those lines that were of test records, and
    /// those that were of none; `None` where records are not of a table.
    pub(crate) fn at_lines(
        &self,
        asked: &PositionRanges,
    ) -> Result<Option<AtLines>, ManifestError> {
        let Some(lines) = &self.lists.lines else {
            return Ok(None);
        };
        let (mut found, mut tests) = (Vec::new(), 0);
        for &(first, last) in asked.ranges() {
            let (first, last) = (first as u64, last as u64);
            found.extend(lines.between(first, last)?);
            tests += self.lists.test_lines.between(first, last)?.len();
        }
        let found = Selection::of_sorted(self.len(), found);
        let last = lines.last()?.max(self.lists.test_lines.last()?);
        Ok(Some(AtLines {
            unknown: asked.count() as u128 > (found.len() + tests) as u128,
            found,
            tests,
            last: last.unwrap_or(0),
        }))
    }

    /// The records of an identity: its [`record_hash`](crate::record_hash), or what the caller gave
    /// for it.
    ///
    /// # Errors
    /// As [`pseudonym`](Self::pseudonym).
    pub fn of_identity(&self, identity: &Digest) -> Result<Selection, ManifestError> {
        let wanted = pseudonym(&self.secret, RECORD, identity);
        let found = self.lists.by_record.find(&wanted, &self.lists.records)?;
        Ok(Selection::of_sorted(self.len(), found))
    }

    /// Whether these are its records in this order, and these their subjects.
    ///
    /// # Errors
    /// As [`pseudonym`](Self::pseudonym).
    pub fn lists(
        &self,
        identities: &[Digest],
        subjects: Option<&[String]>,
    ) -> Result<bool, ManifestError> {
        let named = |all: &List<Digest>| {
            subjects.map_or(Ok(false), |named| {
                same(all, named.iter().map(|subject| self.subject(subject)))
            })
        };
        let own = identities
            .iter()
            .map(|own| pseudonym(&self.secret, RECORD, own));
        Ok(same(&self.lists.records, own)?
            && (self.lists.subjects.as_ref()).map_or(Ok(subjects.is_none()), named)?)
    }
}

/// Whether a list has these items in this order.
fn same(
    list: &List<Digest>,
    mut items: impl ExactSizeIterator<Item = Digest>,
) -> Result<bool, ManifestError> {
    if list.len() != items.len() {
        return Ok(false);
    }
    for own in list.iter() {
        if Some(own?) != items.next() {
            return Ok(false);
        }
    }
    Ok(true)
}
