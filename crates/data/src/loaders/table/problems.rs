//! What is wrong with the cells of a table, all of it at once.

use super::cell::{Cell, Misfit, is_time};
use super::layout::{Layout, Role};
use crate::error::{CellProblem, DataError};
use crate::table::Encoding;
use std::collections::BTreeMap;
use std::path::Path;

/// What is wrong with the cells of a table, by column and kind.
#[derive(Default)]
pub(super) struct Problems {
    found: BTreeMap<(usize, Misfit), (CellProblem, usize)>,
}

/// Columns that an error shows.
const SHOWN: usize = 20;

impl Problems {
    /// One more row in which a column's cell is wrong.
    pub fn add(
        &mut self,
        layout: &Layout,
        column: usize,
        line: u64,
        cell: &Cell<'_>,
        misfit: Misfit,
    ) {
        let (_, rows) = self
            .found
            .entry((column, misfit))
            .or_insert_with(|| (problem(layout, column, line, cell, misfit), 0));
        *rows += 1;
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All that was found in so many rows, and the options that would settle it.
    pub fn refusal(mut self, path: &Path, layout: &Layout, of_rows: usize) -> DataError {
        self.leave_out_gaps(of_rows);
        let options = self.options(layout, of_rows);
        let more = self.found.len().saturating_sub(SHOWN);
        let problems = self
            .found
            .into_values()
            .take(SHOWN)
            .map(|(problem, rows)| CellProblem { rows, ..problem });
        DataError::Cells {
            path: path.to_owned(),
            problems: problems.collect(),
            of_rows,
            more,
            options,
        }
    }

    /// A missing value is no problem of its own in a column that holds texts or days.
    fn leave_out_gaps(&mut self, of_rows: usize) {
        let of_others = self.found.iter().filter(|((_, misfit), (_, rows))| {
            matches!(misfit, Misfit::Text | Misfit::Time | Misfit::Nested) && 2 * rows > of_rows
        });
        let of_others: Vec<usize> = of_others.map(|((column, _), _)| *column).collect();
        for column in of_others {
            self.found.remove(&(column, Misfit::Missing));
        }
    }

    fn options(&self, layout: &Layout, of_rows: usize) -> String {
        let (mut drop, mut hash) = (Vec::new(), Vec::new());
        let mut add = String::new();
        let (mut missing, mut comma) = (false, false);
        for ((column, misfit), (problem, rows)) in &self.found {
            // A few bad cells are to be mended; a column of them is another kind of column.
            let mostly = 2 * rows > of_rows;
            let name = crate::table::item(&layout.names[*column]);
            match (misfit, &layout.roles[*column]) {
                (Misfit::Missing, _) => missing = true,
                (Misfit::DecimalComma, _) => comma = true,
                (Misfit::Text, Role::Input(_)) if mostly && !is_time(&problem.found) => {
                    hash.push(name)
                }
                (Misfit::Time | Misfit::Nested, Role::Input(_)) if mostly => drop.push(name),
                _ => {}
            }
        }
        for (key, names) in [("drop", drop), ("hash", hash)] {
            // More are not for a line to be typed, but for a file of declarations.
            if (1..=SHOWN).contains(&names.len()) {
                add += &format!("&{key}={}", names.join(","));
            }
        }
        if comma {
            add += "&decimal=comma";
        }
        if missing {
            add += "&missing=mark";
        }
        add
    }
}

/// A single wrong cell, as an error.
pub(super) fn refusal(
    path: &Path,
    layout: &Layout,
    column: usize,
    line: u64,
    cell: &Cell<'_>,
    misfit: Misfit,
) -> DataError {
    let mut problems = Problems::default();
    problems.add(layout, column, line, cell, misfit);
    problems.refusal(path, layout, 1)
}

fn problem(
    layout: &Layout,
    column: usize,
    line: u64,
    cell: &Cell<'_>,
    misfit: Misfit,
) -> CellProblem {
    let number = match &layout.roles[column] {
        Role::Input(encoder) => {
            matches!(encoder.encoding, Encoding::Number | Encoding::Range { .. })
        }
        _ => false,
    };
    let what = match misfit {
        Misfit::Missing => "no value",
        Misfit::Text => "a text, expected a number",
        Misfit::Time if number => "a day or a time, expected a number",
        Misfit::Time => "a day or a time, expected a text",
        Misfit::DecimalComma => "a number with a decimal comma, expected a decimal point",
        Misfit::TooLarge => "beyond the range of 32-bit numbers, expected a finite number",
        Misfit::Nested => "a list, a map or bytes, expected one value",
        Misfit::LineBreak => "a text of several lines (a stray quote?), expected one value",
        Misfit::NoClass => "no class; fill it in or drop the row",
        Misfit::UndeclaredClass => {
            "not one of the classes declared; declare this one too or drop the row"
        }
        Misfit::NoSubject => "no subject; every record needs one to be found by it",
    };
    CellProblem {
        line,
        column: layout.names[column].clone(),
        found: cell.shown(),
        what,
        rows: 0,
    }
}
