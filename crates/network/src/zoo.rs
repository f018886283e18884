//! The networks of the literature, for any input shape and number of classes that fit.

use crate::description::{Layer, NetworkDescription, NodeDescription};
use crate::operations::Activation;
use crate::{NetworkError, Shape};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What stands between a layer and its activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// Nothing; the layers have biases instead.
    None,
    /// Group norm: nothing of one record reaches another (docs/theory.md §6). 32 groups on pictures, one on
    /// features (layer norm).
    Group,
    /// Batch norm.
    Batch,
}

impl FromStr for Norm {
    type Err = NetworkError;

    fn from_str(name: &str) -> Result<Self, NetworkError> {
        match name {
            "none" => Ok(Norm::None),
            "group" => Ok(Norm::Group),
            "batch" => Ok(Norm::Batch),
            _ => Err(NetworkError::UnknownName {
                what: "norm",
                found: name.to_owned(),
                known: "none, group, batch",
            }),
        }
    }
}

impl fmt::Display for Norm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Norm::None => "none",
            Norm::Group => "group",
            Norm::Batch => "batch",
        })
    }
}

/// Softmax regression: one linear layer. Parameters `linear.*`.
///
/// # Errors
/// [`NetworkError::Architecture`] for an input shape or a number of classes that is none.
pub fn logistic(input: &[usize], classes: usize) -> Result<NetworkDescription, NetworkError> {
    let mut plan = Plan::new("logistic", input, classes)?;
    let flat = plan.flatten("input");
    let output = plan.linear("linear", classes, flat);
    Ok(plan.finish(output))
}

/// A multilayer perceptron with the given hidden widths. Parameters as in a `Sequential` named
/// `layers`: `layers.0.*`, then an activation (and a norm before it), and so on.
///
/// ```
/// use rescind_network::{zoo, Activation, Network};
/// let network =
///     Network::new(zoo::mlp(&[1, 28, 28], &[32, 32], 10, Activation::Relu, zoo::Norm::None)?)?;
/// assert_eq!(network.parameter_count(), 26_506);
/// assert_eq!(network.parameters()[2].name, "layers.2.weight");
/// # Ok::<(), rescind_network::NetworkError>(())
/// ```
///
/// # Errors
/// As [`logistic`], and for a width of zero.
pub fn mlp(
    input: &[usize],
    hidden: &[usize],
    classes: usize,
    activation: Activation,
    norm: Norm,
) -> Result<NetworkDescription, NetworkError> {
    let mut plan = Plan::new("mlp", input, classes)?;
    let mut last = plan.flatten("input");
    let mut index = 0;
    for &width in hidden {
        if width == 0 {
            return Err(plan.refuse("a hidden width is 0; it must be positive".to_owned()));
        }
        last = plan.linear(&format!("layers.{index}"), width, last);
        index += 1;
        if norm != Norm::None {
            last = plan.norm(&format!("layers.{index}"), norm, width, last);
            index += 1;
        }
        last = plan.activation(&format!("layers.{index}"), activation, last);
        index += 1;
    }
    let output = plan.linear(&format!("layers.{index}"), classes, last);
    Ok(plan.finish(output))
}

/// The all-convolutional network (Springenberg et al. 2015) in the form that the unlearning
/// literature uses: eight convolutions of 96 and 192 filters, global average pooling, one linear
/// layer. Parameters `features.{0,1,2,4,5,6,8,9}.*` and `classifier.0.*`.
///
/// # Errors
/// As [`logistic`], and for an input that is not a picture.
pub fn allcnn(
    input: &[usize],
    classes: usize,
    activation: Activation,
    norm: Norm,
) -> Result<NetworkDescription, NetworkError> {
    let mut plan = Plan::new("allcnn", input, classes)?;
    plan.needs_picture()?;
    let mut last = "input".to_owned();
    // Place in PyTorch's Sequential, filters, kernel, stride.
    let layers = [
        (0, 96, 3, 1),
        (1, 96, 3, 1),
        (2, 192, 3, 2),
        (4, 192, 3, 1),
        (5, 192, 3, 1),
        (6, 192, 3, 2),
        (8, 192, 3, 1),
        (9, 192, 1, 1),
    ];
    for (place, filters, kernel, stride) in layers {
        let name = format!("features.{place}");
        last = plan.convolution(&format!("{name}.0"), filters, kernel, stride, norm, last);
        let mut next = 1;
        if norm != Norm::None {
            last = plan.norm(&format!("{name}.1"), norm, filters, last);
            next = 2;
        }
        last = plan.activation(&format!("{name}.{next}"), activation, last);
    }
    let pooled = plan.node("features.10", Layer::GlobalAvgPool, &[last]);
    let output = plan.linear("classifier.0", classes, pooled);
    Ok(plan.finish(output))
}

/// ResNet-18 with pre-activation blocks and a 3×3 stem for small pictures (He et al. 2016).
/// Parameters `conv1.*`, `bn1.*`, `layer1.0.{bn1,conv1,bn2,conv2,shortcut.0}.*`, …, `linear.*`.
///
/// # Errors
/// As [`allcnn`].
pub fn resnet18(
    input: &[usize],
    classes: usize,
    activation: Activation,
    norm: Norm,
) -> Result<NetworkDescription, NetworkError> {
    let mut plan = Plan::new("resnet18", input, classes)?;
    plan.needs_picture()?;
    let stem = plan.convolution("conv1", 64, 3, 1, norm, "input".to_owned());
    let mut last = plan.norm_activation("bn1", "relu1", norm, activation, 64, stem);
    let mut channels = 64;
    for (stage, filters) in [64, 128, 256, 512].into_iter().enumerate() {
        for block in 0..2 {
            let name = format!("layer{}.{block}", stage + 1);
            let at = |part: &str| format!("{name}.{part}");
            let stride = if block == 0 && stage > 0 { 2 } else { 1 };
            let (bn1, relu1) = (at("bn1"), at("relu1"));
            let bent = plan.norm_activation(&bn1, &relu1, norm, activation, channels, last.clone());
            let conv1 = plan.convolution(&at("conv1"), filters, 3, stride, norm, bent.clone());
            let (bn2, relu2) = (at("bn2"), at("relu2"));
            let middle = plan.norm_activation(&bn2, &relu2, norm, activation, filters, conv1);
            let conv2 = plan.convolution(&at("conv2"), filters, 3, 1, norm, middle);
            let shortcut = if stride != 1 || channels != filters {
                plan.convolution(&at("shortcut.0"), filters, 1, stride, norm, bent)
            } else {
                last
            };
            last = plan.node(&at("sum"), Layer::Add, &[conv2, shortcut]);
            channels = filters;
        }
    }
    let pooled = plan.node("pool", Layer::GlobalAvgPool, &[last]);
    let output = plan.linear("linear", classes, pooled);
    Ok(plan.finish(output))
}

/// ResNet-18 as torchvision has it, for large pictures: a 7×7 stem of stride 2 and a max-pool, norms
/// after convolutions. Parameters `conv1.*`, `bn1.*`,
/// `layer1.0.{conv1,bn1,conv2,bn2,downsample.0,downsample.1}.*`, …, `fc.*`.
///
/// # Errors
/// As [`allcnn`].
pub fn torchvision_resnet18(
    input: &[usize],
    classes: usize,
    activation: Activation,
    norm: Norm,
) -> Result<NetworkDescription, NetworkError> {
    let mut plan = Plan::new("torchvision-resnet18", input, classes)?;
    plan.needs_picture()?;
    let stem = plan.convolution("conv1", 64, 7, 2, norm, "input".to_owned());
    let stem = plan.norm_activation("bn1", "relu", norm, activation, 64, stem);
    let pool = Layer::MaxPool {
        kernel: [3; 2],
        stride: [2; 2],
        padding: [1; 2],
    };
    let mut last = plan.node("maxpool", pool, &[stem]);
    let mut channels = 64;
    for (stage, filters) in [64, 128, 256, 512].into_iter().enumerate() {
        for block in 0..2 {
            let name = format!("layer{}.{block}", stage + 1);
            let at = |part: &str| format!("{name}.{part}");
            let stride = if block == 0 && stage > 0 { 2 } else { 1 };
            let conv1 = plan.convolution(&at("conv1"), filters, 3, stride, norm, last.clone());
            let (bn1, relu1) = (at("bn1"), at("relu1"));
            let middle = plan.norm_activation(&bn1, &relu1, norm, activation, filters, conv1);
            let conv2 = plan.convolution(&at("conv2"), filters, 3, 1, norm, middle);
            let normed = plan.norm(&at("bn2"), norm, filters, conv2);
            let shortcut = if stride != 1 || channels != filters {
                let down = at("downsample.0");
                let down = plan.convolution(&down, filters, 1, stride, norm, last);
                plan.norm(&at("downsample.1"), norm, filters, down)
            } else {
                last
            };
            let sum = plan.node(&at("sum"), Layer::Add, &[normed, shortcut]);
            last = plan.activation(&at("relu2"), activation, sum);
            channels = filters;
        }
    }
    let pooled = plan.node("avgpool", Layer::GlobalAvgPool, &[last]);
    let output = plan.linear("fc", classes, pooled);
    Ok(plan.finish(output))
}

/// Nodes as they are added; each method returns the new node's name.
struct Plan {
    architecture: &'static str,
    input: Shape,
    nodes: Vec<NodeDescription>,
}

impl Plan {
    fn new(
        architecture: &'static str,
        input: &[usize],
        classes: usize,
    ) -> Result<Self, NetworkError> {
        let refuse = |reason| NetworkError::Architecture {
            architecture,
            reason,
        };
        let shape = Shape::from_dims(input).ok_or_else(|| {
            refuse(format!(
                "the input shape {input:?} is not [features] or [channels, height, width]"
            ))
        })?;
        if classes == 0 {
            return Err(refuse("0 classes; there must be at least one".to_owned()));
        }
        Ok(Plan {
            architecture,
            input: shape,
            nodes: Vec::new(),
        })
    }

    fn refuse(&self, reason: String) -> NetworkError {
        NetworkError::Architecture {
            architecture: self.architecture,
            reason,
        }
    }

    fn needs_picture(&self) -> Result<(), NetworkError> {
        match self.input {
            Shape::Image { .. } => Ok(()),
            Shape::Features(n) => Err(self.refuse(format!(
                "it takes pictures, [channels, height, width], found {n} features (try mlp)"
            ))),
        }
    }

    fn node(&mut self, name: &str, layer: Layer, inputs: &[String]) -> String {
        self.nodes.push(NodeDescription {
            name: name.to_owned(),
            layer,
            inputs: inputs.to_vec(),
        });
        name.to_owned()
    }

    fn flatten(&mut self, from: &str) -> String {
        match self.input {
            Shape::Features(_) => from.to_owned(),
            Shape::Image { .. } => self.node("flatten", Layer::Flatten, &[from.to_owned()]),
        }
    }

    fn linear(&mut self, name: &str, outputs: usize, from: String) -> String {
        self.node(
            name,
            Layer::Linear {
                outputs,
                bias: true,
            },
            &[from],
        )
    }

    /// Half-padded; with a bias only where no norm follows to cancel it.
    fn convolution(
        &mut self,
        name: &str,
        filters: usize,
        kernel: usize,
        stride: usize,
        norm: Norm,
        from: String,
    ) -> String {
        let layer = Layer::Conv2d {
            filters,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [kernel / 2; 2],
            groups: 1,
            bias: norm == Norm::None,
        };
        self.node(name, layer, &[from])
    }

    fn norm(&mut self, name: &str, norm: Norm, channels: usize, from: String) -> String {
        let layer = match norm {
            Norm::None => return from,
            Norm::Batch => Layer::BatchNorm { epsilon: 1e-5 },
            Norm::Group => Layer::GroupNorm {
                groups: self.groups(channels),
                epsilon: 1e-5,
            },
        };
        self.node(name, layer, &[from])
    }

    /// On pictures the usual 32 groups, or the most that divide the channels. On features a group
    /// has no positions to average over, and a small one would lose what it carries: one group.
    fn groups(&self, channels: usize) -> usize {
        match self.architecture {
            "mlp" => 1,
            _ => (1..=32)
                .rev()
                .find(|&g| channels.is_multiple_of(g))
                .unwrap_or(1),
        }
    }

    fn activation(&mut self, name: &str, function: Activation, from: String) -> String {
        self.node(name, Layer::Activation { function }, &[from])
    }

    fn norm_activation(
        &mut self,
        norm_name: &str,
        activation_name: &str,
        norm: Norm,
        function: Activation,
        channels: usize,
        from: String,
    ) -> String {
        let normed = self.norm(norm_name, norm, channels, from);
        self.activation(activation_name, function, normed)
    }

    fn finish(self, output: String) -> NetworkDescription {
        NetworkDescription {
            input: self.input,
            nodes: self.nodes,
            output,
        }
    }
}
