//! What a program costs: operations and bytes.

use super::{Compute, Program};
use crate::operations::Operation;

impl Program {
    /// Floating-point operations of one record's forward pass (matrix products only).
    pub fn flops(&self) -> usize {
        let of = |compute: &Compute| match compute {
            Compute::Operation { operation, .. } => operation.flops(),
            Compute::Sum { .. } => 0,
        };
        self.steps.iter().map(|step| of(&step.compute)).sum()
    }

    /// The part of [`flops`](Self::flops) in layers whose input depends on no parameter.
    pub fn input_flops(&self) -> usize {
        let of = |compute: &Compute| match compute {
            Compute::Operation {
                operation, input, ..
            } if !self.slots[*input].varies => operation.flops(),
            _ => 0,
        };
        self.steps.iter().map(|step| of(&step.compute)).sum()
    }

    /// Bytes of a tape for `records`.
    pub fn tape_bytes<T>(&self, records: usize) -> usize {
        let values: usize = self.slots[1..].iter().map(|slot| slot.len).sum();
        let saved: usize = self
            .steps
            .iter()
            .map(|step| match &step.compute {
                Compute::Operation { operation, .. } => {
                    let (reals, indices) = operation.saved_per_record();
                    reals * size_of::<T>() + indices * size_of::<u32>()
                }
                Compute::Sum { .. } => 0,
            })
            .sum();
        records * (values * size_of::<T>() + saved)
    }

    /// Bytes of one buffer for every slot that varies.
    pub fn cotangent_bytes<T>(&self, records: usize) -> usize {
        let varying = self.slots.iter().filter(|slot| slot.varies);
        records * size_of::<T>() * varying.map(|slot| slot.len).sum::<usize>()
    }

    /// Bytes of the scratch that the hungriest operation uses.
    pub fn scratch_bytes<T>(&self, records: usize) -> usize {
        let of = |compute: &Compute| match compute {
            Compute::Operation { operation, .. } => operation.scratch(records),
            Compute::Sum { .. } => 0,
        };
        // Buffers are shared by position, so the sum of their greatest lengths is less than twice
        // the greatest sum.
        2 * size_of::<T>()
            * self
                .steps
                .iter()
                .map(|step| of(&step.compute))
                .max()
                .unwrap_or(0)
    }

    /// Bytes of a rearranged weight vector: four times the filters where Winograd runs.
    pub fn prepared_bytes<T>(&self) -> usize {
        let of = |compute: &Compute| match compute {
            Compute::Operation {
                operation: Operation::Convolution(op),
                ..
            } => 4 * op.parameter_len(),
            _ => 0,
        };
        size_of::<T>()
            * self
                .steps
                .iter()
                .map(|step| of(&step.compute))
                .sum::<usize>()
    }
}
