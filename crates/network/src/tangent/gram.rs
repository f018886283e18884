//! Inner products of records' gradients, without forming the gradients.

use super::{Tangent, check_len};
use crate::NetworkError;
use crate::execution::Workspaces;
use crate::matrix::{View, ViewMut, multiply};
use crate::operations::Operation;
use crate::program::{Compute, Program};
use crate::scalar::Scalar;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Rows of the result that are computed together.
const BLOCK: usize = 192;

/// What a linear layer has seen: its inputs and its outputs' cotangents, record by record. The
/// gradient of record i in its weights is `ȳᵢ xᵢᵀ`, so an inner product of two of them is
/// `(ȳᵢ·ȳⱼ)(xᵢ·xⱼ)`, and in the bias `ȳᵢ·ȳⱼ`.
struct Layer<T> {
    /// The slot of its inputs.
    from: usize,
    inputs: usize,
    outputs: usize,
    bias: bool,
    x: Vec<T>,
    ybar: Vec<T>,
}

impl<T: Scalar> Tangent<'_, T> {
    /// Operations that each entry of [`gram`](Self::gram) takes, if it can be computed: in a
    /// network whose parameters are those of linear layers.
    pub fn gram_cost(&self) -> Option<usize> {
        let layers = linear_layers::<T>(&self.network.program)?;
        Some(layers.iter().map(|l| 2 * (l.1.inputs + l.1.outputs)).sum())
    }

    /// `⟨J_iᵀ u_i, J_jᵀ u_j⟩` for all records i ≤ j, n × n, row after row; zero below the diagonal.
    /// u is n × k. None where [`gram_cost`](Self::gram_cost) is.
    ///
    /// # Errors
    /// [`NetworkError::WrongLength`], and a memory budget that has no room for it.
    pub fn gram(&self, u: &[T]) -> Result<Option<Vec<T>>, NetworkError> {
        let n = self.records();
        check_len("output cotangent", u.len(), n * self.network.outputs())?;
        let Some(layers) = linear_layers(&self.network.program) else {
            return Ok(None);
        };
        let widths: usize = layers.iter().map(|l| l.1.inputs + l.1.outputs).sum();
        let fixed = n.saturating_mul(n + 2 * widths) * size_of::<T>();
        let block = 2 * BLOCK * n * size_of::<T>();
        let lanes = self.execution.lanes(fixed, block)?;

        let layers = self.seen(u, layers)?;
        let mut gram = vec![T::zero(); n * n];
        let spaces = Workspaces::<[Vec<T>; 2]>::default();
        let blocks = gram.chunks_mut(BLOCK * n).enumerate().collect();
        self.execution.each(
            blocks,
            lanes,
            &spaces,
            |(index, rows): (usize, &mut [T]), space| {
                let from = index * BLOCK;
                let height = rows.len() / n;
                layers
                    .iter()
                    .for_each(|layer| layer.add(from..from + height, n, rows, space));
                Ok::<(), NetworkError>(())
            },
        )?;
        Ok(Some(gram))
    }

    /// Runs every record forward and, from u, backward.
    fn seen(&self, u: &[T], layers: Vec<(usize, Layer<T>)>) -> Result<Vec<Layer<T>>, NetworkError> {
        let (program, outputs) = (&self.network.program, self.network.outputs());
        let weights = self.weights();
        let slots: Vec<Mutex<Vec<[Vec<T>; 2]>>> =
            self.plan.iter().map(|_| Mutex::default()).collect();
        let work = |index: usize, space: &mut _| {
            let (chunk, slot) = (&self.plan[index], &slots[index]);
            self.at(index, &weights, space, |mut at| {
                at.seed(program, &u[chunk.start * outputs..chunk.end * outputs]);
                let (input, scratch) = (at.input, at.scratch);
                at.tape
                    .backward_activations(program, &weights, input, at.cotangents, scratch);
                let seen = layers.iter().map(|(step, layer)| {
                    let x = at.tape.value(layer.from, input).to_vec();
                    [x, at.cotangents[program.steps[*step].output].clone()]
                });
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = seen.collect();
            })
        };
        let items = (0..slots.len()).collect();
        self.execution
            .each(items, self.lanes, &self.workspaces, work)?;
        let mut layers: Vec<Layer<T>> = layers.into_iter().map(|(_, layer)| layer).collect();
        for slot in slots {
            let seen = slot.into_inner().unwrap_or_else(PoisonError::into_inner);
            for (layer, [x, ybar]) in layers.iter_mut().zip(seen) {
                layer.x.extend(x);
                layer.ybar.extend(ybar);
            }
        }
        Ok(layers)
    }
}

impl<T: Scalar> Layer<T> {
    /// Adds this layer's share to these rows of an n-wide matrix, from its diagonal on.
    fn add(&self, at: Range<usize>, n: usize, rows: &mut [T], space: &mut [Vec<T>; 2]) {
        let (height, width) = (at.len(), n - at.start);
        let product = |values: &[T], len: usize, out: &mut Vec<T>| {
            out.resize(height * width, T::zero());
            let left = View::new(&values[at.start * len..], height, len);
            let right = View::new(&values[at.start * len..], width, len);
            multiply(ViewMut::new(out, height, width), false, left, right.t());
        };
        let [xs, ybars] = space;
        product(&self.x, self.inputs, xs);
        product(&self.ybar, self.outputs, ybars);
        let one = if self.bias { T::one() } else { T::zero() };
        for (i, row) in rows.chunks_exact_mut(n).enumerate() {
            let terms = xs[i * width + i..].iter().zip(&ybars[i * width + i..]);
            for (out, (&x, &ybar)) in row[at.start + i..].iter_mut().zip(terms) {
                *out += (x + one) * ybar;
            }
        }
    }
}

/// The steps with parameters, empty of records; None if one is not a linear layer.
fn linear_layers<T>(program: &Program) -> Option<Vec<(usize, Layer<T>)>> {
    let trained = program.steps.iter().enumerate();
    let trained = trained.filter(|(_, step)| !step.parameters.is_empty());
    let layer = |(index, step): (usize, &crate::program::Step)| match &step.compute {
        Compute::Operation {
            operation: Operation::Linear(op),
            input,
            ..
        } => Some((
            index,
            Layer {
                from: *input,
                inputs: op.kernel.inputs,
                outputs: op.kernel.outputs,
                bias: op.bias,
                x: Vec::new(),
                ybar: Vec::new(),
            },
        )),
        _ => None,
    };
    trained.map(layer).collect()
}
