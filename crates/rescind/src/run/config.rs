//! What a run is, written once.

use crate::Error;
use crate::training::TrainingSettings;
use rescind_data::{DataSource, Dataset, Selection, Standardisation};
use rescind_network::{Activation, NetworkDescription, zoo};
use serde::{Deserialize, Serialize};

/// Everything that decides a training, so that retraining can repeat it. Nothing in it may have
/// been chosen by looking at the records (THEORY §6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Where the records come from.
    pub data: DataSource,
    /// The network.
    pub model: ModelChoice,
    /// How inputs are scaled.
    pub scaling: Scaling,
    /// How to train.
    pub training: TrainingSettings,
    /// What the weights are weights of; `full` if absent.
    #[serde(default)]
    pub parameterisation: Parameterisation,
    /// Whether somebody vouches that a centre given by the user is independent of the records.
    /// Convex models need that, or a centre that the run draws itself.
    #[serde(default)]
    pub centre_declared_public: bool,
    /// R: all weights stay within this distance of the centre (THEORY §0). A convex model's follows
    /// from its penalty, and replaces what is given here.
    pub radius: f64,
    /// Keep the private weights from before each request, so that a model can be compared with
    /// what it was. Without it they are removed once a request is done.
    pub keep_iterates: bool,
}

impl Default for RunConfig {
    /// The digits, an MLP of widths 32 and 32, inputs as they are, default training, R = 20,
    /// iterates kept.
    fn default() -> Self {
        RunConfig {
            data: DataSource::Digits,
            model: ModelChoice::default(),
            scaling: Scaling::None,
            training: TrainingSettings::default(),
            parameterisation: Parameterisation::Full,
            centre_declared_public: false,
            radius: 20.0,
            keep_iterates: true,
        }
    }
}

/// How outputs depend on the weights that are trained (THEORY §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parameterisation {
    /// As the network says.
    #[default]
    Full,
    /// Linearly: the network is linearised at the ball's centre, `z = J_f(x; c)(w − c)`. The loss
    /// is convex in all weights.
    Tangent,
    /// As the network says, but only its last linear layer is trained, from zero; all other weights
    /// stay at the ball's centre. The loss is convex in those that move.
    Head,
}

impl Parameterisation {
    /// Whether the penalised loss is strongly convex, so that guarantees can be proved.
    pub fn is_convex(self) -> bool {
        self != Parameterisation::Full
    }
}

/// A network of the zoo, or one written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ModelChoice {
    /// Softmax regression.
    Logistic,
    /// A multilayer perceptron.
    Mlp {
        /// Hidden widths.
        hidden: Vec<usize>,
        /// Activation.
        activation: Activation,
        /// Norm before each activation.
        norm: zoo::Norm,
    },
    /// The all-convolutional network.
    Allcnn {
        /// Activation.
        activation: Activation,
        /// Norm before each activation.
        norm: zoo::Norm,
    },
    /// ResNet-18.
    Resnet18 {
        /// Activation.
        activation: Activation,
        /// Norm before each activation.
        norm: zoo::Norm,
    },
    /// Any graph of layers.
    Description {
        /// The graph.
        network: NetworkDescription,
    },
}

impl Default for ModelChoice {
    /// An MLP of widths 32 and 32 with ReLU.
    fn default() -> Self {
        let (activation, norm) = (Activation::Relu, zoo::Norm::None);
        ModelChoice::Mlp {
            hidden: vec![32, 32],
            activation,
            norm,
        }
    }
}

impl ModelChoice {
    /// The network for records like these.
    ///
    /// # Errors
    /// An architecture that does not fit the records' shape.
    pub fn describe(&self, dataset: &Dataset) -> Result<NetworkDescription, Error> {
        let (shape, classes) = (dataset.input_shape(), dataset.class_names().len());
        Ok(match self {
            ModelChoice::Logistic => zoo::logistic(shape, classes)?,
            ModelChoice::Mlp {
                hidden,
                activation,
                norm,
            } => zoo::mlp(shape, hidden, classes, *activation, *norm)?,
            ModelChoice::Allcnn { activation, norm } => {
                zoo::allcnn(shape, classes, *activation, *norm)?
            }
            ModelChoice::Resnet18 { activation, norm } => {
                zoo::resnet18(shape, classes, *activation, *norm)?
            }
            ModelChoice::Description { network } => network.clone(),
        })
    }
}

/// How inputs are scaled before the network sees them (THEORY §6).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Scaling {
    /// Not at all.
    #[default]
    None,
    /// By the constants customary for the data source.
    Fixed,
    /// By constants the user vouches for.
    Supplied {
        /// One mean per channel or column.
        mean: Vec<f32>,
        /// One standard deviation per channel or column.
        std: Vec<f32>,
    },
    /// By mean and standard deviation of the records trained on; computed afresh on those that
    /// stay at every request.
    Computed,
}

impl Scaling {
    /// The constants for a dataset of which `retained` is trained on.
    ///
    /// # Errors
    /// Constants that do not fit, or [`Scaling::Fixed`] for a source without customary ones.
    pub fn constants(
        &self,
        source: &DataSource,
        dataset: &Dataset,
        retained: &Selection,
    ) -> Result<Standardisation, Error> {
        Ok(match self {
            Scaling::None => Standardisation::none(dataset),
            Scaling::Fixed => {
                Standardisation::fixed(source, dataset).ok_or_else(|| Error::Setting {
                    setting: "the scaling of inputs",
                    found: format!("fixed, for {source}"),
                    expected: "none, supplied or computed: nothing is known about these columns",
                })?
            }
            Scaling::Supplied { mean, std } => {
                Standardisation::supplied(mean.clone(), std.clone())?
            }
            Scaling::Computed => Standardisation::computed_on(dataset, retained)?,
        })
    }
}
