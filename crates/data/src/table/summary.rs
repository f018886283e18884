//! What was found in a table: for whoever trains on it to look at. Nothing of it decides anything.

use super::options::Encoding;
use std::collections::BTreeMap;

/// What was found in a table when it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct TableSummary {
    /// How the file was understood, such as ``separator `;`, gzip``.
    pub read_as: String,
    /// Rows that became records.
    pub rows: usize,
    /// Rows left out because a value was missing.
    pub dropped_rows: usize,
    /// Bytes that the inputs take in memory.
    pub bytes: u64,
    /// The columns that are inputs, in their order.
    pub inputs: Vec<ColumnSummary>,
    /// The columns that are not, but for label and subject, and why.
    pub left_out: Vec<(String, LeftOut)>,
    /// The classes, and the records of each.
    pub classes: Vec<(String, usize)>,
}

/// What was found in a column.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnSummary {
    /// Its name.
    pub name: String,
    /// How it becomes inputs.
    pub encoding: Encoding,
    /// Inputs it becomes.
    pub width: usize,
    /// The least and the greatest number in it; none of texts, and where all are missing.
    pub range: Option<(f32, f32)>,
    /// Cells without a value.
    pub missing: usize,
    /// Cells with a text that is not among the categories declared.
    pub other: usize,
    /// Whether its numbers go up by one from row to row, as a row number's do.
    pub counts_rows: bool,
}

impl ColumnSummary {
    /// The range of its inputs as the network sees them, unless their scaling is computed.
    #[must_use]
    pub fn input_range(&self) -> Option<(f32, f32)> {
        let (least, greatest) = self.range?;
        Some(match self.encoding {
            Encoding::Range { low, high } => {
                let scaled = |x| super::options::scaled(x, low, high);
                (scaled(least), scaled(greatest))
            }
            _ => (least, greatest),
        })
    }
}

/// Why a column is no input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// The options drop it.
    Dropped,
    /// The options keep others.
    NotKept,
    /// Its name says that it numbers the rows; an option keeps it.
    RowNumber,
}

impl LeftOut {
    /// The reason in words.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::NotKept => "not among those kept",
            Self::RowNumber => "numbers the rows, by its name",
        }
    }
}

/// What the cells of a column are: for drafting what to declare of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnSurvey {
    /// Its name.
    pub name: String,
    /// Numbers, `true` and `false` included.
    pub numbers: usize,
    /// The least and the greatest of them.
    pub range: Option<(f32, f32)>,
    /// Cells without a value.
    pub missing: usize,
    /// Days and times.
    pub times: usize,
    /// Texts, and whatever else is none of these.
    pub others: usize,
    /// The texts and how often each stands there; `None` where there are more than 256.
    pub texts: Option<BTreeMap<String, usize>>,
}
