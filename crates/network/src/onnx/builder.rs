//! The network as it grows.

use super::patterns::{Flow, Norm};
use crate::description::{Layer, NetworkDescription, NodeDescription};
use crate::{Network, NetworkError, Weights};
use std::collections::HashMap;

/// Layers so far, and the values of their tensors.
pub(super) struct Builder {
    nodes: Vec<NodeDescription>,
    tensors: HashMap<String, Vec<f32>>,
    /// Where the layer of a name is; the record has a name and no place.
    places: HashMap<String, Option<usize>>,
    /// The last number that was put behind a name.
    numbers: HashMap<String, usize>,
    /// Values that tensors may still take: a small file does not describe a huge model.
    left: usize,
}

/// The longest name that is kept as it is.
const LONGEST_NAME: usize = 100;

impl Builder {
    /// `left` values may be copied.
    pub fn new(left: usize) -> Self {
        Self {
            nodes: Vec::new(),
            tensors: HashMap::new(),
            places: HashMap::from([("input".to_owned(), None)]),
            numbers: HashMap::new(),
            left,
        }
    }

    /// Adds a layer, under a name of its own that is like the one given, and its tensors.
    pub fn add(
        &mut self,
        name: &str,
        layer: Layer,
        inputs: &[&Flow],
        dims: Vec<usize>,
        tensors: Vec<(&str, Vec<f32>)>,
    ) -> Result<Flow, String> {
        let name = self.unique(name);
        for (part, values) in tensors {
            self.set(&name, part, values)?;
        }
        self.nodes.push(NodeDescription {
            name: name.clone(),
            layer,
            inputs: inputs.iter().map(|flow| flow.node.clone()).collect(),
        });
        Ok(Flow {
            node: name,
            dims,
            pixel: false,
        })
    }

    fn set(&mut self, node: &str, part: &str, values: Vec<f32>) -> Result<(), String> {
        self.spend(values.len())?;
        self.tensors.insert(format!("{node}.{part}"), values);
        Ok(())
    }

    /// Counts values that are copied.
    pub fn spend(&mut self, values: usize) -> Result<(), String> {
        let left = self.left.checked_sub(values);
        self.left = left.ok_or("its weights are larger than the file: it is damaged or hostile")?;
        Ok(())
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied().flatten()
    }

    /// The layer of a name.
    pub fn layer(&self, name: &str) -> Option<&Layer> {
        Some(&self.nodes.get(self.place(name)?)?.layer)
    }

    /// What a layer takes first.
    pub fn input_of(&self, name: &str) -> Option<&str> {
        let inputs = &self.nodes.get(self.place(name)?)?.inputs;
        inputs.first().map(String::as_str)
    }

    /// Adds a bias to a layer that has none.
    pub fn add_bias(&mut self, name: &str, values: Vec<f32>) -> Result<(), String> {
        let place = self.place(name).and_then(|at| self.nodes.get_mut(at));
        if let Some(Layer::Linear { bias, .. } | Layer::Conv2d { bias, .. }) =
            place.map(|node| &mut node.layer)
        {
            *bias = true;
        }
        self.set(name, "bias", values)
    }

    /// The layer of a norm that is complete.
    pub fn norm(&mut self, norm: &Norm, bias: Option<Vec<f32>>) -> Result<Flow, String> {
        let channels = norm.of.dims.first().copied().unwrap_or(0);
        let weight = norm.weight.clone().unwrap_or_else(|| vec![1.0; channels]);
        let bias = bias.unwrap_or_else(|| vec![0.0; channels]);
        let layer = Layer::GroupNorm {
            groups: norm.groups,
            epsilon: norm.epsilon,
        };
        let tensors = vec![("weight", weight), ("bias", bias)];
        self.add(
            &norm.name,
            layer,
            &[&norm.of],
            norm.of.dims.clone(),
            tensors,
        )
    }

    /// A name that no other layer has.
    fn unique(&mut self, like: &str) -> String {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
        let parts: Vec<String> = like
            .split('/')
            .map(|part| {
                part.chars()
                    .filter(|&c| plain(c))
                    .take(LONGEST_NAME)
                    .collect()
            })
            .filter(|part: &String| !part.is_empty())
            .collect();
        let like = match parts.join(".").as_str() {
            "" => "layer".to_owned(),
            name => name.chars().take(LONGEST_NAME).collect(),
        };
        let mut name = like.clone();
        while self.places.contains_key(&name) {
            let number = self.numbers.entry(like.clone()).or_insert(0);
            *number += 1;
            name = format!("{like}_{number}");
        }
        self.places.insert(name.clone(), Some(self.nodes.len()));
        name
    }

    /// The network whose output is that of a layer, and its weights.
    pub fn finish(
        self,
        input: crate::Shape,
        output: String,
    ) -> Result<(NetworkDescription, Weights<f32>), NetworkError> {
        let description = NetworkDescription {
            input,
            nodes: self.nodes,
            output,
        };
        let network = Network::new(description.clone())?;
        let read = |layout: &[crate::Tensor], len: usize| {
            let mut values = vec![0.0; len];
            for tensor in layout {
                let found = self
                    .tensors
                    .get(&tensor.name)
                    .map_or(&[][..], Vec::as_slice);
                if found.len() != tensor.range.len() {
                    return Err(NetworkError::WrongLength {
                        what: "tensor of the ONNX file",
                        found: found.len(),
                        expected: tensor.range.len(),
                    });
                }
                if !found.iter().all(|value| value.is_finite()) {
                    let name = tensor.name.clone();
                    return Err(NetworkError::TensorNotFinite { name });
                }
                values[tensor.range.clone()].copy_from_slice(found);
            }
            Ok(values)
        };
        let weights = Weights {
            parameters: read(network.parameters(), network.parameter_count())?,
            statistics: read(network.statistics(), network.statistic_count())?,
        };
        Ok((description, weights))
    }
}
