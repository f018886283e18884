//! Passes over any number of records: logits, loss, gradient, per-record values.

use crate::batch::{Batch, records_of};
use crate::error::check_len;
use crate::execution::{Execution, Workspaces, chunks, largest};
use crate::kernel::squared_norm;
use crate::operations::Scratch;
use crate::scalar::Scalar;
use crate::tape::{Buffers, NonFinite, Tape, WeightSet, fit};
use crate::{Loss, Network, NetworkError, Penalty};
use std::ops::Range;
use std::sync::Arc;

/// Everything a pass needs but weights and records: the network with its frozen statistics, the
/// loss, the penalty, threads and memory.
///
/// `F(w) = (1/n) Σ_i ℓ_i(w) + (μ/2)‖w − c‖²` (docs/theory.md §0), the sum weighted where the batch is.
///
/// ```
/// use rescind_network::{zoo, Batch, Evaluator, Loss, Network};
/// let network = Network::new(zoo::logistic(&[2], 2)?)?;
/// let evaluator = Evaluator::new(&network, Loss::SoftmaxCrossEntropy);
/// let w: Vec<f64> = vec![0.0; network.parameter_count()];
/// let batch = Batch::classes(&[1.0, 0.0, 0.0, 1.0], &[0, 1]);
/// let mut gradient = vec![0.0; w.len()];
/// let loss = evaluator.gradient(&w, batch, &mut gradient)?;
/// assert!((loss - 2.0f64.ln()).abs() < 1e-12);
/// assert!((gradient[0] + 0.25).abs() < 1e-12); // (p − y)/n at the first weight
/// # Ok::<(), rescind_network::NetworkError>(())
/// ```
pub struct Evaluator<'n, T> {
    pub(crate) network: &'n Network,
    pub(crate) loss: Loss,
    pub(crate) penalty: Penalty<T>,
    pub(crate) statistics: Vec<T>,
    pub(crate) execution: Arc<Execution>,
    pub(crate) workspaces: Workspaces<Workspace<T>>,
    partials: Workspaces<Vec<T>>,
}

/// Which records pass through the network together.
#[derive(Clone, Copy)]
enum Company {
    /// Those of a chunk.
    Chunk,
    /// None: each passes alone.
    Alone,
}

/// A thread's buffers.
#[derive(Default)]
pub(crate) struct Workspace<T> {
    pub tape: Tape<T>,
    pub cotangents: Buffers<T>,
    pub tangents: Buffers<T>,
    pub moved: Buffers<T>,
    pub probabilities: Vec<T>,
    pub scratch: Scratch<T>,
}

impl<'n, T: Scalar> Evaluator<'n, T> {
    /// Without penalty, with initial statistics, on all processors.
    pub fn new(network: &'n Network, loss: Loss) -> Self {
        Evaluator {
            network,
            loss,
            penalty: Penalty::default(),
            statistics: network.initial_statistics(),
            execution: Arc::default(),
            workspaces: Workspaces::default(),
            partials: Workspaces::default(),
        }
    }

    /// With `(μ/2)‖w − c‖²`.
    ///
    /// # Errors
    /// [`NetworkError::WrongLength`] if the centre is not of the network's length.
    pub fn with_penalty(self, penalty: Penalty<T>) -> Result<Self, NetworkError> {
        penalty.check(self.network.parameter_count())?;
        Ok(Evaluator { penalty, ..self })
    }

    /// With these frozen batch-norm statistics.
    ///
    /// # Errors
    /// [`NetworkError::WrongLength`] if they are not of the network's length.
    pub fn with_statistics(self, statistics: Vec<T>) -> Result<Self, NetworkError> {
        check_len(
            "statistics",
            statistics.len(),
            self.network.statistic_count(),
        )?;
        Ok(Evaluator { statistics, ..self })
    }

    /// On these threads, within this memory.
    pub fn with_execution(self, execution: Arc<Execution>) -> Self {
        Evaluator { execution, ..self }
    }

    /// The network.
    pub fn network(&self) -> &'n Network {
        self.network
    }

    /// The network's outputs, `n × k`, for `n` records.
    ///
    /// # Errors
    /// Wrong lengths, an empty batch, a budget too small, a non-finite activation.
    pub fn logits(&self, w: &[T], inputs: &[T]) -> Result<Vec<T>, NetworkError> {
        self.outputs_of(w, inputs, Company::Chunk)
    }

    /// The same, every record by itself: its outputs have the same bits whatever records come with
    /// it, before it or after it. Slower than [`logits`](Self::logits), where the number of records
    /// decides how products are cut up and so how their sums are rounded.
    ///
    /// # Errors
    /// As [`logits`](Self::logits).
    pub fn logits_alone(&self, w: &[T], inputs: &[T]) -> Result<Vec<T>, NetworkError> {
        self.outputs_of(w, inputs, Company::Alone)
    }

    fn outputs_of(&self, w: &[T], inputs: &[T], company: Company) -> Result<Vec<T>, NetworkError> {
        let records = records_of(inputs, self.network)?;
        let outputs = self.network.outputs();
        let mut logits = vec![T::zero(); records * outputs];
        self.each_output(w, inputs, (&mut logits, outputs), company, |_, z, out| {
            out.copy_from_slice(z)
        })?;
        Ok(logits)
    }

    /// `F(w)`.
    ///
    /// # Errors
    /// As [`logits`](Self::logits), and targets that do not suit.
    pub fn loss(&self, w: &[T], batch: Batch<'_, T>) -> Result<f64, NetworkError> {
        let mut losses = self.record_losses(w, batch)?;
        if let Some(weights) = batch.weights {
            let pairs = losses.iter_mut().zip(weights);
            pairs.for_each(|(loss, a)| *loss *= a.as_f64());
        }
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        Ok(mean + self.penalty.value(w))
    }

    /// `ℓ_i(w)` for every record, without the penalty.
    ///
    /// # Errors
    /// As [`loss`](Self::loss).
    pub fn record_losses(&self, w: &[T], batch: Batch<'_, T>) -> Result<Vec<f64>, NetworkError> {
        let records = batch.check(self.network, self.loss)?;
        let outputs = self.network.outputs();
        let mut losses = vec![0.0; records];
        let take = |chunk: &Range<usize>, z: &[T], out: &mut [f64]| {
            self.loss
                .per_record(z, batch.targets.range(chunk, outputs), outputs, out);
        };
        self.each_output(w, batch.inputs, (&mut losses, 1), Company::Chunk, take)?;
        Ok(losses)
    }

    /// Runs the forward pass; `take(records, logits, their share of out)` for all that pass together.
    fn each_output<O: Send>(
        &self,
        w: &[T],
        inputs: &[T],
        (out, width): (&mut [O], usize),
        company: Company,
        take: impl Fn(&Range<usize>, &[T], &mut [O]) + Sync,
    ) -> Result<(), NetworkError> {
        self.check_weights(w)?;
        let program = &self.network.program;
        let len = program.slots[0].len;
        let plan = chunks(program, inputs.len() / len);
        let together = match company {
            Company::Chunk => largest(&plan),
            Company::Alone => 1,
        };
        let chunk_bytes = program.tape_bytes::<T>(together) + program.scratch_bytes::<T>(together);
        let lanes = self
            .execution
            .lanes(program.prepared_bytes::<T>(), chunk_bytes)?;
        let weights = WeightSet::new(program, w, &self.statistics, together, &self.execution);
        let mut rest = out;
        let mut items = Vec::with_capacity(plan.len());
        for chunk in plan {
            let (share, tail) = std::mem::take(&mut rest).split_at_mut(chunk.len() * width);
            rest = tail;
            items.push((chunk, share));
        }
        self.execution
            .each(items, lanes, &self.workspaces, |(chunk, share), space| {
                let step = together.min(chunk.len()).max(1);
                let starts = chunk.clone().step_by(step);
                for (start, share) in starts.zip(share.chunks_mut(step * width)) {
                    let records = start..(start + step).min(chunk.end);
                    let input = &inputs[records.start * len..records.end * len];
                    space
                        .tape
                        .forward(program, &weights, input, false, &mut space.scratch)
                        .map_err(|at| self.non_finite(at, records.start))?;
                    take(&records, space.tape.value(program.output, input), share);
                }
                Ok(())
            })
    }

    /// Writes `∇F(w)` and returns `F(w)`.
    ///
    /// # Errors
    /// As [`loss`](Self::loss).
    pub fn gradient(
        &self,
        w: &[T],
        batch: Batch<'_, T>,
        gradient: &mut [T],
    ) -> Result<f64, NetworkError> {
        self.check_weights(w)?;
        check_len("gradient", gradient.len(), w.len())?;
        let records = batch.check(self.network, self.loss)?;
        let program = &self.network.program;
        let len = program.slots[0].len;
        let plan = chunks(program, records);
        let largest = largest(&plan);
        let lanes = self.execution.lanes(
            program.prepared_bytes::<T>(),
            self.gradient_bytes(largest) + size_of_val(gradient),
        )?;
        let weights = WeightSet::new(program, w, &self.statistics, largest, &self.execution);
        let scale = 1.0 / records as f64;
        let total = self.execution.sum(
            &plan,
            lanes,
            &self.workspaces,
            &self.partials,
            gradient,
            |_, chunk, space, part| {
                let input = &batch.inputs[chunk.start * len..chunk.end * len];
                let Workspace {
                    tape,
                    cotangents,
                    probabilities,
                    scratch,
                    ..
                } = space;
                tape.forward(program, &weights, input, true, scratch)
                    .map_err(|at| self.non_finite(at, chunk.start))?;
                let total = self.seed(tape, input, batch, chunk, scale, cotangents, probabilities);
                tape.backward(program, &weights, input, cotangents, part, scratch);
                Ok(total)
            },
        )?;
        self.penalty.add_gradient(w, gradient);
        Ok(total * scale + self.penalty.value(w))
    }

    /// `‖∇ℓ_i(w)‖` for every record, without the penalty.
    ///
    /// # Errors
    /// As [`loss`](Self::loss).
    pub fn record_gradient_norms(
        &self,
        w: &[T],
        batch: Batch<'_, T>,
    ) -> Result<Vec<f64>, NetworkError> {
        self.check_weights(w)?;
        let records = batch.check(self.network, self.loss)?;
        let program = &self.network.program;
        let len = program.slots[0].len;
        let plan = chunks(program, records);
        let largest = largest(&plan);
        let lanes = self
            .execution
            .lanes(program.prepared_bytes::<T>(), self.gradient_bytes(largest))?;
        let weights = WeightSet::new(program, w, &self.statistics, largest, &self.execution);
        let mut norms = vec![0.0; records];
        let mut rest = norms.as_mut_slice();
        let mut items = Vec::with_capacity(plan.len());
        for chunk in plan {
            let (share, tail) = std::mem::take(&mut rest).split_at_mut(chunk.len());
            rest = tail;
            items.push((chunk, share));
        }
        self.execution
            .each(items, lanes, &self.workspaces, |(chunk, norms), space| {
                let input = &batch.inputs[chunk.start * len..chunk.end * len];
                let Workspace {
                    tape,
                    cotangents,
                    probabilities,
                    scratch,
                    ..
                } = space;
                tape.forward(program, &weights, input, true, scratch)
                    .map_err(|at| self.non_finite(at, chunk.start))?;
                let batch = Batch::new(batch.inputs, batch.targets);
                self.seed(tape, input, batch, &chunk, 1.0, cotangents, probabilities);
                tape.backward_activations(program, &weights, input, cotangents, scratch);
                tape.record_gradient_norms(program, &weights, input, cotangents, norms, scratch);
                norms.iter_mut().for_each(|norm| *norm = norm.sqrt());
                Ok(())
            })?;
        Ok(norms)
    }

    /// Writes the scaled loss gradient at the output and returns the chunk's total loss.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn seed(
        &self,
        tape: &Tape<T>,
        input: &[T],
        batch: Batch<'_, T>,
        chunk: &Range<usize>,
        scale: f64,
        cotangents: &mut Buffers<T>,
        probabilities: &mut Vec<T>,
    ) -> f64 {
        let program = &self.network.program;
        fit(program, chunk.len(), cotangents, |slot| {
            program.slots[slot].varies
        });
        let outputs = self.network.outputs();
        self.loss.differentiate(
            tape.value(program.output, input),
            batch.targets.range(chunk, outputs),
            batch.weights(chunk),
            outputs,
            scale,
            &mut cotangents[program.output],
            probabilities,
        )
    }

    /// Bytes that a chunk of a gradient pass takes, its partial gradient aside.
    pub(crate) fn gradient_bytes(&self, records: usize) -> usize {
        let program = &self.network.program;
        program.tape_bytes::<T>(records)
            + program.cotangent_bytes::<T>(records)
            + program.scratch_bytes::<T>(records)
    }

    pub(crate) fn non_finite(&self, at: NonFinite, first: usize) -> NetworkError {
        NetworkError::NonFinite {
            layer: self.network.program.steps[at.step].node.clone(),
            record: first + at.record,
        }
    }

    pub(crate) fn check_weights(&self, w: &[T]) -> Result<(), NetworkError> {
        check_len("weight vector", w.len(), self.network.parameter_count())
    }

    /// `‖w‖` in double precision.
    pub fn norm(w: &[T]) -> f64 {
        squared_norm(w).sqrt()
    }
}
