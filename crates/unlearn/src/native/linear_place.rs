//! Where the weights of regression on features that no weight changes are.

use super::choice::Parameterisation;
use crate::error::Error;
use rescind_network::{Layer, Network, NodeDescription};
use std::ops::Range;

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

/// The last layer, if it is linear, and the place of its weights among the parameters.
///
/// # Errors
/// [`Error::NotProvable`] where it is not linear.
pub(super) fn linear_head(network: &Network) -> Result<(&NodeDescription, Range<usize>), Error> {
    let description = network.description();
    let output = &description.output;
    let last = description.nodes.iter().find(|node| node.name == *output);
    let last = last.filter(|node| matches!(node.layer, Layer::Linear { .. }));
    last.zip(head_place(network))
        .ok_or_else(|| Error::NotProvable {
            reason: format!(
                "the network ends in {output:?}, which is not a linear layer, so that there is no \
             convex head to train: use a network whose last layer is linear"
            ),
        })
}

/// Where the last layer's parameters are, if it has any.
pub fn head_place(network: &Network) -> Option<Range<usize>> {
    let prefix = format!("{}.", network.description().output);
    let mut own = network
        .parameters()
        .iter()
        .filter(|tensor| tensor.name.starts_with(&prefix))
        .map(|tensor| tensor.range.clone());
    let first = own.next()?;
    Some(own.fold(first, |all, next| {
        all.start.min(next.start)..all.end.max(next.end)
    }))
}
