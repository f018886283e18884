//! Inner products of records' gradients, one layer after another; in linear layers without forming
//! the gradients.

use super::Tangent;
use crate::error::{NetworkError, check_len};
use crate::execution::Workspaces;
use crate::matrix::{View, ViewMut, multiply};
use crate::operations::Operation;
use crate::program::{Compute, Program, Step};
use crate::scalar::Scalar;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Rows of the result that are computed together.
const BLOCK: usize = 192;

/// What a layer's parameters contribute to inner products of records' gradients.
struct Layer<T> {
    /// Its step in the program.
    step: usize,
    /// The slot of its inputs.
    from: usize,
    seen: Seen<T>,
}

/// What a layer has seen, record by record.
enum Seen<T> {
    /// A linear layer's inputs and its outputs' cotangents. The gradient of record i in its weights
    /// is `ȳᵢ xᵢᵀ`, so an inner product of two of them is `(ȳᵢ·ȳⱼ)(xᵢ·xⱼ)`, and in the bias `ȳᵢ·ȳⱼ`.
    Factors {
        inputs: usize,
        outputs: usize,
        bias: bool,
        x: Vec<T>,
        ybar: Vec<T>,
    },
    /// Another layer's gradients, each of `len` elements.
    Gradients { len: usize, values: Vec<T> },
}

/// What [`Tangent::gram`] takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GramCost {
    /// Operations for each entry: two for every input and output of a linear layer, and for every
    /// parameter of another.
    pub operations: usize,
    /// Elements held for each record, those of the layer that takes most.
    pub elements: usize,
}

impl<T: Scalar> Tangent<'_, T> {
    /// What [`gram`](Self::gram) takes.
    pub fn gram_cost(&self) -> GramCost {
        let layers = layers::<T>(&self.network.program);
        let widths = layers.iter().map(|layer| layer.seen.width());
        GramCost {
            operations: 2 * widths.clone().sum::<usize>(),
            elements: widths.max().unwrap_or(0),
        }
    }

    /// `⟨J_iᵀ u_i, J_jᵀ u_j⟩` for all records i ≤ j, n × n, row after row; zero below the diagonal.
    /// u is n × k.
    ///
    /// # Errors
    /// [`NetworkError::WrongLength`], and a memory budget that has no room for it.
    pub fn gram(&self, u: &[T]) -> Result<Vec<T>, NetworkError> {
        let n = self.records();
        check_len("output cotangent", u.len(), n * self.network.outputs())?;
        let widest = self.gram_cost().elements;
        let fixed = n.saturating_mul(n + 2 * widest) * size_of::<T>();
        let block = 2 * BLOCK * n * size_of::<T>();
        let lanes = self.execution.lanes(fixed, block)?;

        let mut gram = vec![T::zero(); n * n];
        let spaces = Workspaces::<[Vec<T>; 2]>::default();
        // One layer after another: to go back to each costs less than to hold what all have seen.
        for mut layer in layers(&self.network.program) {
            self.show(&mut layer, u)?;
            let blocks = gram.chunks_mut(BLOCK * n).enumerate().collect();
            self.execution.each(
                blocks,
                lanes,
                &spaces,
                |(index, rows): (usize, &mut [T]), space| {
                    let from = index * BLOCK;
                    let height = rows.len() / n;
                    layer.seen.add(from..from + height, n, rows, space);
                    Ok::<(), NetworkError>(())
                },
            )?;
        }
        Ok(gram)
    }

    /// Runs every record forward and, from u, backward, for this layer to see.
    fn show(&self, layer: &mut Layer<T>, u: &[T]) -> Result<(), NetworkError> {
        let (program, outputs) = (&self.network.program, self.network.outputs());
        let weights = self.weights();
        let slots: Vec<Mutex<[Vec<T>; 2]>> = self.plan.iter().map(|_| Mutex::default()).collect();
        let step = &program.steps[layer.step];
        let (from, at_step, seen) = (layer.from, layer.step, &layer.seen);
        let work = |index: usize, space: &mut _| {
            let chunk = &self.plan[index];
            self.at(index, &weights, space, |mut at| {
                at.seed(program, &u[chunk.start * outputs..chunk.end * outputs]);
                let (tape, input) = (at.tape, at.input);
                tape.backward_activations(program, &weights, input, at.cotangents, at.scratch);
                let ybar = &at.cotangents[step.output];
                let shown = match (seen, &step.compute) {
                    (Seen::Gradients { .. }, Compute::Operation { operation, .. }) => {
                        let point = tape.point(at_step, from, weights.of(at_step, step), input);
                        let mut values = Vec::new();
                        let each = &mut |_, gradient: &[T]| values.extend_from_slice(gradient);
                        let record_gradients = T::compiled().record_gradients;
                        record_gradients(operation, &point, ybar, at.scratch, each);
                        [values, Vec::new()]
                    }
                    _ => [tape.value(from, input).to_vec(), ybar.clone()],
                };
                *slots[index].lock().unwrap_or_else(PoisonError::into_inner) = shown;
            })
        };
        let items = (0..slots.len()).collect();
        self.execution
            .each(items, self.lanes, &self.workspaces, work)?;
        for slot in slots {
            let [first, second] = slot.into_inner().unwrap_or_else(PoisonError::into_inner);
            match &mut layer.seen {
                Seen::Factors { x, ybar, .. } => {
                    x.extend(first);
                    ybar.extend(second);
                }
                Seen::Gradients { values, .. } => values.extend(first),
            }
        }
        Ok(())
    }
}

impl<T: Scalar> Seen<T> {
    /// Elements for each record.
    fn width(&self) -> usize {
        match self {
            Seen::Factors {
                inputs, outputs, ..
            } => inputs + outputs,
            Seen::Gradients { len, .. } => *len,
        }
    }

    /// Adds this layer's share to these rows of an n-wide matrix, from its diagonal on.
    fn add(&self, at: Range<usize>, n: usize, rows: &mut [T], space: &mut [Vec<T>; 2]) {
        let (height, width) = (at.len(), n - at.start);
        let product = |values: &[T], len: usize, out: &mut Vec<T>| {
            out.resize(height * width, T::zero());
            let left = View::new(&values[at.start * len..], height, len);
            let right = View::new(&values[at.start * len..], width, len);
            multiply(ViewMut::new(out, height, width), false, left, right.t());
        };
        let [first, second] = space;
        let rows = rows.chunks_exact_mut(n).enumerate();
        match self {
            Seen::Factors {
                inputs,
                outputs,
                bias,
                x,
                ybar,
            } => {
                product(x, *inputs, first);
                product(ybar, *outputs, second);
                let one = if *bias { T::one() } else { T::zero() };
                for (i, row) in rows {
                    let terms = first[i * width + i..].iter().zip(&second[i * width + i..]);
                    for (out, (&x, &ybar)) in row[at.start + i..].iter_mut().zip(terms) {
                        *out += (x + one) * ybar;
                    }
                }
            }
            Seen::Gradients { len, values } => {
                product(values, *len, first);
                for (i, row) in rows {
                    let terms = &first[i * width + i..];
                    for (out, &term) in row[at.start + i..].iter_mut().zip(terms) {
                        *out += term;
                    }
                }
            }
        }
    }
}

/// The steps with parameters, empty of records.
fn layers<T>(program: &Program) -> Vec<Layer<T>> {
    let layer = |(index, step): (usize, &Step)| {
        let Compute::Operation {
            operation, input, ..
        } = &step.compute
        else {
            return None;
        };
        let seen = match operation {
            _ if step.parameters.is_empty() => return None,
            Operation::Linear(op) => Seen::Factors {
                inputs: op.kernel.inputs,
                outputs: op.kernel.outputs,
                bias: op.bias,
                x: Vec::new(),
                ybar: Vec::new(),
            },
            _ => Seen::Gradients {
                len: step.parameters.len(),
                values: Vec::new(),
            },
        };
        Some(Layer {
            step: index,
            from: *input,
            seen,
        })
    };
    program.steps.iter().enumerate().filter_map(layer).collect()
}
