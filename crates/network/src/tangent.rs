//! The network linearised in its weights: a model that is linear in all of them (docs/theory.md §3).

mod gram;

pub use gram::GramCost;

use crate::batch::records_of;
use crate::error::check_len;
use crate::execution::{Execution, Workspaces, chunks, chunks_of_at_most, largest};
use crate::loss::softmax;
use crate::operations::Scratch;
use crate::program::Program;
use crate::scalar::Scalar;
use crate::tape::{Buffers, Tape, WeightSet, fit};
use crate::{Batch, Loss, Network, NetworkError, Targets};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Most records of a chunk in binary64.
const TOGETHER: usize = 1024;

/// The tangent model `z(x; v) = J_f(x; w₀) v` of a network f over some records: its outputs are
/// linear in v, so both losses are convex in it (Golatkar et al. 2021; docs/theory.md §3).
///
/// The constant `f(x; w₀)` is left out: at v = 0 every class is then as likely as any other,
/// whatever the records. The Jacobian never changes, so the forward pass at w₀ can be kept, within
/// the memory budget, for all products to come. Batch norm, where there is any, has its initial
/// statistics. Sums run in one order whatever the number of threads.
///
/// ```
/// use rescind_network::{zoo, Activation, Loss, Network, Tangent};
/// let network = Network::new(zoo::mlp(&[2], &[8], 3, Activation::Relu, zoo::Norm::None)?)?;
/// let origin: Vec<f64> = network.initialise(1);
/// let records = [0.5, -1.0, 2.0, 0.1];
/// let tangent = Tangent::new(&network, &origin, records, Default::default(), true)?;
/// let mut gradient = vec![0.0; origin.len()];
/// let zero = vec![0.0; origin.len()];
/// let loss = tangent.gradient(Loss::SoftmaxCrossEntropy, &zero, &[0, 2], &mut gradient)?;
/// assert!((loss - 3f64.ln()).abs() < 1e-12);
/// # Ok::<(), rescind_network::NetworkError>(())
/// ```
pub struct Tangent<'n, T> {
    network: &'n Network,
    origin: Vec<T>,
    statistics: Vec<T>,
    execution: Arc<Execution>,
    inputs: Arc<[f32]>,
    plan: Vec<Range<usize>>,
    lanes: usize,
    kept: Vec<Tape<T>>,
    workspaces: Workspaces<Workspace<T>>,
    partials: Workspaces<Vec<T>>,
}

/// A thread's buffers.
#[derive(Default)]
struct Workspace<T> {
    input: Vec<T>,
    tape: Tape<T>,
    tangents: Buffers<T>,
    cotangents: Buffers<T>,
    scratch: Scratch<T>,
}

/// A chunk's forward pass at w₀, and the buffers that a product writes.
struct At<'a, T> {
    tape: &'a Tape<T>,
    input: &'a [T],
    tangents: &'a mut Buffers<T>,
    cotangents: &'a mut Buffers<T>,
    scratch: &'a mut Scratch<T>,
}

impl<T: Scalar> At<'_, T> {
    /// Makes `u` the outputs' cotangent.
    fn seed(&mut self, program: &Program, u: &[T]) {
        fit(program, self.tape.records, self.cotangents, |slot| {
            program.slots[slot].varies
        });
        self.cotangents[program.output].copy_from_slice(u);
    }
}

impl<'n, T: Scalar> Tangent<'n, T> {
    /// Linearises `network` at `origin` (w₀, d numbers) over the records `inputs`. With `keep` the
    /// forward pass is kept as far as the memory budget goes; without, every product repeats it.
    ///
    /// # Errors
    /// Wrong lengths, no record, a budget too small, an activation that is not finite.
    pub fn new(
        network: &'n Network,
        origin: &[T],
        inputs: impl Into<Arc<[f32]>>,
        execution: Arc<Execution>,
        keep: bool,
    ) -> Result<Self, NetworkError> {
        let inputs = inputs.into();
        check_len("weight vector", origin.len(), network.parameter_count())?;
        let records = records_of(&inputs, network)?;
        let program = &network.program;
        // Where sums are in binary64, what rounding does to them is counted: see `additions`.
        let plan = match size_of::<T>() == size_of::<f64>() {
            true => chunks_of_at_most(program, records, TOGETHER),
            false => chunks(program, records),
        };
        let largest = largest(&plan);
        let primal = program.tape_bytes::<T>(largest);
        let flight = primal
            + 2 * program.cotangent_bytes::<T>(largest)
            + program.scratch_bytes::<T>(largest)
            + largest * program.slots[0].len * size_of::<T>()
            + size_of_val(origin);
        let fixed = 2 * program.prepared_bytes::<T>() + 2 * size_of_val(origin);
        let lanes = execution.lanes(fixed, flight)?;
        let free = execution
            .memory_budget()
            .saturating_sub(fixed + lanes * flight);
        let keep = match keep {
            true => (free / primal.max(1)).min(plan.len()),
            false => 0,
        };
        let mut tangent = Tangent {
            network,
            origin: origin.to_vec(),
            statistics: network.initial_statistics(),
            execution,
            inputs,
            plan,
            lanes,
            kept: Vec::new(),
            workspaces: Workspaces::default(),
            partials: Workspaces::default(),
        };
        tangent.kept = tangent.tapes(keep)?;
        Ok(tangent)
    }

    /// Forward passes of the first chunks.
    fn tapes(&self, count: usize) -> Result<Vec<Tape<T>>, NetworkError> {
        let slots: Vec<Mutex<Option<Tape<T>>>> = (0..count).map(|_| Mutex::default()).collect();
        let items: Vec<_> = self.plan.iter().zip(&slots).enumerate().collect();
        let weights = self.weights();
        let (execution, lanes) = (&self.execution, self.lanes);
        execution.each(
            items,
            lanes,
            &self.workspaces,
            |(index, (_, slot)), space| {
                let kept = self.at(index, &weights, space, |_| ());
                kept?;
                let tape = std::mem::take(&mut space.tape);
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(tape);
                Ok::<(), NetworkError>(())
            },
        )?;
        let kept = slots
            .into_iter()
            .map_while(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner));
        Ok(kept.collect())
    }

    fn weights(&self) -> WeightSet<'_, T> {
        let (program, largest) = (&self.network.program, largest(&self.plan));
        WeightSet::new(
            program,
            &self.origin,
            &self.statistics,
            largest,
            &self.execution,
        )
    }

    fn direction<'v>(&self, v: &'v [T]) -> Result<WeightSet<'v, T>, NetworkError> {
        check_len("direction", v.len(), self.origin.len())?;
        let (program, largest) = (&self.network.program, largest(&self.plan));
        Ok(WeightSet::new(program, v, &[], largest, &self.execution))
    }

    /// Runs `work` at a chunk's forward pass, kept or just computed.
    fn at<R>(
        &self,
        index: usize,
        weights: &WeightSet<'_, T>,
        space: &mut Workspace<T>,
        work: impl FnOnce(At<'_, T>) -> R,
    ) -> Result<R, NetworkError> {
        let (chunk, program) = (&self.plan[index], &self.network.program);
        let len = program.slots[0].len;
        let Workspace {
            input,
            tape,
            tangents,
            cotangents,
            scratch,
        } = space;
        let raw = &self.inputs[chunk.start * len..chunk.end * len];
        input.clear();
        input.extend(raw.iter().map(|&x| T::of(f64::from(x))));
        let tape = match self.kept.get(index) {
            Some(kept) => kept,
            None => {
                tape.forward(program, weights, input, true, scratch)
                    .map_err(|at| NetworkError::NonFinite {
                        layer: program.steps[at.step].node.clone(),
                        record: chunk.start + at.record,
                    })?;
                tape
            }
        };
        Ok(work(At {
            tape,
            input,
            tangents,
            cotangents,
            scratch,
        }))
    }

    /// Number n of records.
    pub fn records(&self) -> usize {
        self.plan.last().map_or(0, |chunk| chunk.end)
    }

    /// Most additions that a record's term passes through on its way into a sum over all of them:
    /// those of its chunk, and one for each chunk.
    pub fn additions(&self) -> usize {
        largest(&self.plan) + self.plan.len()
    }

    /// Number d of parameters.
    pub fn dim(&self) -> usize {
        self.origin.len()
    }

    /// `z(x_i; v) = J_i v`, n × k.
    ///
    /// # Errors
    /// [`NetworkError::WrongLength`].
    pub fn logits(&self, v: &[T]) -> Result<Vec<T>, NetworkError> {
        let (program, outputs) = (&self.network.program, self.network.outputs());
        let (weights, v) = (self.weights(), self.direction(v)?);
        let mut logits = vec![T::zero(); self.records() * outputs];
        let mut rest = logits.as_mut_slice();
        let mut items = Vec::with_capacity(self.plan.len());
        for (index, chunk) in self.plan.iter().enumerate() {
            let (share, tail) = std::mem::take(&mut rest).split_at_mut(chunk.len() * outputs);
            rest = tail;
            items.push((index, share));
        }
        let (execution, lanes) = (&self.execution, self.lanes);
        execution.each(items, lanes, &self.workspaces, |(index, share), space| {
            self.at(index, &weights, space, |at| {
                let (input, tangents) = (at.input, at.tangents);
                at.tape
                    .tangent(program, &weights, &v, input, tangents, at.scratch);
                share.copy_from_slice(&tangents[program.output]);
            })
        })?;
        Ok(logits)
    }

    /// The class probabilities `softmax(z(x_i; v))`, n × k.
    ///
    /// # Errors
    /// [`NetworkError::WrongLength`].
    pub fn probabilities(&self, v: &[T]) -> Result<Vec<T>, NetworkError> {
        let mut rows = self.logits(v)?;
        let outputs = self.network.outputs();
        let mut z = vec![T::zero(); outputs];
        for row in rows.chunks_exact_mut(outputs) {
            z.copy_from_slice(row);
            softmax(&z, row);
        }
        Ok(rows)
    }

    /// Writes `(1/n) Σ J_iᵀ ∂ℓ_i/∂z` and returns the mean loss at v; the class of record i is
    /// `labels[i]`.
    ///
    /// # Errors
    /// [`NetworkError::WrongLength`], and a label that is no class.
    pub fn gradient(
        &self,
        loss: Loss,
        v: &[T],
        labels: &[u32],
        gradient: &mut [T],
    ) -> Result<f64, NetworkError> {
        check_len("targets", labels.len(), self.records())?;
        Batch::classes(&self.inputs, labels).check(self.network, loss)?;
        let outputs = self.network.outputs();
        let scale = 1.0 / self.records() as f64;
        let total = self.through(v, gradient, |chunk, z, cotangent| {
            let targets = Targets::Classes(labels).range(chunk, outputs);
            let mut probabilities = Vec::new();
            loss.differentiate(
                z,
                targets,
                None,
                outputs,
                scale,
                cotangent,
                &mut probabilities,
            )
        })?;
        Ok(total * scale)
    }

    /// `out = (1/n) Σ J_iᵀ (diag(p_i) − p_i p_iᵀ) J_i u`: the Hessian of the mean cross-entropy,
    /// and so its Gauss–Newton matrix, where the probabilities are those given (n × k). Without
    /// any, that of the mean squared error, `(1/n) Σ J_iᵀ J_i u`.
    ///
    /// # Errors
    /// [`NetworkError::WrongLength`].
    pub fn hessian_product(
        &self,
        probabilities: Option<&[T]>,
        u: &[T],
        out: &mut [T],
    ) -> Result<(), NetworkError> {
        let outputs = self.network.outputs();
        if let Some(probabilities) = probabilities {
            let expected = self.records() * outputs;
            check_len("probabilities", probabilities.len(), expected)?;
        }
        let scale = 1.0 / self.records() as f64;
        self.through(u, out, |chunk, dz, cotangent| {
            let (loss, p) = match probabilities {
                Some(p) => {
                    let own = chunk.start * outputs..chunk.end * outputs;
                    (Loss::SoftmaxCrossEntropy, &p[own])
                }
                None => (Loss::SquaredError, &[][..]),
            };
            loss.hessian(p, None, dz, outputs, scale, cotangent);
            0.0
        })?;
        Ok(())
    }

    /// `out = Jᵀ u = Σ_i J_iᵀ u_i` for u of shape n × k.
    ///
    /// # Errors
    /// [`NetworkError::WrongLength`].
    pub fn vjp(&self, u: &[T], out: &mut [T]) -> Result<(), NetworkError> {
        let (program, outputs) = (&self.network.program, self.network.outputs());
        check_len("output cotangent", u.len(), self.records() * outputs)?;
        check_len("product", out.len(), self.origin.len())?;
        let weights = self.weights();
        self.execution.sum(
            &self.plan,
            self.lanes,
            &self.workspaces,
            &self.partials,
            out,
            |index, chunk, space, part| {
                let u = &u[chunk.start * outputs..chunk.end * outputs];
                self.at(index, &weights, space, |mut at| {
                    at.seed(program, u);
                    let (input, cotangents) = (at.input, at.cotangents);
                    at.tape
                        .backward(program, &weights, input, cotangents, part, at.scratch);
                    0.0
                })
            },
        )?;
        Ok(())
    }

    /// `out = Σ_i J_iᵀ bend(J_i v)` in one pass over the records; `bend` writes the outputs'
    /// cotangents of a chunk and returns a number to be summed.
    fn through(
        &self,
        v: &[T],
        out: &mut [T],
        bend: impl Fn(&Range<usize>, &[T], &mut [T]) -> f64 + Sync,
    ) -> Result<f64, NetworkError> {
        let program = &self.network.program;
        check_len("product", out.len(), self.origin.len())?;
        let (weights, v) = (self.weights(), self.direction(v)?);
        self.execution.sum(
            &self.plan,
            self.lanes,
            &self.workspaces,
            &self.partials,
            out,
            |index, chunk, space, part| {
                self.at(index, &weights, space, |at| {
                    let At {
                        tape,
                        input,
                        tangents,
                        cotangents,
                        scratch,
                    } = at;
                    tape.tangent(program, &weights, &v, input, tangents, scratch);
                    fit(program, chunk.len(), cotangents, |slot| {
                        program.slots[slot].varies
                    });
                    let value = bend(
                        chunk,
                        &tangents[program.output],
                        &mut cotangents[program.output],
                    );
                    tape.backward(program, &weights, input, cotangents, part, scratch);
                    value
                })
            },
        )
    }
}
