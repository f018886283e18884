//! Contradictions as they are found.

use std::fmt::Display;

/// One field that contradicts others.
#[derive(Debug, Clone, PartialEq)]
pub struct Contradiction {
    /// JSON pointer of the field.
    pub field: String,
    /// What it says.
    pub found: String,
    /// What would fit.
    pub expected: String,
    /// Why.
    pub why: String,
}

pub struct Collector(pub Vec<Contradiction>);

impl Collector {
    /// Collects a contradiction unless it holds.
    pub fn require(
        &mut self,
        holds: bool,
        field: impl Into<String>,
        found: impl Display,
        expected: impl Display,
        why: &str,
    ) {
        if !holds {
            self.0.push(Contradiction {
                field: field.into(),
                found: found.to_string(),
                expected: expected.to_string(),
                why: why.to_owned(),
            });
        }
    }
}
