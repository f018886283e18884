//! A theorem applied to constants.

use serde::{Deserialize, Serialize};

use super::constant::Constant;
use super::provenance::GuaranteeKind;
use super::theorem::Theorem;
use crate::error::PrivacyError;
use crate::quantity::Sensitivity;
use crate::rounding;

/// A bound on a sensitivity that is what its constants give.
///
/// The value is computed in f64 and then raised by a relative 2⁻⁴⁸, more than all roundings on
/// the way, by operations that give the same bits on every machine: a verifier compares exactly.
///
/// ```
/// use rescind_privacy::sensitivity::{Constant, Provenance, SensitivityBound, Symbol, Theorem};
///
/// let radius = Constant::new(
///     Symbol::BallRadius,
///     20.0,
///     Provenance::Proved,
///     "training projects after every step",
/// )?;
/// let bound = SensitivityBound::new(Theorem::BallDiameter, vec![radius])?;
/// assert!(bound.value().value() >= 40.0 && bound.value().value() < 40.000_000_1);
/// # Ok::<(), rescind_privacy::PrivacyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Record", into = "Record")]
pub struct SensitivityBound {
    theorem: Theorem,
    constants: Vec<Constant>,
    value: Sensitivity,
}

/// As written in a file, where it may be wrong.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    theorem: Theorem,
    constants: Vec<Constant>,
    value: f64,
}

impl SensitivityBound {
    /// Applies a theorem to its constants, given in any order.
    ///
    /// # Errors
    /// [`PrivacyError::WrongConstants`] unless each of [`Theorem::symbols`] is given exactly once;
    /// [`PrivacyError::OutOfRange`] if a condition of the theorem fails, such as `λ + λ_min > 0`,
    /// or the bound is too large to be one.
    pub fn new(theorem: Theorem, constants: Vec<Constant>) -> Result<Self, PrivacyError> {
        let value = theorem.evaluate(&constants)?;
        Ok(Self {
            theorem,
            constants,
            value,
        })
    }

    /// The theorem.
    #[must_use]
    pub fn theorem(&self) -> Theorem {
        self.theorem
    }

    /// Everything it was computed from.
    #[must_use]
    pub fn constants(&self) -> &[Constant] {
        &self.constants
    }

    /// The bound.
    #[must_use]
    pub fn value(&self) -> Sensitivity {
        self.value
    }

    /// What a guarantee built on this bound rests on: its weakest constant.
    #[must_use]
    pub fn kind(&self) -> GuaranteeKind {
        let kinds = self
            .constants
            .iter()
            .map(|constant| constant.provenance().kind());
        kinds.max().unwrap_or(GuaranteeKind::Proved)
    }

    /// The probability that one of the constants is wrong, to be added to δ: their sum, rounded up.
    #[must_use]
    pub fn failure_probability(&self) -> f64 {
        let failures = self.constants.iter().map(|constant| constant.provenance());
        rounding::up(
            failures
                .map(|provenance| provenance.failure_probability())
                .sum(),
        )
    }
}

impl TryFrom<Record> for SensitivityBound {
    type Error = PrivacyError;

    fn try_from(stated: Record) -> Result<Self, PrivacyError> {
        let bound = Self::new(stated.theorem, stated.constants)?;
        if bound.value.value().to_bits() == stated.value.to_bits() {
            Ok(bound)
        } else {
            Err(PrivacyError::Misstated {
                what: "the sensitivity bound",
                stated: format!("{:?}", stated.value),
                recomputed: format!("{:?}", bound.value.value()),
            })
        }
    }
}

impl From<SensitivityBound> for Record {
    fn from(bound: SensitivityBound) -> Self {
        Self {
            theorem: bound.theorem,
            constants: bound.constants,
            value: bound.value.value(),
        }
    }
}
