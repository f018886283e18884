//! Networks by name.

use crate::failure::Failure;
use clap::Args;
use rescind_network::zoo::{self, Norm};
use rescind_network::{Activation, Network};
use serde::Deserialize;
use std::str::FromStr;

/// An architecture of the zoo.
#[derive(Args, Deserialize)]
pub struct Architecture {
    /// Architecture: logistic, mlp, allcnn or resnet18; the last two take pictures
    #[arg(long = "model", value_name = "NAME", default_value = "mlp")]
    architecture: String,

    /// Widths of the hidden layers of mlp
    #[arg(long, value_name = "WIDTHS", value_delimiter = ',', default_values_t = [32, 32])]
    hidden: Vec<usize>,

    /// Activation: relu, gelu, silu, softplus or tanh
    #[arg(long, value_name = "NAME", default_value = "relu", value_parser = Activation::from_str)]
    activation: Activation,

    /// Normalisation before each activation: none, group or batch
    #[arg(long, value_name = "NAME", default_value = "none", value_parser = Norm::from_str)]
    norm: Norm,
}

impl Architecture {
    /// The network for records of this shape.
    pub fn build(&self, input: &[usize], classes: usize) -> Result<Network, Failure> {
        let (activation, norm) = (self.activation, self.norm);
        let description = match self.architecture.as_str() {
            "logistic" => zoo::logistic(input, classes),
            "mlp" => zoo::mlp(input, &self.hidden, classes, activation, norm),
            "allcnn" => zoo::allcnn(input, classes, activation, norm),
            "resnet18" => zoo::resnet18(input, classes, activation, norm),
            other => return Err(format!("no architecture {other:?}").into()),
        };
        Ok(Network::new(description?)?)
    }
}
