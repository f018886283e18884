//! Sets of record positions.

use crate::digest::Digest;
use crate::ranges::{PositionRanges, RangesError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Most records a written selection may speak of, so that a damaged file cannot claim all memory.
const MAX_RECORDS: usize = 1 << 28;

/// Positions that go into a digest at a time.
const DIGESTED: usize = 8192;

/// A set of record positions in a dataset of known size, kept sorted.
///
/// Serde writes the size and the positions as ranges: `{"records": 100, "positions": "3,17,20-29"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Selection {
    records: usize,
    positions: Vec<usize>,
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
        Ok(Self { records, positions })
    }

    /// Every record.
    pub fn all(records: usize) -> Self {
        Self {
            records,
            positions: (0..records).collect(),
        }
    }

    /// No record.
    pub fn none(records: usize) -> Self {
        Self {
            records,
            positions: Vec::new(),
        }
    }

    /// The positions in `0..records` for which `chosen` is true.
    pub(crate) fn filter(records: usize, chosen: impl FnMut(&usize) -> bool) -> Self {
        Self {
            records,
            positions: (0..records).filter(chosen).collect(),
        }
    }

    /// Positions known to be ascending, distinct and in range.
    pub(crate) fn of_sorted(records: usize, positions: Vec<usize>) -> Self {
        Self { records, positions }
    }

    /// Number of records of the dataset the positions refer to.
    pub fn records(&self) -> usize {
        self.records
    }

    /// The positions, ascending.
    pub fn positions(&self) -> &[usize] {
        &self.positions
    }

    /// Number of positions selected.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether nothing is selected.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Whether a position is selected.
    pub fn contains(&self, position: usize) -> bool {
        self.positions.binary_search(&position).is_ok()
    }

    /// The records not selected.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self::filter(self.records, |&position| !self.contains(position))
    }

    /// The records selected here and not in `other`: D \ D_u.
    ///
    /// # Errors
    /// [`SelectionError::Mismatch`] if `other` speaks of a dataset of another size.
    pub fn difference(&self, other: &Self) -> Result<Self, SelectionError> {
        self.check(other)?;
        // What lies between two positions that go stays as a whole.
        let mut positions = Vec::with_capacity(self.len());
        let mut rest = self.positions();
        for position in &other.positions {
            let (before, from) = rest.split_at(rest.partition_point(|own| own < position));
            positions.extend_from_slice(before);
            rest = match from.first() == Some(position) {
                true => &from[1..],
                false => from,
            };
        }
        positions.extend_from_slice(rest);
        Ok(Self {
            records: self.records,
            positions,
        })
    }

    /// The records selected both here and in `other`.
    ///
    /// # Errors
    /// [`SelectionError::Mismatch`] if `other` speaks of a dataset of another size.
    pub fn intersection(&self, other: &Self) -> Result<Self, SelectionError> {
        self.check(other)?;
        let (few, many) = match self.len() <= other.len() {
            true => (self, other),
            false => (other, self),
        };
        let both = few.positions.iter().copied();
        Ok(Self {
            records: self.records,
            positions: both.filter(|&position| many.contains(position)).collect(),
        })
    }

    /// The records selected here, in `other`, or in both.
    ///
    /// # Errors
    /// [`SelectionError::Mismatch`] if `other` speaks of a dataset of another size.
    pub fn union(&self, other: &Self) -> Result<Self, SelectionError> {
        self.check(other)?;
        let mut positions = [self.positions(), other.positions()].concat();
        // Two ascending runs: merged.
        positions.sort();
        positions.dedup();
        Ok(Self {
            records: self.records,
            positions,
        })
    }

    /// A digest of the set: which positions, out of how many. It says nothing of contents.
    pub fn digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new_derive_key("rescind-data 2026 selection v1");
        hasher.update(&(self.records as u64).to_le_bytes());
        let mut bytes = Vec::with_capacity(8 * DIGESTED);
        for positions in self.positions.chunks(DIGESTED) {
            bytes.clear();
            let each = positions.iter().map(|&position| position as u64);
            bytes.extend(each.flat_map(u64::to_le_bytes));
            hasher.update(&bytes);
        }
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
        let positions = PositionRanges::of_sorted(&selection.positions).to_string();
        Self {
            records: selection.records,
            positions,
        }
    }
}

impl TryFrom<Written> for Selection {
    type Error = SelectionError;

    fn try_from(written: Written) -> Result<Self, SelectionError> {
        if written.records > MAX_RECORDS {
            return Err(SelectionError::TooLarge(written.records));
        }
        if written.positions.is_empty() {
            return Ok(Self::none(written.records));
        }
        let ranges: PositionRanges = written.positions.parse()?;
        let position = ranges.last();
        if position >= written.records {
            return Err(SelectionError::OutOfRange {
                position,
                records: written.records,
            });
        }
        Ok(Self {
            records: written.records,
            positions: ranges.positions().collect(),
        })
    }
}
