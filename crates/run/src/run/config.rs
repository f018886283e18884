//! What a run is, written once.

use rescind_data::DataSource;
use rescind_network::Loss;
use rescind_unlearn::training::TrainingSettings;
use rescind_unlearn::{ModelChoice, Parameterisation, Scaling};
use serde::{Deserialize, Serialize};

/// Everything that decides the training of a network, so that retraining can repeat it. Nothing in
/// it may have been chosen by looking at the records (docs/theory.md §6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Where the records come from.
    pub data: DataSource,
    /// The classes, in the order of the network's outputs, declared before any record is looked at.
    /// Absent: those published with the data set or, of a source that publishes none, those that its
    /// records happen to have, which promises then take for granted (docs/theory.md §0.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
    /// The network.
    pub model: ModelChoice,
    /// How inputs are scaled.
    pub scaling: Scaling,
    /// How to train.
    pub training: TrainingSettings,
    /// What the weights are weights of; `full` if absent.
    #[serde(default)]
    pub parameterisation: Parameterisation,
    /// The loss of its outputs; softmax cross-entropy if absent. Squared error, of targets 1 for a
    /// record's class and 0 for the others, is for convex models.
    #[serde(default)]
    pub loss: Loss,
    /// Who vouches for what no program can check, of 1 to 100 characters: that a centre given as
    /// weights does not depend on the records (needed wherever one is given), nor given constants
    /// of scaling; that imported weights were trained as `training` says. The certificate names
    /// them (docs/theory.md §0.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_by: Option<String>,
    /// R: all weights stay within this distance of the centre (docs/theory.md §0). Absent: 20, or as
    /// much more as the network's starting weights need; a convex model's follows from its penalty,
    /// and replaces what is given here. A run that was made has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radius: Option<f64>,
    /// Keep the private weights from before the first request, so that the model can be compared with
    /// what it was, and those of each release and from before it, so that it can be audited. Without
    /// it they are removed once a request is done.
    pub keep_iterates: bool,
}

impl Default for RunConfig {
    /// The digits, an MLP of widths 32 and 32, inputs as they are, default training,
    /// iterates kept.
    fn default() -> Self {
        RunConfig {
            data: DataSource::Digits,
            classes: None,
            model: ModelChoice::default(),
            scaling: Scaling::None,
            training: TrainingSettings::default(),
            parameterisation: Parameterisation::Full,
            loss: Loss::default(),
            declared_by: None,
            radius: None,
            keep_iterates: true,
        }
    }
}

/// What the run of an outside model is: how it trains, and where its weights stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSettings {
    /// How to train.
    pub training: TrainingSettings,
    /// R, as in [`RunConfig`].
    pub radius: f64,
    /// As in [`RunConfig`].
    pub keep_iterates: bool,
    /// As in [`RunConfig`]; for an outside model also who vouches for its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_by: Option<String>,
}

impl Default for RunSettings {
    /// Default training, R = 20, iterates not kept, nobody who vouches.
    fn default() -> Self {
        RunSettings {
            training: TrainingSettings::default(),
            radius: 20.0,
            keep_iterates: false,
            declared_by: None,
        }
    }
}

impl RunConfig {
    /// What every run has.
    pub(crate) fn settings(&self) -> RunSettings {
        RunSettings {
            training: self.training.clone(),
            radius: self.radius.unwrap_or(RunSettings::default().radius),
            keep_iterates: self.keep_iterates,
            declared_by: self.declared_by.clone(),
        }
    }
}

/// The content of `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    pub format: u32,
    /// Whether the ball's centre is in `centre.safetensors` rather than zero.
    pub centred: bool,
    /// The seed from which the model's description draws the centre, where the run drew it.
    pub centre_seed: Option<u64>,
    #[serde(flatten)]
    pub origin: Origin,
}

/// Whose model it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    /// A network that this program builds.
    Config(Box<RunConfig>),
    /// A model that the caller brings.
    Outside(RunSettings),
}

impl Origin {
    pub fn settings(&self) -> RunSettings {
        match self {
            Self::Config(config) => config.settings(),
            Self::Outside(settings) => settings.clone(),
        }
    }
}
