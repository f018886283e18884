//! What networks, and what scaling of inputs, there are to choose from.

use crate::error::Error;
use rescind_data::{DataSource, Dataset, Selection, Standardisation};
use rescind_network::{Activation, NetworkDescription, zoo};
use serde::{Deserialize, Serialize};

/// How outputs depend on the weights that are trained (docs/theory.md §3).
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
    /// Its name in descriptions.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Full => "network",
            Self::Tangent => "tangent",
            Self::Head => "head",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn of_kind(kind: &str) -> Option<Self> {
        let all = [Self::Full, Self::Tangent, Self::Head];
        all.into_iter().find(|own| own.kind() == kind)
    }

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
    /// ResNet-18 as torchvision has it.
    TorchvisionResnet18 {
        /// Activation.
        activation: Activation,
        /// Norm after each convolution.
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
            ModelChoice::TorchvisionResnet18 { activation, norm } => {
                zoo::torchvision_resnet18(shape, classes, *activation, *norm)?
            }
            ModelChoice::Description { network } => network.clone(),
        })
    }
}

/// How inputs are scaled before the network sees them (docs/theory.md §6).
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
