//! The lists of a manifest.

use super::list::List;
use super::pages::Pages;
use super::sorted::{Index, Sorted};
use crate::digest::Digest;

/// What a manifest has of every record, each in a list of its own.
pub(super) struct Lists {
    /// Pseudonyms.
    pub records: List<Digest>,
    /// Pseudonyms of their subjects.
    pub subjects: Option<List<Digest>>,
    /// Of the test records that have one, whose each of them is.
    pub test_subjects: List<Digest>,
    /// Classes, by number.
    pub labels: Option<List<u32>>,
    /// Of a table, the line that each record was read from.
    pub lines: Option<Sorted>,
    /// The same of test records.
    pub test_lines: Sorted,
    /// Where each of the digests is.
    pub by_record: Index,
    pub by_subject: Option<Index>,
    pub by_test_subject: Index,
}

impl Lists {
    pub const RECORDS: &str = "records";
    pub const SUBJECTS: &str = "subjects";
    pub const TEST_SUBJECTS: &str = "test subjects";
    pub const LABELS: &str = "labels";
    pub const LINES: &str = "lines";
    pub const TEST_LINES: &str = "test lines";
    pub const BY_RECORD: &str = "records by pseudonym";
    pub const BY_SUBJECT: &str = "subjects by pseudonym";
    pub const BY_TEST_SUBJECT: &str = "test subjects by pseudonym";

    /// The pages of each list, in the order in which they are written.
    pub fn pages(&self) -> impl Iterator<Item = &Pages> {
        let all = [
            Some(self.records.pages()),
            self.subjects.as_ref().map(List::pages),
            Some(self.test_subjects.pages()),
            self.labels.as_ref().map(List::pages),
            self.lines.as_ref().map(Sorted::pages),
            Some(self.test_lines.pages()),
            Some(self.by_record.sorted().pages()),
            self.by_subject.as_ref().map(|by| by.sorted().pages()),
            Some(self.by_test_subject.sorted().pages()),
        ];
        all.into_iter().flatten()
    }
}
