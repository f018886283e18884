//! Where a constant came from, and what that makes of a guarantee (docs/theory.md §0.2).

use serde::{Deserialize, Serialize};

/// Where the value of a constant came from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Provenance {
    /// Follows from the algorithm as it was run: a setting, a projection, a clipping.
    Proved,
    /// Computed from this model and these records. Noise set from it depends on the records too:
    /// strictly, both parties must hold to a value declared beforehand that this one stays below.
    Measured,
    /// Computed by a method that is wrong with a known probability.
    Probabilistic {
        /// That probability, above 0 and below 1; it is added to δ.
        failure_probability: f64,
    },
    /// Computed by a method whose error nobody bounds.
    Estimated,
    /// Taken for granted; nobody checks it.
    Assumed,
}

/// What a guarantee rests on: the weakest of its constants' provenances and of what is taken on
/// somebody's word, from strongest (least) to weakest (greatest).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuaranteeKind {
    /// Everything follows from the algorithm.
    Proved,
    /// Some constant was computed from the model and its records.
    Measured,
    /// Some constant may be wrong, with a known probability that δ includes.
    Probabilistic,
    /// Somebody who is named vouches for something that the promise rests on beside its constants.
    Declared,
    /// Some constant is an estimate: evidence, not a guarantee.
    Estimated,
    /// Some constant is assumed: the guarantee holds if the assumption does.
    Assumed,
}

impl Provenance {
    /// The kind of guarantee a constant of this provenance can at best support.
    #[must_use]
    pub fn kind(self) -> GuaranteeKind {
        match self {
            Self::Proved => GuaranteeKind::Proved,
            Self::Measured => GuaranteeKind::Measured,
            Self::Probabilistic { .. } => GuaranteeKind::Probabilistic,
            Self::Estimated => GuaranteeKind::Estimated,
            Self::Assumed => GuaranteeKind::Assumed,
        }
    }

    /// The probability that the constant is wrong and nobody would know; 0 unless probabilistic.
    #[must_use]
    pub fn failure_probability(self) -> f64 {
        match self {
            Self::Probabilistic {
                failure_probability,
            } => failure_probability,
            _ => 0.0,
        }
    }
}

impl std::fmt::Display for GuaranteeKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Proved => "proved",
            Self::Measured => "measured",
            Self::Probabilistic => "probabilistic",
            Self::Declared => "declared",
            Self::Estimated => "estimated",
            Self::Assumed => "assumed",
        })
    }
}
