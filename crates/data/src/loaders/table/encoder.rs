//! How a cell becomes inputs.

use super::cell::{Cell, Misfit};
use crate::normal::normal;
use crate::table::{Encoding, Missing, scaled};
use std::collections::HashMap;

/// The inputs that a cell becomes.
pub(super) struct Encoder {
    pub encoding: Encoding,
    pub width: usize,
    column: blake3::Hasher,
    categories: HashMap<String, usize>,
    missing: Missing,
    decimal_comma: bool,
}

/// What an encoder met, besides writing its inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Met {
    Number(f32),
    Missing,
    Category,
    Other,
    /// The row is to be left out.
    DropRow,
}

impl Encoder {
    pub fn new(column: &str, encoding: Encoding, missing: Missing, decimal_comma: bool) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("rescind-data 2026 category v1");
        let column = normal(column);
        hasher.update(&(column.len() as u64).to_le_bytes());
        hasher.update(column.as_bytes());
        let mut categories = HashMap::new();
        let width = match &encoding {
            Encoding::Number | Encoding::Range { .. } => 1 + usize::from(missing == Missing::Mark),
            Encoding::Categories(values) => {
                categories = values.iter().map(|value| normal(value)).zip(0..).collect();
                values.len() + 1
            }
            Encoding::Hashed(buckets) => *buckets as usize + 1,
        };
        Self {
            encoding,
            width,
            column: hasher,
            categories,
            missing,
            decimal_comma,
        }
    }

    /// Appends the cell's inputs.
    pub fn encode(&self, cell: &Cell<'_>, inputs: &mut Vec<f32>) -> Result<Met, Misfit> {
        match &self.encoding {
            Encoding::Number => self.number(cell, |x| x, inputs),
            &Encoding::Range { low, high } => self.number(cell, |x| scaled(x, low, high), inputs),
            Encoding::Categories(values) => {
                // A category may be spelt as a missing value is.
                let named = match cell {
                    Cell::Text(text) => self.categories.get(&normal(text)).copied(),
                    _ => None,
                };
                let (at, met) = match named {
                    Some(at) => (at, Met::Category),
                    None => cell.text(|text| match text {
                        None => (values.len(), Met::Missing),
                        Some(text) => match self.categories.get(&normal(text)) {
                            Some(&at) => (at, Met::Category),
                            None => (values.len(), Met::Other),
                        },
                    })?,
                };
                one_of(at, self.width, inputs);
                Ok(met)
            }
            Encoding::Hashed(buckets) => {
                let bucket = cell.text(|text| text.map(|text| self.bucket(text, *buckets)))?;
                one_of(bucket.unwrap_or(self.width - 1), self.width, inputs);
                Ok(bucket.map_or(Met::Missing, |_| Met::Category))
            }
        }
    }

    fn number(
        &self,
        cell: &Cell<'_>,
        onto: impl Fn(f32) -> f32,
        inputs: &mut Vec<f32>,
    ) -> Result<Met, Misfit> {
        let number = cell.number(self.decimal_comma)?;
        let marked = self.missing == Missing::Mark;
        let value = match (number, self.missing) {
            (Some(number), _) => onto(number),
            (None, Missing::Refuse) => return Err(Misfit::Missing),
            (None, Missing::DropRow) => return Ok(Met::DropRow),
            (None, Missing::Mark) => 0.0,
            (None, Missing::Fill(number)) => onto(number),
        };
        if !value.is_finite() {
            return Err(Misfit::TooLarge);
        }
        inputs.push(value);
        if marked {
            inputs.push(f32::from(u8::from(number.is_none())));
        }
        Ok(number.map_or(Met::Missing, Met::Number))
    }

    /// The hash of a text in this column, however it is composed, as one of so many. The hash is of the column too, so that
    /// texts that share an input in one column do not in another.
    fn bucket(&self, text: &str, buckets: u32) -> usize {
        let mut hasher = self.column.clone();
        hasher.update(normal(text).as_bytes());
        let hash = hasher.finalize();
        let first = hash.as_bytes().iter().take(8);
        let number = first.fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
        (number % u64::from(buckets)) as usize
    }
}

fn one_of(at: usize, width: usize, inputs: &mut Vec<f32>) {
    inputs.extend((0..width).map(|i| f32::from(u8::from(i == at))));
}
