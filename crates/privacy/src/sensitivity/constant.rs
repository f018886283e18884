//! One input of a bound, with its history.

use serde::{Deserialize, Serialize};

use super::provenance::Provenance;
use super::symbol::Symbol;
use crate::error::{PrivacyError, require};

/// A constant a bound was computed from: its value, where that came from, and how it was obtained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Record", into = "Record")]
pub struct Constant {
    symbol: Symbol,
    value: f64,
    provenance: Provenance,
    how: String,
}

/// A constant as written in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    symbol: Symbol,
    value: f64,
    provenance: Provenance,
    how: String,
}

impl Constant {
    /// A constant with its history; `how` is a phrase an auditor can check, such as
    /// "full gradient over 59 000 records in f64".
    ///
    /// # Errors
    /// [`PrivacyError::OutOfRange`] for a value that is not finite, or is negative (only
    /// [`Symbol::LeastEigenvalue`] may be), and for a failure probability outside (0, 1);
    /// [`PrivacyError::BadConstant`] if `how` says nothing.
    pub fn new(
        symbol: Symbol,
        value: f64,
        provenance: Provenance,
        how: impl Into<String>,
    ) -> Result<Self, PrivacyError> {
        let how = how.into();
        let (valid, expected) = if symbol.may_be_negative() {
            (value.is_finite(), "a finite number")
        } else {
            (
                value.is_finite() && value >= 0.0,
                "a finite number, at least 0",
            )
        };
        let advice = "find out how it was computed: no bound can be built on it";
        require(valid, symbol.as_str(), value, expected, advice)?;
        if let Provenance::Probabilistic {
            failure_probability: failure,
        } = provenance
        {
            require(
                failure > 0.0 && failure < 1.0,
                "the failure probability of a constant",
                failure,
                "above 0 and below 1",
                "a constant that cannot fail is measured or proved",
            )?;
        }
        if how.trim().is_empty() {
            return Err(PrivacyError::BadConstant {
                symbol: symbol.as_str(),
                field: "how",
                found: how,
                advice: "say how the value was obtained, so that somebody can check it",
            });
        }
        Ok(Self {
            symbol,
            value,
            provenance,
            how,
        })
    }

    /// Which constant this is.
    #[must_use]
    pub fn symbol(&self) -> Symbol {
        self.symbol
    }

    /// Its value.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value
    }

    /// Where the value came from.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        self.provenance
    }

    /// How the value was obtained, in words.
    #[must_use]
    pub fn how(&self) -> &str {
        &self.how
    }
}

impl TryFrom<Record> for Constant {
    type Error = PrivacyError;

    fn try_from(record: Record) -> Result<Self, PrivacyError> {
        Self::new(record.symbol, record.value, record.provenance, record.how)
    }
}

impl From<Constant> for Record {
    fn from(constant: Constant) -> Self {
        Self {
            symbol: constant.symbol,
            value: constant.value,
            provenance: constant.provenance,
            how: constant.how,
        }
    }
}
