//! Where the weights of regression on features that no weight changes are.

use super::choice::Parameterisation;
use super::head::linear_head;
use rescind_network::{Layer, Network};

/// Where the weights of a linear layer on fixed features are.
#[derive(Clone, Debug)]
pub(super) struct LinearPlace {
    /// Features without the constant.
    pub inputs: usize,
    pub weight: usize,
    pub bias: Option<usize>,
}

/// The place of the layer that alone moves: of a head its last, of a tangent model its only one.
pub(super) fn linear_place(
    network: &Network,
    parameterisation: Parameterisation,
) -> Option<LinearPlace> {
    let (last, _) = linear_head(network).ok()?;
    let only = || {
        let nodes = network.description().nodes.iter();
        let mut others = nodes.filter(|node| node.name != last.name);
        others.all(|node| matches!(node.layer, Layer::Flatten))
    };
    let fits = match parameterisation {
        Parameterisation::Full => false,
        Parameterisation::Tangent => only(),
        Parameterisation::Head => true,
    };
    let tensor = |name: &str| {
        let full = format!("{}.{name}", last.name);
        network.parameters().iter().find(|t| t.name == full)
    };
    let weight = tensor("weight").filter(|_| fits)?;
    let [_, inputs] = weight.shape[..] else {
        return None;
    };
    Some(LinearPlace {
        inputs,
        weight: weight.range.start,
        bias: tensor("bias").map(|bias| bias.range.start),
    })
}
