//! A network written down: nodes, each a layer and where its input comes from.

use crate::Shape;
use crate::operations::Activation;
use serde::{Deserialize, Serialize};

/// A network as data: serialisable, not yet checked. [`Network::new`](crate::Network::new) checks.
///
/// ```
/// # use rescind_network::{NetworkDescription, Network};
/// let description: NetworkDescription = serde_json::from_str(r#"{
///     "input": [1, 8, 8],
///     "nodes": [
///         {"name": "flat",   "layer": {"kind": "flatten"}, "inputs": ["input"]},
///         {"name": "hidden", "layer": {"kind": "linear", "outputs": 16}, "inputs": ["flat"]},
///         {"name": "bend",   "layer": {"kind": "activation", "function": "tanh"}, "inputs": ["hidden"]},
///         {"name": "logits", "layer": {"kind": "linear", "outputs": 10}, "inputs": ["bend"]}
///     ],
///     "output": "logits"
/// }"#)?;
/// assert_eq!(Network::new(description)?.parameter_count(), 64 * 16 + 16 + 16 * 10 + 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkDescription {
    /// Shape of one record.
    pub input: Shape,
    /// The layers. Their order is the order of their parameters in the flat vector; it need not be
    /// the order of computation.
    pub nodes: Vec<NodeDescription>,
    /// The node whose output is the network's.
    pub output: String,
}

/// One layer of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeDescription {
    /// Unique name; also the prefix of its parameters' names (`conv1` has `conv1.weight`).
    pub name: String,
    /// What it computes.
    pub layer: Layer,
    /// Names of the nodes it takes its input from; `"input"` is the record.
    pub inputs: Vec<String>,
}

/// What a node computes. The number of input channels or features follows from its input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Layer {
    /// Fully connected, on features (PyTorch's `Linear`).
    Linear {
        /// Output features.
        outputs: usize,
        /// Whether a bias is added.
        #[serde(default = "yes")]
        bias: bool,
    },
    /// Convolution of a picture (PyTorch's `Conv2d`).
    Conv2d {
        /// Output channels.
        filters: usize,
        /// Kernel height and width.
        kernel: [usize; 2],
        /// Step between outputs.
        #[serde(default = "ones")]
        stride: [usize; 2],
        /// Zeros added on each side.
        #[serde(default)]
        padding: [usize; 2],
        /// Groups of channels that do not mix.
        #[serde(default = "one")]
        groups: usize,
        /// Whether a bias is added.
        #[serde(default = "yes")]
        bias: bool,
    },
    /// Element-wise nonlinearity.
    Activation {
        /// Which.
        function: Activation,
    },
    /// Batch norm over channels (`BatchNorm2d`, `BatchNorm1d`): batch statistics in training, frozen
    /// ones everywhere else.
    BatchNorm {
        /// Added to the variance.
        #[serde(default = "epsilon")]
        epsilon: f64,
    },
    /// Group norm (`GroupNorm`).
    GroupNorm {
        /// Number of groups; divides the channels.
        groups: usize,
        /// Added to the variance.
        #[serde(default = "epsilon")]
        epsilon: f64,
    },
    /// Greatest value of a window.
    MaxPool {
        /// Window height and width.
        kernel: [usize; 2],
        /// Step between windows.
        stride: [usize; 2],
        /// Positions added on each side, never chosen.
        #[serde(default)]
        padding: [usize; 2],
    },
    /// Mean of a window; padding counts as zeros.
    AvgPool {
        /// Window height and width.
        kernel: [usize; 2],
        /// Step between windows.
        stride: [usize; 2],
        /// Zeros added on each side.
        #[serde(default)]
        padding: [usize; 2],
    },
    /// Mean over all positions: one feature a channel.
    GlobalAvgPool,
    /// A picture as features, in channel, row, column order.
    Flatten,
    /// Sum of two or more inputs of one shape.
    Add,
}

fn yes() -> bool {
    true
}

fn one() -> usize {
    1
}

fn ones() -> [usize; 2] {
    [1, 1]
}

fn epsilon() -> f64 {
    1e-5
}
