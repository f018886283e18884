//! A description checked node by node and turned into steps.

use super::layout::has_parameters;
use super::order::order_of_computation;
use super::{Compute, Program, Slot, Step};
use crate::description::{Layer, NetworkDescription, NodeDescription};
use crate::operations::{
    Affine, AveragePool, BatchNorm, Convolution, GroupNorm, Linear, MaxPool, Operation, Reorder,
    Windows,
};
use crate::shape::MOST_ELEMENTS;
use crate::{NetworkError, Shape};
use std::collections::HashMap;

/// Largest side of a kernel: with the limit on elements, no product of sizes overflows.
const MOST_WINDOW: usize = 1 << 12;

/// Where a node's value lies, and in which order.
#[derive(Clone, Copy)]
struct Value {
    slot: usize,
    shape: Shape,
    channels_last: bool,
}

impl Value {
    /// Whether channel order and channels-last are the same memory.
    fn orders_agree(&self) -> bool {
        self.shape.channels() == 1 || self.shape.positions() == 1
    }
}

struct Compiler<'d> {
    program: Program,
    values: HashMap<&'d str, Value>,
}

impl Program {
    pub fn compile(description: &NetworkDescription) -> Result<Program, NetworkError> {
        let order = order_of_computation(description)?;
        let input = Value {
            slot: 0,
            shape: description.input,
            channels_last: false,
        };
        let mut compiler = Compiler {
            values: HashMap::from([("input", input)]),
            program: Program {
                slots: vec![Slot {
                    len: description.input.len(),
                    varies: false,
                }],
                steps: Vec::new(),
                output: 0,
                parameters: Vec::new(),
                statistics: Vec::new(),
                parameter_count: 0,
                statistic_count: 0,
            },
        };
        for node in order {
            compiler.node(node)?;
        }
        let node = description.output.as_str();
        let output = compiler.values[node];
        if !matches!(output.shape, Shape::Features(_)) {
            let found = output.shape;
            return Err(NetworkError::OutputNotVector {
                node: node.to_owned(),
                found,
            });
        }
        if !compiler.program.slots[output.slot].varies {
            return Err(NetworkError::NoParameters);
        }
        compiler.program.output = output.slot;
        compiler.program.place_parameters(&description.nodes)?;
        compiler.program.mark_accumulation();
        Ok(compiler.program)
    }
}

impl<'d> Compiler<'d> {
    fn node(&mut self, node: &'d NodeDescription) -> Result<(), NetworkError> {
        let arity = |expected| NetworkError::WrongArity {
            node: node.name.clone(),
            found: node.inputs.len(),
            expected,
        };
        let value = if node.layer == Layer::Add {
            if node.inputs.len() < 2 {
                return Err(arity("two or more"));
            }
            self.sum(node)?
        } else {
            let [input] = node.inputs.as_slice() else {
                return Err(arity("one"));
            };
            self.single(node, self.values[input.as_str()])?
        };
        self.values.insert(&node.name, value);
        Ok(())
    }

    fn push(&mut self, node: &NodeDescription, compute: Compute, shape: Shape) -> usize {
        let program = &mut self.program;
        let varies = match &compute {
            Compute::Operation {
                operation, input, ..
            } => program.slots[*input].varies || has_parameters(operation),
            Compute::Sum { inputs } => inputs.iter().any(|&(slot, _)| program.slots[slot].varies),
        };
        let output = program.slots.len();
        program.slots.push(Slot {
            len: shape.len(),
            varies,
        });
        let step = Step {
            node: node.name.clone(),
            compute,
            output,
            parameters: 0..0,
            statistics: 0..0,
        };
        program.steps.push(step);
        output
    }

    fn operation(
        &mut self,
        node: &NodeDescription,
        operation: Operation,
        input: usize,
        shape: Shape,
    ) -> Value {
        let compute = Compute::Operation {
            operation,
            input,
            accumulate: false,
        };
        let slot = self.push(node, compute, shape);
        Value {
            slot,
            shape,
            channels_last: true,
        }
    }

    /// The same picture with its channels last.
    fn channels_last(&mut self, node: &NodeDescription, value: Value) -> Value {
        if value.channels_last || value.orders_agree() {
            return Value {
                channels_last: true,
                ..value
            };
        }
        let (rows, cols) = (value.shape.channels(), value.shape.positions());
        self.operation(
            node,
            Operation::Reorder(Reorder { rows, cols }),
            value.slot,
            value.shape,
        )
    }

    fn sum(&mut self, node: &'d NodeDescription) -> Result<Value, NetworkError> {
        let mut inputs = Vec::with_capacity(node.inputs.len());
        let shape = self.values[node.inputs[0].as_str()].shape;
        for name in &node.inputs {
            let value = self.values[name.as_str()];
            if value.shape != shape {
                let reason = format!("its first input is {shape}, and a sum needs equal shapes");
                let (node, found) = (node.name.clone(), value.shape);
                return Err(NetworkError::LayerDoesNotFit {
                    node,
                    found,
                    reason,
                });
            }
            inputs.push((self.channels_last(node, value).slot, false));
        }
        let slot = self.push(node, Compute::Sum { inputs }, shape);
        Ok(Value {
            slot,
            shape,
            channels_last: true,
        })
    }

    fn single(&mut self, node: &'d NodeDescription, value: Value) -> Result<Value, NetworkError> {
        let refuse = |reason: String| NetworkError::LayerDoesNotFit {
            node: node.name.clone(),
            found: value.shape,
            reason,
        };
        let shape = value.shape;
        let checked = |dims: &[usize]| {
            Shape::from_dims(dims).ok_or_else(|| {
                refuse(format!(
                    "its output would be {dims:?}, beyond {MOST_ELEMENTS} elements or empty"
                ))
            })
        };
        match (&node.layer, shape) {
            (Layer::Linear { outputs, bias }, Shape::Features(inputs)) => {
                let out = checked(&[*outputs])?;
                let kernel = Linear {
                    inputs,
                    outputs: *outputs,
                };
                let operation = Operation::Linear(Affine {
                    kernel,
                    bias: *bias,
                });
                Ok(self.operation(node, operation, value.slot, out))
            }
            (Layer::Linear { .. }, _) => {
                Err(refuse("linear takes features (add a flatten layer)".into()))
            }
            (
                Layer::Conv2d {
                    filters,
                    kernel,
                    stride,
                    padding,
                    groups,
                    bias,
                },
                Shape::Image {
                    channels,
                    height,
                    width,
                },
            ) => {
                if *groups == 0 || channels % groups != 0 || filters % groups != 0 {
                    let text = format!(
                        "{groups} groups must divide {channels} channels and {filters} filters"
                    );
                    return Err(refuse(text));
                }
                let input = [height, width];
                let output = windows(input, *kernel, *stride, *padding).map_err(refuse)?;
                let out = checked(&[*filters, output[0], output[1]])?;
                let input_value = self.channels_last(node, value);
                let convolution = Convolution {
                    channels,
                    filters: *filters,
                    kernel: *kernel,
                    stride: *stride,
                    padding: *padding,
                    groups: *groups,
                    input,
                    output,
                };
                let operation = Operation::Convolution(Affine {
                    kernel: convolution,
                    bias: *bias,
                });
                Ok(self.operation(node, operation, input_value.slot, out))
            }
            (
                Layer::MaxPool {
                    kernel,
                    stride,
                    padding,
                }
                | Layer::AvgPool {
                    kernel,
                    stride,
                    padding,
                },
                Shape::Image {
                    channels,
                    height,
                    width,
                },
            ) => {
                if padding[0] > kernel[0] / 2 || padding[1] > kernel[1] / 2 {
                    let text =
                        format!("padding {padding:?} is more than half the kernel {kernel:?}");
                    return Err(refuse(text));
                }
                let input = [height, width];
                let output = windows(input, *kernel, *stride, *padding).map_err(refuse)?;
                let out = checked(&[channels, output[0], output[1]])?;
                let (kernel, stride, padding) = (*kernel, *stride, *padding);
                let windows = Windows {
                    channels,
                    kernel,
                    stride,
                    padding,
                    input,
                    output,
                };
                let operation = if matches!(node.layer, Layer::MaxPool { .. }) {
                    Operation::MaxPool(MaxPool(windows))
                } else {
                    Operation::AveragePool(AveragePool(windows))
                };
                let input_value = self.channels_last(node, value);
                Ok(self.operation(node, operation, input_value.slot, out))
            }
            (
                Layer::GlobalAvgPool,
                Shape::Image {
                    channels,
                    height,
                    width,
                },
            ) => {
                let windows = Windows {
                    channels,
                    kernel: [height, width],
                    stride: [1, 1],
                    padding: [0, 0],
                    input: [height, width],
                    output: [1, 1],
                };
                let input_value = self.channels_last(node, value);
                let operation = Operation::AveragePool(AveragePool(windows));
                Ok(self.operation(node, operation, input_value.slot, Shape::Features(channels)))
            }
            (
                Layer::Conv2d { .. }
                | Layer::MaxPool { .. }
                | Layer::AvgPool { .. }
                | Layer::GlobalAvgPool,
                Shape::Features(_),
            ) => Err(refuse(
                "this layer takes a picture (channels, height, width)".into(),
            )),
            (Layer::Activation { function }, _) => {
                let operation = Operation::Activation(*function, shape.len());
                let slot = self.operation(node, operation, value.slot, shape).slot;
                Ok(Value { slot, ..value })
            }
            (Layer::BatchNorm { epsilon }, _) => {
                let epsilon = usable(*epsilon).map_err(refuse)?;
                let input = self.channels_last(node, value);
                let channels = shape.channels();
                let operation = Operation::BatchNorm(BatchNorm { channels, epsilon });
                Ok(self.operation(node, operation, input.slot, shape))
            }
            (Layer::GroupNorm { groups, epsilon }, _) => {
                let epsilon = usable(*epsilon).map_err(refuse)?;
                let (channels, positions) = (shape.channels(), shape.positions());
                if *groups == 0 || channels % groups != 0 {
                    return Err(refuse(format!(
                        "{groups} groups must divide {channels} channels"
                    )));
                }
                let input = self.channels_last(node, value);
                let norm = GroupNorm {
                    channels,
                    groups: *groups,
                    positions,
                    epsilon,
                };
                Ok(self.operation(node, Operation::GroupNorm(norm), input.slot, shape))
            }
            (Layer::Flatten, _) => {
                let out = Shape::Features(shape.len());
                if !value.channels_last || value.orders_agree() {
                    return Ok(Value {
                        shape: out,
                        channels_last: true,
                        ..value
                    });
                }
                let (rows, cols) = (shape.positions(), shape.channels());
                let operation = Operation::Reorder(Reorder { rows, cols });
                Ok(self.operation(node, operation, value.slot, out))
            }
            (Layer::Add, _) => unreachable!("sums are handled by their own function"),
        }
    }
}

fn usable(epsilon: f64) -> Result<f64, String> {
    if epsilon.is_finite() && epsilon > 0.0 {
        Ok(epsilon)
    } else {
        Err(format!(
            "its epsilon is {epsilon}, which must be finite and positive"
        ))
    }
}

/// How many windows fit along each axis.
fn windows(
    input: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
) -> Result<[usize; 2], String> {
    let mut output = [0; 2];
    for axis in 0..2 {
        if kernel[axis] == 0 || stride[axis] == 0 {
            return Err(format!(
                "kernel {kernel:?} and stride {stride:?} must be positive"
            ));
        }
        if kernel[axis].max(stride[axis]).max(padding[axis]) > MOST_WINDOW {
            return Err(format!(
                "kernel {kernel:?}, stride {stride:?} or padding {padding:?} is more than {MOST_WINDOW}"
            ));
        }
        let padded = input[axis] + 2 * padding[axis];
        if kernel[axis] > padded {
            return Err(format!(
                "a kernel of {kernel:?} is larger than the picture with its padding {padding:?}"
            ));
        }
        output[axis] = (padded - kernel[axis]) / stride[axis] + 1;
    }
    Ok(output)
}
