//! Where every tensor lies in the flat vectors.

use super::{Compute, Program, Tensor};
use crate::NetworkError;
use crate::description::NodeDescription;
use crate::operations::{Linear, Operation};
use std::collections::HashMap;

const MOST_PARAMETERS: usize = 1 << 31;

impl Program {
    /// Lays the parameters out in the order of the description.
    pub(super) fn place_parameters(
        &mut self,
        nodes: &[NodeDescription],
    ) -> Result<(), NetworkError> {
        let program = self;
        let mut step_of = HashMap::new();
        for (i, step) in program.steps.iter().enumerate() {
            if let Compute::Operation { operation, .. } = &step.compute
                && has_parameters(operation)
            {
                step_of.insert(step.node.clone(), i);
            }
        }
        for node in nodes {
            let Some(&i) = step_of.get(&node.name) else {
                continue;
            };
            let Compute::Operation { operation, .. } = &program.steps[i].compute else {
                continue;
            };
            let (parameters, statistics) = tensors(operation);
            let place = |into: &mut Vec<Tensor>, count: &mut usize, list: Vec<Named>| {
                let start = *count;
                for (suffix, shape, fan_in) in list {
                    let len = shape
                        .iter()
                        .fold(1usize, |product, &d| product.saturating_mul(d));
                    let range = *count..count.saturating_add(len);
                    *count = range.end;
                    into.push(Tensor {
                        name: format!("{}.{suffix}", node.name),
                        shape,
                        range,
                        fan_in,
                    });
                }
                start..*count
            };
            let range = place(
                &mut program.parameters,
                &mut program.parameter_count,
                parameters,
            );
            if program.parameter_count > MOST_PARAMETERS {
                return Err(NetworkError::TooLarge {
                    what: "parameters",
                    found: program.parameter_count,
                    most: MOST_PARAMETERS,
                });
            }
            program.steps[i].parameters = range;
            program.steps[i].statistics = place(
                &mut program.statistics,
                &mut program.statistic_count,
                statistics,
            );
        }
        Ok(())
    }
}

/// Suffix, shape, fan-in.
type Named = (&'static str, Vec<usize>, usize);

/// Parameters and statistics of an operation, in PyTorch's order.
fn tensors(operation: &Operation) -> (Vec<Named>, Vec<Named>) {
    let affine = |shape: Vec<usize>, fan_in: usize, bias: Option<usize>| {
        let mut list = vec![("weight", shape, fan_in)];
        list.extend(bias.map(|len| ("bias", vec![len], fan_in)));
        list
    };
    let norm = |channels: usize| vec![("weight", vec![channels], 0), ("bias", vec![channels], 0)];
    match operation {
        Operation::Linear(op) => {
            let Linear { inputs, outputs } = op.kernel;
            (
                affine(vec![outputs, inputs], inputs, op.bias.then_some(outputs)),
                Vec::new(),
            )
        }
        Operation::Convolution(op) => {
            let c = &op.kernel;
            let shape = vec![c.filters, c.channels_per_group(), c.kernel[0], c.kernel[1]];
            (
                affine(shape, c.patch_len(), op.bias.then_some(c.filters)),
                Vec::new(),
            )
        }
        Operation::BatchNorm(op) => {
            let statistics = vec![
                ("running_mean", vec![op.channels], 0),
                ("running_var", vec![op.channels], 0),
            ];
            (norm(op.channels), statistics)
        }
        Operation::GroupNorm(op) => (norm(op.channels), Vec::new()),
        _ => (Vec::new(), Vec::new()),
    }
}

pub(super) fn has_parameters(operation: &Operation) -> bool {
    !tensors(operation).0.is_empty()
}
