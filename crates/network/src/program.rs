//! A network as steps over slots: what a description becomes once it is checked.

mod compile;
mod cost;
mod layout;
mod order;

use crate::operations::Operation;
use std::ops::Range;

/// One activation: where it lies is a number, what is known of it is here.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    /// Elements per record.
    pub len: usize,
    /// Whether it depends on any parameter: only then has it a tangent and a cotangent.
    pub varies: bool,
}

/// One computation.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The node it belongs to.
    pub node: String,
    pub compute: Compute,
    pub output: usize,
    /// Its parameters within the flat vector.
    pub parameters: Range<usize>,
    /// Its statistics within the flat statistics.
    pub statistics: Range<usize>,
}

#[derive(Clone, Debug)]
pub(crate) enum Compute {
    /// An operation on one slot.
    Operation {
        operation: Operation,
        input: usize,
        accumulate: bool,
    },
    /// The sum of several slots; for each, whether its cotangent is added to an earlier one.
    Sum { inputs: Vec<(usize, bool)> },
}

/// A tensor within the flat parameters or statistics.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Name, as in PyTorch's `state_dict`.
    pub name: String,
    /// Shape, as in PyTorch's `state_dict`.
    pub shape: Vec<usize>,
    /// Where its values lie in the flat vector, row-major.
    pub range: Range<usize>,
    /// Values that are summed into one output; 0 where that means nothing (norms).
    pub fan_in: usize,
}

/// A network as steps. Slot 0 is the record as given, in channel order.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub slots: Vec<Slot>,
    pub steps: Vec<Step>,
    pub output: usize,
    pub parameters: Vec<Tensor>,
    pub statistics: Vec<Tensor>,
    pub parameter_count: usize,
    pub statistic_count: usize,
}

impl Program {
    /// The last consumer of a slot, first met going backward, writes its cotangent; the others add.
    fn mark_accumulation(&mut self) {
        let mut written = vec![false; self.slots.len()];
        for step in self.steps.iter_mut().rev() {
            match &mut step.compute {
                Compute::Operation {
                    input, accumulate, ..
                } => {
                    *accumulate = std::mem::replace(&mut written[*input], true);
                }
                Compute::Sum { inputs } => {
                    for (input, accumulate) in inputs {
                        *accumulate = std::mem::replace(&mut written[*input], true);
                    }
                }
            }
        }
    }
}
