//! Records in memory.

use crate::selection::Selection;
use crate::table::TableSummary;
use std::sync::Arc;
use thiserror::Error;

/// Labelled records of one shape.
///
/// Every value is finite, every label names a class, and the flat input array holds exactly one
/// input per label: [`Dataset::new`] refuses anything else.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    name: String,
    input_shape: Vec<usize>,
    input_len: usize,
    class_names: Vec<String>,
    inputs: Vec<f32>,
    labels: Vec<u32>,
    subjects: Option<Vec<String>>,
    /// Of a table, the line of each record in its file.
    lines: Option<Vec<u64>>,
    table: Option<Arc<TableSummary>>,
    /// Positions of records whose contents are not known, ascending.
    absent: Vec<usize>,
    standardised: bool,
}

/// The two published parts of a dataset. Only `train` is trained on and forgotten from.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// Records to train on.
    pub train: Dataset,
    /// Records never trained on; may be empty.
    pub test: Dataset,
}

/// Why records do not form a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// The shape of one input has no dimension, a zero, or more elements than memory can hold.
    #[error("input shape {0:?} is not usable: expected at least one dimension, all positive")]
    Shape(Vec<usize>),
    /// The flat input array does not match the number of labels.
    #[error("{found} input values for {records} labels of shape {shape:?}: expected {expected}")]
    InputLength {
        /// Values given.
        found: usize,
        /// Values needed.
        expected: usize,
        /// Labels given.
        records: usize,
        /// Shape of one input.
        shape: Vec<usize>,
    },
    /// A label at or above the number of classes.
    #[error("record {position} has label {label}: expected less than {classes} (the classes)")]
    Label {
        /// Position of the record.
        position: usize,
        /// Its label.
        label: u32,
        /// Number of classes.
        classes: usize,
    },
    /// A value that is NaN or infinite.
    #[error("record {position} holds {value}: every value must be finite; drop or mend it")]
    NotFinite {
        /// Position of the record.
        position: usize,
        /// The value as text.
        value: String,
    },
    /// Two classes share a name.
    #[error("class name `{0}` is used twice: give each class its own name")]
    DuplicateClass(String),
    /// Not one subject per record.
    #[error("{found} subjects for {expected} records: give one subject per record")]
    Subjects {
        /// Subjects given.
        found: usize,
        /// Records.
        expected: usize,
    },
    /// Not one line per record.
    #[error("{found} lines for {expected} records: give one line per record")]
    Lines {
        /// Lines given.
        found: usize,
        /// Records.
        expected: usize,
    },
    /// The contents of a record that has left its source.
    #[error(
        "record {position} has left its source, and what was asked needs its contents: put it back \
         for as long as this takes, or choose a method that works from the records that stay \
         (descent, noisy-finetune, retrain)"
    )]
    Absent {
        /// Position of the record.
        position: usize,
    },
    /// A position at or beyond the number of records.
    #[error("position {position} is out of range: the dataset has {records} records, 0-based")]
    OutOfRange {
        /// The position asked for.
        position: usize,
        /// Number of records.
        records: usize,
    },
}

impl Dataset {
    /// Checks and joins the parts of a dataset of n records.
    ///
    /// `inputs` is record-major: record i occupies `i*len .. (i+1)*len`, with `len` the product
    /// of `input_shape` (`[channels, height, width]` for pictures, `[columns]` for tables).
    /// n may be zero.
    ///
    /// # Errors
    /// [`DatasetError`] for a shape without elements, an input array of another length, a label
    /// without a class, a value that is not finite, or two classes of one name.
    pub fn new(
        name: impl Into<String>,
        input_shape: Vec<usize>,
        class_names: Vec<String>,
        inputs: Vec<f32>,
        labels: Vec<u32>,
    ) -> Result<Self, DatasetError> {
        let input_len = input_shape
            .iter()
            .try_fold(1_usize, |product, &d| product.checked_mul(d));
        let input_len = match input_len {
            Some(len) if len > 0 && !input_shape.is_empty() => len,
            _ => return Err(DatasetError::Shape(input_shape)),
        };
        if labels.len().checked_mul(input_len) != Some(inputs.len()) {
            return Err(DatasetError::InputLength {
                found: inputs.len(),
                expected: labels.len().saturating_mul(input_len),
                records: labels.len(),
                shape: input_shape,
            });
        }
        let classes = class_names.len();
        if let Some((position, &label)) = labels
            .iter()
            .enumerate()
            .find(|&(_, &label)| label as usize >= classes)
        {
            return Err(DatasetError::Label {
                position,
                label,
                classes,
            });
        }
        if let Some(at) = first_not_finite(&inputs) {
            let position = at / input_len;
            return Err(DatasetError::NotFinite {
                position,
                value: inputs[at].to_string(),
            });
        }
        let mut seen = std::collections::HashSet::new();
        if let Some(twice) = class_names.iter().find(|&name| !seen.insert(name.as_str())) {
            return Err(DatasetError::DuplicateClass(twice.clone()));
        }
        let name = name.into();
        Ok(Self {
            name,
            input_shape,
            input_len,
            class_names,
            inputs,
            labels,
            subjects: None,
            lines: None,
            table: None,
            absent: Vec::new(),
            standardised: false,
        })
    }

    /// Records with these labels, each with the contents of this dataset's record at its place, or
    /// absent where it has no place. Names no subjects and no lines.
    pub(crate) fn rearranged(self, place: &[Option<usize>], labels: Vec<u32>) -> Self {
        let mut inputs = vec![0.0; place.len() * self.input_len];
        let mut absent = Vec::new();
        let slots = inputs.chunks_exact_mut(self.input_len).zip(place);
        for (position, (slot, place)) in slots.enumerate() {
            match place.and_then(|place| self.input(place)) {
                Some(input) => slot.copy_from_slice(input),
                None => absent.push(position),
            }
        }
        Self {
            inputs,
            labels,
            subjects: None,
            lines: None,
            absent,
            ..self
        }
    }

    /// Names the person (or other data subject) behind each record.
    ///
    /// # Errors
    /// [`DatasetError::Subjects`] unless there is exactly one per record.
    pub fn with_subjects(mut self, subjects: Vec<String>) -> Result<Self, DatasetError> {
        if subjects.len() != self.len() {
            let found = subjects.len();
            return Err(DatasetError::Subjects {
                found,
                expected: self.len(),
            });
        }
        self.subjects = Some(subjects);
        Ok(self)
    }

    /// Says in which line of its file each record is.
    ///
    /// # Errors
    /// [`DatasetError::Lines`] unless there is exactly one per record.
    pub(crate) fn with_lines(mut self, lines: Vec<u64>) -> Result<Self, DatasetError> {
        if lines.len() != self.len() {
            let found = lines.len();
            return Err(DatasetError::Lines {
                found,
                expected: self.len(),
            });
        }
        self.lines = Some(lines);
        Ok(self)
    }

    /// Says what was found in the table that the records are of.
    pub(crate) fn with_table(mut self, table: Arc<TableSummary>) -> Self {
        self.table = Some(table);
        self
    }

    /// Name of the dataset, such as `mnist`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Shape of one input: `[channels, height, width]` or `[columns]`.
    pub fn input_shape(&self) -> &[usize] {
        &self.input_shape
    }

    /// Values in one input: the product of the shape.
    pub fn input_len(&self) -> usize {
        self.input_len
    }

    /// Class names; a label is an index into them.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// Positions of the records that have left their source, ascending: of these only the class is
    /// known.
    pub fn absent(&self) -> &[usize] {
        &self.absent
    }

    /// Refuses a selection that holds an absent record.
    ///
    /// # Errors
    /// [`DatasetError::Absent`] names the first.
    pub fn check_present(&self, selection: &Selection) -> Result<(), DatasetError> {
        match self.absent.iter().find(|&&at| selection.contains(at)) {
            Some(&position) => Err(DatasetError::Absent { position }),
            None => Ok(()),
        }
    }

    /// All inputs, record-major: `len() * input_len()` values; zeros for absent records.
    pub fn inputs(&self) -> &[f32] {
        &self.inputs
    }

    /// All labels, each less than the number of classes.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The subject behind each record, where the source has them.
    pub fn subjects(&self) -> Option<&[String]> {
        self.subjects.as_deref()
    }

    /// Of a table, the line of every record in its file as it was read, 1-based and the header
    /// included; of files without lines the row, 1-based.
    pub fn lines(&self) -> Option<&[u64]> {
        self.lines.as_deref()
    }

    /// What was found in the table that the records are of: both parts of it together.
    pub fn table(&self) -> Option<&TableSummary> {
        self.table.as_deref()
    }

    /// The input of one record; `None` beyond the last, and of an absent one.
    pub fn input(&self, position: usize) -> Option<&[f32]> {
        if self.absent.binary_search(&position).is_ok() {
            return None;
        }
        let start = position.checked_mul(self.input_len)?;
        self.inputs.get(start..start.checked_add(self.input_len)?)
    }

    /// Whether [`Standardisation::apply`](crate::Standardisation::apply) has changed the values,
    /// so that they are no longer those a manifest identifies.
    pub fn is_standardised(&self) -> bool {
        self.standardised
    }

    /// Replaces the contents of `inputs` and `labels` by those of a minibatch, in the order given;
    /// the buffers keep their allocation from one batch to the next.
    ///
    /// # Errors
    /// [`DatasetError::OutOfRange`] for a position beyond the last record; [`DatasetError::Absent`].
    pub fn copy_batch(
        &self,
        positions: &[usize],
        inputs: &mut Vec<f32>,
        labels: &mut Vec<u32>,
    ) -> Result<(), DatasetError> {
        inputs.clear();
        labels.clear();
        for &position in positions {
            let Some(&label) = self.labels.get(position) else {
                return Err(DatasetError::OutOfRange {
                    position,
                    records: self.len(),
                });
            };
            let input = self.input(position);
            inputs.extend_from_slice(input.ok_or(DatasetError::Absent { position })?);
            labels.push(label);
        }
        Ok(())
    }

    /// The values, for standardisation to change in place; marks them as changed.
    pub(crate) fn standardise(&mut self) -> &mut [f32] {
        self.standardised = true;
        &mut self.inputs
    }
}

/// Position of the first value that is NaN or infinite. Whole blocks are looked at first, which
/// the compiler turns into vector instructions.
fn first_not_finite(values: &[f32]) -> Option<usize> {
    const BLOCK: usize = 1024;
    let finite = |block: &[f32]| block.iter().fold(true, |all, x| all & x.is_finite());
    let block = values.chunks(BLOCK).position(|block| !finite(block))?;
    let within = values[block * BLOCK..]
        .iter()
        .position(|x| !x.is_finite())?;
    Some(block * BLOCK + within)
}
