//! A classifier as regression on features that no weight changes.

use super::choice::Parameterisation;
use super::classifier::Classifier;
use super::head::linear_head;
use crate::error::Failure;
use crate::features::FixedFeatures;
use crate::linearisation::Targets;
use crate::outputs::OutputLoss;
use rescind_network::{Layer, Network};

/// Where the weights of a linear layer on fixed features are.
#[derive(Clone, Debug)]
pub(super) struct LinearPlace {
    /// Features without the constant.
    inputs: usize,
    weight: usize,
    bias: Option<usize>,
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

/// Of a classifier that has such a layer; of any other, nothing.
impl FixedFeatures for Classifier {
    fn outputs(&self) -> usize {
        self.network().outputs()
    }

    fn width(&self) -> usize {
        let place = self.linear();
        place.map_or(0, |place| place.inputs + usize::from(place.bias.is_some()))
    }

    fn loss(&self) -> OutputLoss {
        self.output_loss()
    }

    fn places(&self) -> Vec<usize> {
        let Some(place) = self.linear() else {
            return Vec::new();
        };
        let row = |output: usize| {
            let start = place.weight + output * place.inputs;
            (start..start + place.inputs).chain(place.bias.map(|bias| bias + output))
        };
        (0..self.network().outputs()).flat_map(row).collect()
    }

    fn features(&self, records: &[usize]) -> Result<Vec<f32>, Failure> {
        let (seen, width) = (self.seen(records)?, self.width());
        let constant = self.linear().is_some_and(|place| place.bias.is_some());
        let mut features = Vec::with_capacity(records.len() * width);
        for &record in records {
            let len = seen.input_len();
            features.extend_from_slice(&seen.inputs()[record * len..][..len]);
            features.extend(constant.then_some(1.0));
        }
        Ok(features)
    }

    fn targets(&self, records: &[usize]) -> Result<Targets, Failure> {
        let labels = self.seen(records)?.labels();
        Ok(Targets::Classes(
            records.iter().map(|&at| labels[at]).collect(),
        ))
    }
}
