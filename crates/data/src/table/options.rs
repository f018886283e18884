//! What the columns of a table mean, and how they become inputs. Everything here is told, nothing
//! is read off the rows: a row's inputs are a function of that row alone, whatever else the table
//! holds.

use std::collections::BTreeMap;

/// What the columns of a table mean, and how it is split.
#[derive(Clone, Debug, PartialEq)]
pub struct TableOptions {
    /// The column that holds the class.
    pub label: String,
    /// The column that says whose record it is, if there is one; it is not an input.
    pub subject: Option<String>,
    /// The expected fraction of records in the test part, from 0 up to, not including, 1; 0.2 if
    /// absent. Which part a record falls in depends on its subject if there is one, else on its
    /// contents, and on nothing else: deleting rows moves no other row.
    pub test_fraction: f64,
    /// The columns that are inputs; empty: all but label, subject, those dropped, and those whose
    /// name says that they number the rows.
    pub keep: Vec<String>,
    /// Columns that are no inputs.
    pub drop: Vec<String>,
    /// How columns become inputs; one that is not named here holds numbers, or `true` and `false`.
    pub encodings: BTreeMap<String, Encoding>,
    /// What becomes of cells without a value.
    pub missing: Missing,
    /// The character between cells; absent: that of `,` `;` tab and `|` which the first line has
    /// most of.
    pub separator: Option<char>,
    /// Whether numbers are written with a decimal comma.
    pub decimal_comma: bool,
}

impl TableOptions {
    /// The class is in column `label`; no subjects; a fifth for testing; all other columns are
    /// numbers without gaps.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            subject: None,
            test_fraction: 0.2,
            keep: Vec::new(),
            drop: Vec::new(),
            encodings: BTreeMap::new(),
            missing: Missing::Refuse,
            separator: None,
            decimal_comma: false,
        }
    }
}

/// How a column becomes inputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Encoding {
    /// One input, the number as it is.
    Number,
    /// One input, shifted and scaled so that these become −1 and 1. Values outside are taken too.
    Range {
        /// The number that becomes −1.
        low: f32,
        /// The number that becomes 1; greater than `low`.
        high: f32,
    },
    /// An input for each of these texts, 1 where the cell has it, and a last one for all others,
    /// missing ones included.
    Categories(Vec<String>),
    /// So many inputs, of which the text's hash chooses one to be 1, and a last one for missing
    /// texts. Texts whose hashes agree are one category.
    Hashed(u32),
}

impl Encoding {
    /// Inputs of a hashed column where nothing else is said.
    pub const BUCKETS: u32 = 32;
    /// Most inputs that a column can be hashed to.
    pub const MAX_BUCKETS: u32 = 1 << 16;
}

/// A number on the scale on which `low` is −1 and `high` is 1.
pub(crate) fn scaled(x: f32, low: f32, high: f32) -> f32 {
    let (x, low, high) = (f64::from(x), f64::from(low), f64::from(high));
    (2.0 * (x - low) / (high - low) - 1.0) as f32
}

/// What becomes of numbers that are missing: an empty cell, or one that says `NA`, `N/A`, `NaN`,
/// `null`, `None` or `?`. (There is no filling in of means: they would be functions of all records.)
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Missing {
    /// They are refused.
    #[default]
    Refuse,
    /// The row is left out.
    DropRow,
    /// They are 0, and every column of numbers has a second input that is 1 where they are missing.
    Mark,
    /// They are this number.
    Fill(f32),
}

/// Whether a column numbers the rows, by its name alone: without one, as pandas writes its index,
/// or with that which pandas gives it when it reads it again.
#[must_use]
pub fn numbers_rows(name: &str) -> bool {
    let name = name.to_lowercase();
    let names = ["", "id", "index", "row", "rowid", "row_id", "uuid"];
    names.contains(&name.as_str())
        || name.starts_with("unnamed: ")
        || name.starts_with("__index_level_")
}
