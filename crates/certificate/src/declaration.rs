//! What a promise rests on that no program can check, and who vouches for it (docs/theory.md §0.2).

use rescind_privacy::sensitivity::{GuaranteeKind, Theorem};
use serde::{Deserialize, Serialize};

/// One thing taken on somebody's word.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// What is taken on their word.
    pub what: Declared,
    /// Who vouches for it; absent where nobody does, so that it is assumed.
    pub by: Option<String>,
}

/// What can be taken on somebody's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Declared {
    /// The centre of the ball, given as weights, does not depend on the records.
    PublicCentre,
    /// The constants that scale the inputs, given as numbers, do not depend on the records.
    InputScaling,
    /// The categories, ranges and replacements given for the columns of a table do not depend on the
    /// records.
    InputEncoding,
    /// The set of classes, read off the records, would have been the same without those forgotten.
    ClassesReadFromRecords,
    /// The weights were trained elsewhere. That they lie in the ball was checked; that retraining
    /// stays in it, and stops where the settings say, is declared.
    ImportedWeights,
    /// The model's own code computes losses, gradients and identities of the records that it is
    /// asked for, and of no others.
    OutsideModel,
}

impl Declared {
    /// Whether a promise by this theorem rests on it. Noise from a start that is projected by this
    /// program itself hides where any two trainings ended (docs/theory.md §4): how imported weights
    /// came about does not matter to it.
    pub(crate) fn matters_to(self, theorem: Theorem) -> bool {
        let any_start = matches!(
            theorem,
            Theorem::NoisyFineTuning | Theorem::OutputPerturbation
        );
        self != Self::ImportedWeights || !any_start
    }

    /// What is declared, to go on from "that".
    pub(crate) fn in_short(self) -> &'static str {
        match self {
            Self::PublicCentre => "the centre of the ball does not depend on the records",
            Self::InputScaling => {
                "the constants that scale the inputs do not depend on the records"
            }
            Self::InputEncoding => {
                "the categories, ranges and replacements that encode the table's columns do not \
                 depend on the records"
            }
            Self::ClassesReadFromRecords => {
                "the set of classes would be the same without the forgotten records"
            }
            Self::ImportedWeights => "the imported weights came from the training described",
            Self::OutsideModel => {
                "the model's own code computes correctly and looks at no other records than it is \
                 asked for, and no record went into what of it training leaves as it was"
            }
        }
    }
}

impl Declaration {
    /// The best kind that a promise by this theorem can be of.
    #[must_use]
    pub fn kind(&self, theorem: Theorem) -> GuaranteeKind {
        match (self.what.matters_to(theorem), &self.by) {
            (false, _) => GuaranteeKind::Proved,
            (true, Some(_)) => GuaranteeKind::Declared,
            (true, None) => GuaranteeKind::Assumed,
        }
    }
}

/// The weakest that declarations leave of a promise by this theorem.
pub(crate) fn weakest(declarations: &[Declaration], theorem: Theorem) -> GuaranteeKind {
    let kinds = declarations
        .iter()
        .map(|declaration| declaration.kind(theorem));
    kinds.max().unwrap_or(GuaranteeKind::Proved)
}
