//! What a promise takes for granted, by name.

use super::declaration::Declared;
use rescind_privacy::sensitivity::Symbol;
use serde::{Deserialize, Serialize};

/// One assumption; its sentence is made when it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assumption {
    /// Its name.
    pub name: AssumptionName,
    /// The constants of the binding bound that it is about, where it is about some.
    pub constants: Vec<Symbol>,
}

/// The name of an assumption; `docs/guarantees.md` explains each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssumptionName {
    /// What the release is compared with.
    Reference,
    /// It speaks of one release.
    LaterReleases,
    /// Earlier releases held the records.
    EarlierReleases,
    /// The choice of records is not protected.
    ChoiceOfRecords,
    /// Copies among the retained records.
    Copies,
    /// Un-noised files stay private.
    PrivateState,
    /// The run was not copied, nor an older copy put in its place.
    RunNotCopied,
    /// Settings were not tuned on forgotten records.
    SettingsNotTuned,
    /// Each record was made without the others.
    RecordsMadeAlone,
    /// The centre given does not depend on the records.
    PublicCentre,
    /// The constants given that scale the inputs do not depend on the records.
    InputScalingGiven,
    /// The encoding given for the columns of a table does not depend on the records.
    InputEncodingGiven,
    /// The set of classes was read off the records.
    ClassesReadFromRecords,
    /// The weights were trained elsewhere.
    ImportedWeights,
    /// The model's own code keeps to the records it is asked for.
    OutsideModel,
    /// Some constants are assumed.
    AssumedConstants,
    /// Some constants are estimates.
    EstimatedConstants,
    /// Some constants may be wrong with a known probability.
    ProbabilisticConstants,
    /// σ was computed from the records.
    NoiseDependsOnRecords,
    /// ε was computed from the records.
    EpsilonDependsOnRecords,
    /// Constants quoted here carry no noise.
    QuotedMeasurements,
    /// The Hessian has no Lipschitz constant.
    HessianNotLipschitz,
    /// Batch-norm statistics carry no noise.
    BatchNormStatistics,
    /// Constants that scale the inputs carry no noise.
    InputScaling,
    /// The noise comes from a cryptographic generator.
    NoiseGenerator,
    /// Noise is computed with finite precision.
    FloatingPoint,
    /// What rounding did to a gradient that a proof rests on is in part an estimate.
    GradientRounding,
    /// The noise is repeatable.
    InsecureNoise,
    /// ε is too large to protect anybody.
    VacuousEpsilon,
    /// δ is too large to protect anybody.
    LargeDelta,
}

impl AssumptionName {
    /// Whether every promise takes it for granted, whatever the run, its model and its method.
    #[must_use]
    pub fn is_usual(self) -> bool {
        matches!(
            self,
            Self::Reference
                | Self::SettingsNotTuned
                | Self::RecordsMadeAlone
                | Self::Copies
                | Self::LaterReleases
                | Self::ChoiceOfRecords
                | Self::PrivateState
                | Self::RunNotCopied
                | Self::NoiseGenerator
                | Self::FloatingPoint
        )
    }

    /// What is declared, where it is that.
    pub(crate) fn declared(self) -> Option<Declared> {
        match self {
            Self::PublicCentre => Some(Declared::PublicCentre),
            Self::InputScalingGiven => Some(Declared::InputScaling),
            Self::InputEncodingGiven => Some(Declared::InputEncoding),
            Self::ClassesReadFromRecords => Some(Declared::ClassesReadFromRecords),
            Self::ImportedWeights => Some(Declared::ImportedWeights),
            Self::OutsideModel => Some(Declared::OutsideModel),
            _ => None,
        }
    }
}
