//! Batch norm as training runs it: statistics of the batch, which tie its records together.
//!
//! Every layer runs chunk by chunk as anywhere else, but a batch-norm layer first waits for all
//! chunks, sums their statistics in order, and then runs as an affine layer with these.

use crate::batch::{Batch, records_of};
use crate::error::check_len;
use crate::evaluator::Evaluator;
use crate::execution::{Workspaces, chunks, largest};
use crate::operations::{Operation, Scratch, Weights};
use crate::program::{Compute, Step};
use crate::scalar::Scalar;
use crate::tape::{Buffers, Tape, WeightSet};
use crate::{Network, NetworkError};
use std::ops::Range;

/// A chunk while all chunks advance together.
struct Chunk<'a, T> {
    range: Range<usize>,
    input: &'a [T],
    tape: Tape<T>,
    cotangents: Buffers<T>,
    probabilities: Vec<T>,
    gradient: Vec<T>,
    loss: f64,
    sums: Vec<f64>,
}

/// A batch's own statistics, and how many values each is over.
struct BatchStatistics<T> {
    values: Vec<T>,
    counts: Vec<usize>,
}

impl<T: Scalar> Evaluator<'_, T> {
    /// `F(w)` and `∇F(w)` with batch norm in training mode: each layer normalises by the batch's
    /// own mean and (biased) variance, and `running` moves towards them by `momentum` (PyTorch's
    /// rule: mean, and unbiased variance). Without batch norm this is [`gradient`](Self::gradient).
    ///
    /// # Errors
    /// As [`gradient`](Self::gradient); also a batch that gives a channel fewer than two values.
    pub fn training_gradient(
        &self,
        w: &[T],
        batch: Batch<'_, T>,
        gradient: &mut [T],
        running: &mut [T],
        momentum: f64,
    ) -> Result<f64, NetworkError> {
        check_len(
            "running statistics",
            running.len(),
            self.network.statistic_count(),
        )?;
        if running.is_empty() {
            return self.gradient(w, batch, gradient);
        }
        check_len("gradient", gradient.len(), self.network.parameter_count())?;
        let records = batch.check(self.network, self.loss)?;
        let (mut state, statistics, weights) = self.forward_together(w, batch.inputs, w.len())?;
        let program = &self.network.program;
        let scale = 1.0 / records as f64;
        let threads = self.execution.threads();
        let scratches = Workspaces::<Scratch<T>>::default();
        self.execution.each(
            state.iter_mut().collect(),
            threads,
            &scratches,
            |chunk, _| {
                let Chunk {
                    range,
                    input,
                    tape,
                    cotangents,
                    probabilities,
                    loss,
                    ..
                } = chunk;
                *loss = self.seed(tape, input, batch, range, scale, cotangents, probabilities);
                Ok::<(), NetworkError>(())
            },
        )?;
        for (index, step) in program.steps.iter().enumerate().rev() {
            let w = with_statistics(&weights, index, step, &statistics.values);
            self.execution.each(
                state.iter_mut().collect(),
                threads,
                &scratches,
                |chunk, s| {
                    let Chunk {
                        input,
                        tape,
                        cotangents,
                        gradient,
                        ..
                    } = chunk;
                    tape.step_back(program, index, w, input, cotangents, Some(gradient), s);
                    Ok::<(), NetworkError>(())
                },
            )?;
            if let Some((channels, from)) = batch_norm(step)
                && program.slots[from].varies
            {
                let count = statistics.counts[index];
                self.through_statistics(&mut state, step, channels, from, w, count)?;
            }
        }
        gradient.fill(T::zero());
        let mut total = 0.0;
        for chunk in &state {
            crate::kernel::add(gradient, &chunk.gradient);
            total += chunk.loss;
        }
        self.penalty.add_gradient(w, gradient);
        move_towards(self.network, running, &statistics, momentum);
        Ok(total * scale + self.penalty.value(w))
    }

    /// The mean and unbiased variance that every batch-norm layer meets on these records, as a
    /// vector of statistics: for recomputing statistics on the retain set (docs/theory.md §6).
    ///
    /// # Errors
    /// As [`training_gradient`](Self::training_gradient).
    pub fn batch_statistics(&self, w: &[T], inputs: &[T]) -> Result<Vec<T>, NetworkError> {
        let mut running = self.network.initial_statistics();
        if !running.is_empty() {
            let (_, statistics, _) = self.forward_together(w, inputs, 0)?;
            move_towards(self.network, &mut running, &statistics, 1.0);
        }
        Ok(running)
    }

    /// The forward pass of all chunks, layer by layer.
    #[allow(clippy::type_complexity)]
    fn forward_together<'a>(
        &'a self,
        w: &'a [T],
        inputs: &'a [T],
        gradient_len: usize,
    ) -> Result<(Vec<Chunk<'a, T>>, BatchStatistics<T>, WeightSet<'a, T>), NetworkError> {
        self.check_weights(w)?;
        let records = records_of(inputs, self.network)?;
        let program = &self.network.program;
        let plan = chunks(program, records);
        let largest = largest(&plan);
        let chunk_bytes = self.gradient_bytes(largest) + gradient_len * size_of::<T>();
        // All chunks are held at once: the budget must have room for the whole batch.
        self.execution
            .lanes(program.prepared_bytes::<T>(), chunk_bytes * plan.len())?;
        let weights = WeightSet::new(program, w, &[], largest, &self.execution);
        let len = program.slots[0].len;
        let fresh = |range: Range<usize>| {
            let mut tape = Tape::default();
            tape.fit(program, range.len());
            Chunk {
                input: &inputs[range.start * len..range.end * len],
                range,
                tape,
                cotangents: Buffers::new(),
                probabilities: Vec::new(),
                gradient: vec![T::zero(); gradient_len],
                loss: 0.0,
                sums: Vec::new(),
            }
        };
        let mut state: Vec<Chunk<'a, T>> = plan.into_iter().map(fresh).collect();
        let mut statistics = BatchStatistics {
            values: vec![T::zero(); program.statistic_count],
            counts: vec![0; program.steps.len()],
        };
        let threads = self.execution.threads();
        let scratches = Workspaces::<Scratch<T>>::default();
        for (index, step) in program.steps.iter().enumerate() {
            if let Some((channels, from)) = batch_norm(step) {
                let count = records * program.slots[from].len / channels;
                if count < 2 {
                    return Err(NetworkError::LayerDoesNotFit {
                        node: step.node.clone(),
                        found: self.network.input_shape(),
                        reason:
                            "training needs more than one value per channel: use a larger batch"
                                .to_owned(),
                    });
                }
                let own = &mut statistics.values[step.statistics.clone()];
                self.measure(&mut state, channels, from, count, own)?;
                statistics.counts[index] = count;
            }
            let w = with_statistics(&weights, index, step, &statistics.values);
            self.execution.each(
                state.iter_mut().collect(),
                threads,
                &scratches,
                |chunk, s| {
                    let first = chunk.range.start;
                    let done = chunk.tape.step(program, index, w, chunk.input, true, s);
                    done.map_err(|at| self.non_finite(at, first))
                },
            )?;
        }
        Ok((state, statistics, weights))
    }

    /// Mean and biased variance per channel of a slot, over all chunks, into `out`.
    fn measure(
        &self,
        state: &mut [Chunk<'_, T>],
        channels: usize,
        from: usize,
        count: usize,
        out: &mut [T],
    ) -> Result<(), NetworkError> {
        let (mean, variance) = out.split_at_mut(channels);
        self.sum_over(state, channels, mean, count, |chunk, sums| {
            for row in chunk.tape.value(from, chunk.input).chunks_exact(channels) {
                for (sum, x) in sums.iter_mut().zip(row) {
                    *sum += x.as_f64();
                }
            }
        })?;
        self.sum_over(state, channels, variance, count, |chunk, sums| {
            for row in chunk.tape.value(from, chunk.input).chunks_exact(channels) {
                for ((sum, x), m) in sums.iter_mut().zip(row).zip(mean.iter()) {
                    *sum += (x.as_f64() - m.as_f64()).powi(2);
                }
            }
        })
    }

    /// `out = Σ_chunks add(chunk) / count`, in order.
    fn sum_over(
        &self,
        state: &mut [Chunk<'_, T>],
        channels: usize,
        out: &mut [T],
        count: usize,
        add: impl Fn(&Chunk<'_, T>, &mut [f64]) + Sync,
    ) -> Result<(), NetworkError> {
        let threads = self.execution.threads();
        let none = Workspaces::<()>::default();
        self.execution
            .each(state.iter_mut().collect(), threads, &none, |chunk, ()| {
                let mut sums = std::mem::take(&mut chunk.sums);
                sums.clear();
                sums.resize(channels, 0.0);
                add(chunk, &mut sums);
                chunk.sums = sums;
                Ok::<(), NetworkError>(())
            })?;
        for (channel, out) in out.iter_mut().enumerate() {
            let total: f64 = state.iter().map(|chunk| chunk.sums[channel]).sum();
            *out = T::of(total / count as f64);
        }
        Ok(())
    }

    /// What reaches a batch-norm layer's input through the batch's mean and variance:
    /// `−(γ/s)(mean(ȳ) + x̂ mean(ȳx̂))`, where the two means are those of the parameters' gradients.
    fn through_statistics(
        &self,
        state: &mut [Chunk<'_, T>],
        step: &Step,
        channels: usize,
        from: usize,
        w: Weights<'_, T>,
        count: usize,
    ) -> Result<(), NetworkError> {
        let epsilon = match &step.compute {
            Compute::Operation {
                operation: Operation::BatchNorm(op),
                ..
            } => op.epsilon,
            _ => return Ok(()),
        };
        let range = step.parameters.clone();
        let mut means = vec![0.0; 2 * channels];
        for chunk in state.iter() {
            for (mean, g) in means.iter_mut().zip(&chunk.gradient[range.clone()]) {
                *mean += g.as_f64() / count as f64;
            }
        }
        let (along_scale, along_shift) = means.split_at(channels);
        let (m, v) = w.statistics.split_at(channels);
        let none = Workspaces::<()>::default();
        let threads = self.execution.threads();
        self.execution
            .each(state.iter_mut().collect(), threads, &none, |chunk, ()| {
                let x = chunk.tape.value(from, chunk.input);
                let out = chunk.cotangents[from].chunks_exact_mut(channels);
                for (out, x) in out.zip(x.chunks_exact(channels)) {
                    for k in 0..channels {
                        let inverse = 1.0 / (v[k].as_f64() + epsilon).sqrt();
                        let normed = (x[k].as_f64() - m[k].as_f64()) * inverse;
                        let flow = along_shift[k] + normed * along_scale[k];
                        out[k] -= T::of(w.values[k].as_f64() * inverse * flow);
                    }
                }
                Ok::<(), NetworkError>(())
            })
    }
}

/// Channels and input slot, if the step is batch norm.
fn batch_norm(step: &Step) -> Option<(usize, usize)> {
    match &step.compute {
        Compute::Operation {
            operation: Operation::BatchNorm(op),
            input,
            ..
        } => Some((op.channels, *input)),
        _ => None,
    }
}

fn with_statistics<'a, T: Scalar>(
    weights: &'a WeightSet<'_, T>,
    index: usize,
    step: &Step,
    statistics: &'a [T],
) -> Weights<'a, T> {
    Weights {
        statistics: &statistics[step.statistics.clone()],
        ..weights.of(index, step)
    }
}

/// `running += momentum (batch − running)`, with the unbiased variance.
fn move_towards<T: Scalar>(
    network: &Network,
    running: &mut [T],
    batch: &BatchStatistics<T>,
    momentum: f64,
) {
    for (index, step) in network.program.steps.iter().enumerate() {
        let Some((channels, _)) = batch_norm(step) else {
            continue;
        };
        let count = batch.counts[index] as f64;
        let unbiased = count / (count - 1.0);
        let own = &batch.values[step.statistics.clone()];
        for (k, out) in running[step.statistics.clone()].iter_mut().enumerate() {
            let factor = if k < channels { 1.0 } else { unbiased };
            *out = T::of(out.as_f64() + momentum * (own[k].as_f64() * factor - out.as_f64()));
        }
    }
}
