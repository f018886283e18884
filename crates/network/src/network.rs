//! A checked network.

use crate::description::{Layer, NetworkDescription};
use crate::program::{Program, Tensor};
use crate::scalar::Scalar;
use crate::{NetworkError, Shape};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A network whose description was checked: every reference leads somewhere, every layer fits.
///
/// It holds no weights. All parameters are one flat vector, in which each has a named, shaped
/// place; so a Hessian is a `d × d` matrix, and a solver needs to know nothing of layers.
#[derive(Clone, Debug)]
pub struct Network {
    description: NetworkDescription,
    pub(crate) program: Program,
}

impl Network {
    /// Checks a description.
    ///
    /// # Errors
    /// [`NetworkError`] naming the node: unknown or cyclic references, a layer that does not fit
    /// its input, sizes beyond 2²⁸ elements per activation or 2³¹ parameters. Nothing of the
    /// described size is allocated.
    pub fn new(description: NetworkDescription) -> Result<Self, NetworkError> {
        let program = Program::compile(&description)?;
        Ok(Network {
            description,
            program,
        })
    }

    /// The description it was made from.
    pub fn description(&self) -> &NetworkDescription {
        &self.description
    }

    /// Shape of one record.
    pub fn input_shape(&self) -> Shape {
        self.description.input
    }

    /// Length `k` of the output: the number of classes, for a classifier.
    pub fn outputs(&self) -> usize {
        self.program.slots[self.program.output].len
    }

    /// `d`, the length of the flat parameter vector.
    pub fn parameter_count(&self) -> usize {
        self.program.parameter_count
    }

    /// Every parameter's name, shape and place in the flat vector.
    pub fn parameters(&self) -> &[Tensor] {
        &self.program.parameters
    }

    /// Length of the flat vector of batch-norm statistics; zero without batch norm.
    pub fn statistic_count(&self) -> usize {
        self.program.statistic_count
    }

    /// Every statistic's name, shape and place in the flat vector of statistics.
    pub fn statistics(&self) -> &[Tensor] {
        &self.program.statistics
    }

    /// Floating-point operations (two per multiply–add) of the matrix products in one record's
    /// forward pass.
    pub fn flops_per_record(&self) -> usize {
        self.program.flops()
    }

    /// The part of [`flops_per_record`](Self::flops_per_record) in layers that read the records
    /// themselves, so that their input needs no derivative. With F operations in all and I in these,
    /// a gradient takes `3F − I`, a Gauss–Newton product `4F − 2I`, and a Hessian product `6F − 4I`,
    /// both with the primal pass kept.
    pub fn input_flops_per_record(&self) -> usize {
        self.program.input_flops()
    }

    /// Layers that make the Hessian discontinuous in the weights: names of ReLU and max-pooling
    /// nodes. Empty for a smooth network. Where it is not, a Hessian-Lipschitz constant (docs/theory.md §2)
    /// does not exist.
    pub fn non_smooth_layers(&self) -> Vec<&str> {
        let rough = |layer: &Layer| match layer {
            Layer::Activation { function } => !function.is_smooth(),
            Layer::MaxPool { .. } => true,
            _ => false,
        };
        let nodes = self
            .description
            .nodes
            .iter()
            .filter(|node| rough(&node.layer));
        nodes.map(|node| node.name.as_str()).collect()
    }

    /// Fresh weights by PyTorch's default rule: weights and biases uniform within
    /// `±1/√fan_in`, norms at scale 1 and shift 0. The same seed gives the same weights anywhere.
    pub fn initialise<T: Scalar>(&self, seed: u64) -> Vec<T> {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let mut weights = vec![T::zero(); self.parameter_count()];
        for tensor in &self.program.parameters {
            let values = &mut weights[tensor.range.clone()];
            if tensor.fan_in == 0 {
                let is_scale = tensor.name.ends_with(".weight");
                values.fill(if is_scale { T::one() } else { T::zero() });
            } else {
                let bound = 1.0 / (tensor.fan_in as f64).sqrt();
                for value in values {
                    *value = T::of(generator.random_range(-bound..bound));
                }
            }
        }
        weights
    }

    /// Statistics before any training: mean 0, variance 1.
    pub fn initial_statistics<T: Scalar>(&self) -> Vec<T> {
        let mut statistics = vec![T::zero(); self.statistic_count()];
        for tensor in &self.program.statistics {
            if tensor.name.ends_with(".running_var") {
                statistics[tensor.range.clone()].fill(T::one());
            }
        }
        statistics
    }
}
