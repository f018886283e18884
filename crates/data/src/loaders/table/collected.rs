//! Rows as they become records: encoded, put into the training or the test part, and summed up.

use super::cell::{Cell, Misfit};
use super::encoder::Met;
use super::layout::{Layout, Role};
use super::problems::{self, Problems};
use crate::dataset::{Data, Dataset};
use crate::digest::Digest;
use crate::error::DataError;
use crate::identity::{record_hash, subject_hash};
use crate::loaders::classes::Classes;
use crate::loaders::unpack::MAX_BYTES;
use crate::split::falls_into_test;
use crate::table::{ColumnSummary, TableOptions, TableSummary};
use std::path::Path;
use std::sync::Arc;

/// Records of one part.
#[derive(Default)]
struct Part {
    inputs: Vec<f32>,
    classes: Vec<u32>,
    subjects: Vec<String>,
    lines: Vec<u64>,
}

/// The records of a table, as far as it has been read.
pub(super) struct Collected<'a> {
    path: &'a Path,
    layout: &'a Layout,
    options: &'a TableOptions,
    classes: Classes,
    counts: Vec<usize>,
    train: Part,
    test: Part,
    problems: Problems,
    columns: Vec<Seen>,
    rows: usize,
    dropped: usize,
}

/// What was seen in a column of inputs.
#[derive(Clone, Copy, Default)]
struct Seen {
    range: Option<(f32, f32)>,
    missing: usize,
    other: usize,
    last: Option<f32>,
    jumps: bool,
}

/// What a row comes to.
struct Row {
    class: u32,
    identity: Digest,
    subject: Option<String>,
    inputs: Vec<f32>,
    met: Vec<Met>,
}

impl<'a> Collected<'a> {
    pub fn new(
        path: &'a Path,
        layout: &'a Layout,
        options: &'a TableOptions,
        classes: Option<&[String]>,
    ) -> Self {
        Self {
            path,
            layout,
            options,
            classes: Classes::new(classes),
            counts: Vec::new(),
            train: Part::default(),
            test: Part::default(),
            problems: Problems::default(),
            columns: vec![Seen::default(); layout.names.len()],
            rows: 0,
            dropped: 0,
        }
    }

    /// Adds a row, or refuses it for the first thing that is wrong with it.
    pub fn add(&mut self, line: u64, cells: &[Cell<'_>]) -> Result<(), DataError> {
        let mut first = None;
        let row = self.row(cells, &mut |column, misfit| {
            first.get_or_insert((column, misfit));
        });
        match first {
            Some((column, misfit)) => Err(problems::refusal(
                self.path,
                self.layout,
                column,
                line,
                &cells[column],
                misfit,
            )),
            None => self.keep(line, row),
        }
    }

    /// Adds a row, or notes all that is wrong with it.
    pub fn add_or_note(&mut self, line: u64, cells: &[Cell<'_>]) -> Result<(), DataError> {
        let mut wrong = Vec::new();
        let row = self.row(cells, &mut |column, misfit| wrong.push((column, misfit)));
        self.rows += 1;
        for &(column, misfit) in &wrong {
            self.problems
                .add(self.layout, column, line, &cells[column], misfit);
        }
        match self.problems.is_empty() {
            true => self.keep(line, row),
            false => Ok(()),
        }
    }

    /// What a row comes to; `None` where it is to be left out or something is wrong with it.
    fn row(&mut self, cells: &[Cell<'_>], wrong: &mut dyn FnMut(usize, Misfit)) -> Option<Row> {
        let (mut class, mut subject) = (None, None);
        let mut inputs = Vec::with_capacity(self.layout.width);
        let mut met = Vec::with_capacity(cells.len());
        for (column, (cell, role)) in cells.iter().zip(&self.layout.roles).enumerate() {
            let read = match role {
                Role::LeftOut(_) => Ok(()),
                Role::Input(encoder) => encoder.encode(cell, &mut inputs).map(|one| met.push(one)),
                Role::Subject => cell.name(|text| text.map(str::to_owned)).and_then(|text| {
                    subject = Some(text.ok_or(Misfit::NoSubject)?);
                    Ok(())
                }),
                Role::Label => {
                    let drop = self.options.missing == crate::table::Missing::DropRow;
                    let missing = cell.is_missing();
                    let found = cell.name(|text| {
                        let text = text.filter(|text| !missing || self.classes.may_be(text))?;
                        let found = self.classes.of(text);
                        Some(found.map(|(class, name)| (class, name.to_owned())))
                    });
                    match found {
                        Ok(Some(Some(found))) => {
                            class = Some(found);
                            Ok(())
                        }
                        Ok(None) if drop => {
                            met.push(Met::DropRow);
                            Ok(())
                        }
                        Ok(None) => Err(Misfit::NoClass),
                        Ok(Some(None)) => Err(Misfit::UndeclaredClass),
                        Err(misfit) => Err(misfit),
                    }
                }
            };
            if let Err(misfit) = read {
                wrong(column, misfit);
            }
        }
        let (class, name) = class?;
        if inputs.len() < self.layout.width || met.contains(&Met::DropRow) {
            return None;
        }
        let identity = match &subject {
            Some(subject) => subject_hash(subject),
            None => record_hash(&[inputs.len()], &name, &inputs),
        };
        Some(Row {
            class,
            identity,
            subject,
            inputs,
            met,
        })
    }

    fn keep(&mut self, line: u64, row: Option<Row>) -> Result<(), DataError> {
        let Some(row) = row else {
            self.dropped += 1;
            return Ok(());
        };
        let inputs = self.layout.roles.iter().zip(&mut self.columns);
        let inputs = inputs.filter(|(role, _)| matches!(role, Role::Input(_)));
        for ((_, seen), met) in inputs.zip(&row.met) {
            seen.note(*met);
        }
        let class = row.class as usize;
        self.counts.resize(self.counts.len().max(class + 1), 0);
        self.counts[class] += 1;
        let part = match falls_into_test(&row.identity, self.options.test_fraction) {
            true => &mut self.test,
            false => &mut self.train,
        };
        if part.inputs.try_reserve(row.inputs.len()).is_err() {
            return Err(self.too_large());
        }
        part.inputs.extend_from_slice(&row.inputs);
        part.classes.push(row.class);
        part.subjects.extend(row.subject);
        part.lines.push(line);
        match self.bytes() > MAX_BYTES {
            true => Err(self.too_large()),
            false => Ok(()),
        }
    }

    /// Bytes of the inputs so far.
    fn bytes(&self) -> u64 {
        4 * (self.train.inputs.len() as u64 + self.test.inputs.len() as u64)
    }

    fn too_large(&self) -> DataError {
        let (records, width) = (
            self.train.lines.len() + self.test.lines.len(),
            self.layout.width,
        );
        DataError::Format {
            path: self.path.to_owned(),
            what: "its size in memory",
            found: format!(
                "more than {} bytes ({records} rows of {width} inputs, and more rows)",
                self.bytes()
            ),
            expected: format!("at most {MAX_BYTES}, and what the machine has"),
            advice: "train on fewer rows or columns, or hash texts to fewer inputs",
        }
    }

    /// The records, once all rows are there.
    pub fn into_data(mut self, read_as: &str, again: bool) -> Result<Data, DataError> {
        let (path, layout) = (self.path, self.layout);
        if !self.problems.is_empty() {
            return Err(self.problems.refusal(path, layout, self.rows));
        }
        let label = &self.options.label;
        if !again {
            if self.train.lines.is_empty() {
                return Err(DataError::NoRecords {
                    path: path.to_owned(),
                    advice: "add rows or give a smaller test fraction",
                });
            }
            let rows = self.train.lines.len() + self.test.lines.len();
            self.classes.check(path, label, rows)?;
        }
        let bytes = self.bytes();
        let (names, place) = std::mem::replace(&mut self.classes, Classes::new(None)).settled();
        let mut classes: Vec<(String, usize)> =
            names.iter().map(|name| (name.clone(), 0)).collect();
        for (&place, &count) in place.iter().zip(&self.counts) {
            classes[place as usize].1 = count;
        }
        let summary = Arc::new(TableSummary {
            read_as: read_as.to_owned(),
            rows: self.train.lines.len() + self.test.lines.len(),
            dropped_rows: self.dropped,
            bytes,
            inputs: self.inputs(),
            left_out: left_out(layout),
            classes,
        });
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("table");
        let name = name.split('.').next().unwrap_or(name);
        let part = |part: Part| {
            let labels = part.classes.iter().map(|&class| place[class as usize]);
            let labels = labels.collect();
            let dataset =
                Dataset::new(name, vec![layout.width], names.clone(), part.inputs, labels)?;
            let dataset = dataset
                .with_lines(part.lines)?
                .with_table(Arc::clone(&summary));
            Ok::<_, DataError>(match layout.subjects {
                true => dataset.with_subjects(part.subjects)?,
                false => dataset,
            })
        };
        Ok(Data {
            train: part(self.train)?,
            test: part(self.test)?,
        })
    }

    fn inputs(&self) -> Vec<ColumnSummary> {
        let columns = self.layout.names.iter().zip(&self.layout.roles);
        let columns = columns
            .zip(&self.columns)
            .filter_map(|((name, role), seen)| match role {
                Role::Input(encoder) => Some(ColumnSummary {
                    name: name.clone(),
                    encoding: encoder.encoding.clone(),
                    width: encoder.width,
                    range: seen.range,
                    missing: seen.missing,
                    other: seen.other,
                    counts_rows: seen.range.is_some_and(|(low, high)| high > low) && !seen.jumps,
                }),
                _ => None,
            });
        columns.collect()
    }
}

fn left_out(layout: &Layout) -> Vec<(String, crate::table::LeftOut)> {
    let columns = layout.names.iter().zip(&layout.roles);
    let columns = columns.filter_map(|(name, role)| match role {
        Role::LeftOut(why) => Some((name.clone(), *why)),
        _ => None,
    });
    columns.collect()
}

impl Seen {
    fn note(&mut self, met: Met) {
        match met {
            Met::Number(number) => {
                let (low, high) = self.range.unwrap_or((number, number));
                self.range = Some((low.min(number), high.max(number)));
                self.jumps |= self
                    .last
                    .is_some_and(|last| (number - last - 1.0).abs() > f32::EPSILON);
                self.last = Some(number);
            }
            Met::Missing => {
                self.missing += 1;
                self.jumps = true;
            }
            Met::Other => self.other += 1,
            Met::Category | Met::DropRow => {}
        }
    }
}
