//! Sets of record positions.

use crate::digest::Digest;
use crate::ranges::{PositionRanges, RangesError};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::{Arc, OnceLock};
use thiserror::Error;

/// Most records a written selection may speak of, so that a damaged file cannot claim all memory.
const MAX_RECORDS: usize = 1 << 28;

/// A set of record positions in a dataset of known size, kept as ascending ranges: all records but
/// a few are few ranges, whatever the number of records.
///
/// Serde writes the size and the positions as ranges: `{"records": 100, "positions": "3,17,20-29"}`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Selection {
    records: usize,
    ranges: PositionRanges,
    len: usize,
    /// One by one, once somebody asked for them so.
    positions: OnceLock<Arc<[usize]>>,
}

impl PartialEq for Selection {
    fn eq(&self, other: &Self) -> bool {
        (self.records, &self.ranges) == (other.records, &other.ranges)
    }
}

impl Eq for Selection {}

impl fmt::Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}} of {}", self.records)
    }
}

/// The positions as ranges: `3,17,20-29`.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ranges.fmt(f)
    }
}

/// Why positions do not form a selection, or two selections do not go together.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// A position at or beyond the number of records.
    #[error("position {position} is out of range: the dataset has {records} records, 0-based")]
    OutOfRange {
        /// The position.
        position: usize,
        /// Number of records.
        records: usize,
    },
    /// A position given twice.
    #[error("position {0} is given twice: a selection is a set, give each position once")]
    Duplicate(usize),
    /// Selections of datasets of different sizes.
    #[error(
        "a selection over {found} records was joined with one over {expected}: both must speak of one dataset"
    )]
    Mismatch {
        /// Records of the other dataset.
        found: usize,
        /// Records of this dataset.
        expected: usize,
    },
    /// A written selection of more records than this crate keeps in memory.
    #[error("a selection over {0} records: at most {MAX_RECORDS} can be read; the file is damaged")]
    TooLarge(usize),
    /// Written positions that cannot be read.
    #[error(transparent)]
    Ranges(#[from] RangesError),
}

impl Selection {
    /// The set of `positions`, in any order, in a dataset of `records` records.
    ///
    /// # Errors
    /// [`SelectionError`] for a position out of range or given twice.
    pub fn new(records: usize, mut positions: Vec<usize>) -> Result<Self, SelectionError> {
        positions.sort_unstable();
        if let Some(&position) = positions.last()
            && position >= records
        {
            return Err(SelectionError::OutOfRange { position, records });
        }
        if let Some(pair) = positions.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(SelectionError::Duplicate(pair[0]));
        }
        Ok(Self::of_sorted(records, positions))
    }

    /// Every record.
    pub fn all(records: usize) -> Self {
        Self::of_ranges(records, PositionRanges::below(records))
    }

    /// No record.
    pub fn none(records: usize) -> Self {
        Self::of_ranges(records, PositionRanges::default())
    }

    /// Positions known to be in range.
    pub(crate) fn of_ranges(records: usize, ranges: PositionRanges) -> Self {
        Self {
            records,
            len: ranges.count(),
            ranges,
            positions: OnceLock::new(),
        }
    }

    /// The positions in `0..records` for which `chosen` is true.
    pub(crate) fn filter(records: usize, chosen: impl FnMut(&usize) -> bool) -> Self {
        Self::of_sorted(records, (0..records).filter(chosen).collect())
    }

    /// Positions known to be ascending, distinct and in range.
    pub(crate) fn of_sorted(records: usize, positions: Vec<usize>) -> Self {
        Self::of_ranges(records, PositionRanges::of_sorted(&positions))
    }

    /// Number of records of the dataset the positions refer to.
    pub fn records(&self) -> usize {
        self.records
    }

    /// The positions, ascending. The first call writes them out, one by one.
    pub fn positions(&self) -> &[usize] {
        self.positions
            .get_or_init(|| self.ranges.positions().collect())
    }

    /// The same without writing them out.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.ranges.positions()
    }

    /// The positions as ranges.
    pub(crate) fn ranges(&self) -> &PositionRanges {
        &self.ranges
    }

    /// Number of positions selected.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is selected.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether a position is selected.
    pub fn contains(&self, position: usize) -> bool {
        self.ranges.contains(position)
    }

    /// The records not selected.
    #[must_use]
    pub fn complement(&self) -> Self {
        let all = PositionRanges::below(self.records);
        Self::of_ranges(self.records, all.difference(&self.ranges))
    }

    /// The records selected here and not in `other`: D \ D_u.
    ///
    /// # Errors
    /// [`SelectionError::Mismatch`] if `other` speaks of a dataset of another size.
    pub fn difference(&self, other: &Self) -> Result<Self, SelectionError> {
        self.check(other)?;
        let left = self.ranges.difference(&other.ranges);
        Ok(Self::of_ranges(self.records, left))
    }

    /// The records selected both here and in `other`.
    ///
    /// # Errors
    /// [`SelectionError::Mismatch`] if `other` speaks of a dataset of another size.
    pub fn intersection(&self, other: &Self) -> Result<Self, SelectionError> {
        self.check(other)?;
        let both = self.ranges.intersection(&other.ranges);
        Ok(Self::of_ranges(self.records, both))
    }

    /// The records selected here, in `other`, or in both.
    ///
    /// # Errors
    /// [`SelectionError::Mismatch`] if `other` speaks of a dataset of another size.
    pub fn union(&self, other: &Self) -> Result<Self, SelectionError> {
        self.check(other)?;
        let either = self.ranges.union(&other.ranges);
        Ok(Self::of_ranges(self.records, either))
    }

    /// A digest of the set: which ranges, out of how many records. It says nothing of contents.
    pub fn digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new_derive_key("rescind-data 2026 selection v2");
        hasher.update(&(self.records as u64).to_le_bytes());
        let ends = self.ranges.ranges().iter();
        let ends = ends.flat_map(|&(first, last)| [first as u64, last as u64]);
        let bytes: Vec<u8> = ends.flat_map(u64::to_le_bytes).collect();
        hasher.update(&bytes);
        Digest::finalize(&hasher)
    }

    fn check(&self, other: &Self) -> Result<(), SelectionError> {
        if self.records == other.records {
            Ok(())
        } else {
            Err(SelectionError::Mismatch {
                found: other.records,
                expected: self.records,
            })
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    records: usize,
    positions: String,
}

impl From<Selection> for Written {
    fn from(selection: Selection) -> Self {
        Self {
            records: selection.records,
            positions: selection.ranges.to_string(),
        }
    }
}

impl TryFrom<Written> for Selection {
    type Error = SelectionError;

    fn try_from(written: Written) -> Result<Self, SelectionError> {
        let Written { records, positions } = written;
        if records > MAX_RECORDS {
            return Err(SelectionError::TooLarge(records));
        }
        if positions.is_empty() {
            return Ok(Self::none(records));
        }
        let ranges: PositionRanges = positions.parse()?;
        let position = ranges.last();
        match position < records {
            true => Ok(Self::of_ranges(records, ranges)),
            false => Err(SelectionError::OutOfRange { position, records }),
        }
    }
}
