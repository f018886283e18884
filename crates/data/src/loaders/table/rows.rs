//! Rows of a table, whatever file they are in.

use super::cell::Cell;
use crate::error::DataError;

/// Rows of a table one after another.
pub(super) trait Rows {
    /// The columns' names.
    fn names(&self) -> &[String];

    /// How the file was understood.
    fn read_as(&self) -> &str;

    /// The next row. An error means that no further row can be read.
    fn next(&mut self) -> Result<Next<'_>, DataError>;
}

/// What comes next.
pub(super) enum Next<'a> {
    /// A row, with as many cells as there are columns.
    Row {
        /// Line, 1-based, the header included; of files without lines the row, 1-based.
        line: u64,
        cells: Vec<Cell<'a>>,
    },
    /// A row that cannot be read, with others after it.
    Unreadable(DataError),
    End,
}
