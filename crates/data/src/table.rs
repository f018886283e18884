//! What the columns of a table mean.

mod options;
mod summary;
mod written;

pub(crate) use options::scaled;
pub use options::{Encoding, Missing, TableOptions, numbers_rows};
pub use summary::{ColumnSummary, ColumnSurvey, LeftOut, TableSummary};
pub use written::OptionError;
pub(crate) use written::{item, parse, write};
