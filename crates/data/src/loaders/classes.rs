//! The classes of records whose labels are texts or numbers: those declared, or those that the labels
//! have.

use crate::error::DataError;
use crate::normal::normal;
use std::collections::HashMap;
use std::path::Path;

/// More classes than this are a quantity or a name rather than classes, if they are numbers.
const MOST_NUMBERS: usize = 100;
/// The same of numbers that are not whole.
const MOST_FRACTIONS: usize = 20;

/// The classes met so far.
pub(super) struct Classes {
    names: Vec<String>,
    index: HashMap<String, u32>,
    declared: bool,
}

impl Classes {
    /// The classes declared, or none yet.
    pub fn new(declared: Option<&[String]>) -> Self {
        let names = declared.unwrap_or_default().to_vec();
        Self {
            index: names.iter().map(|name| class_name(name)).zip(0..).collect(),
            names,
            declared: declared.is_some(),
        }
    }

    /// Whether what often stands for a missing value is a class here: one that was declared, or,
    /// where none was, "none".
    pub fn may_be(&self, label: &str) -> bool {
        match self.declared {
            true => self.index.contains_key(&class_name(label)),
            false => label.eq_ignore_ascii_case("none"),
        }
    }

    /// The class of a label, and its name; `None` where others were declared.
    pub fn of(&mut self, label: &str) -> Option<(u32, &str)> {
        let name = class_name(label);
        let class = match (self.index.get(&name), self.declared) {
            (Some(&class), _) => class,
            (None, true) => return None,
            (None, false) => {
                let class = self.names.len() as u32;
                self.names.push(name.clone());
                self.index.insert(name, class);
                class
            }
        };
        Some((
            class,
            self.names.get(class as usize).map_or("", String::as_str),
        ))
    }

    /// The classes in order (of their numbers if all are, else of their bytes, unless they were
    /// declared), and for each class as met so far its place among them.
    pub fn settled(self) -> (Vec<String>, Vec<u32>) {
        let mut order: Vec<u32> = (0..self.names.len() as u32).collect();
        let name = |class: u32| &self.names[class as usize];
        if !self.declared {
            match self.numbers() {
                Some(numbers) => {
                    order.sort_by(|&a, &b| numbers[a as usize].total_cmp(&numbers[b as usize]))
                }
                None => order.sort_by_key(|&class| name(class)),
            }
        }
        let names = order.iter().map(|&class| name(class).clone()).collect();
        let mut place = vec![0; order.len()];
        for (at, &class) in (0..).zip(&order) {
            place[class as usize] = at;
        }
        (names, place)
    }

    fn numbers(&self) -> Option<Vec<f64>> {
        self.names.iter().map(|name| name.parse().ok()).collect()
    }

    /// Refuses a label column that does not hold classes.
    pub fn check(&self, path: &Path, column: &str, rows: usize) -> Result<(), DataError> {
        if self.declared {
            return Ok(());
        }
        let wrong = |problem| {
            Err(DataError::NoClasses {
                path: path.to_owned(),
                column: column.to_owned(),
                values: self.names.len(),
                rows,
                example: self.names.first().cloned().unwrap_or_default(),
                problem,
            })
        };
        let values = self.names.len();
        let numbers = self.numbers();
        let fractions = numbers
            .iter()
            .flatten()
            .any(|number| number.fract().abs() > 0.0);
        let quantity =
            numbers.is_some() && (values > MOST_NUMBERS || fractions && values > MOST_FRACTIONS);
        match values {
            1 => wrong(
                "there is nothing to tell apart; give another label column, or declare the classes",
            ),
            _ if quantity => wrong(
                "that is a quantity, and only classes can be learnt; give another label column, or put the \
                 numbers into a few classes",
            ),
            _ if rows >= 20 && 2 * values > rows => {
                wrong("that names rows rather than classes; give another label column")
            }
            _ => Ok(()),
        }
    }
}

/// The name of a class: a number as it is shortest, so that `0`, `0.0` and `00` are one class; a text in
/// Unicode's composed form.
fn class_name(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => written(number),
        _ => normal(text),
    }
}

/// A number as it is shortest.
pub(super) fn written(number: f64) -> String {
    // Whole numbers up to here are exact.
    if number.fract().abs() < f64::MIN_POSITIVE && number.abs() <= 9_007_199_254_740_992.0 {
        format!("{}", number as i64)
    } else {
        number.to_string()
    }
}
