//! Running a program on one chunk of records: forward, backward, and their tangents.

use crate::execution::Execution;
use crate::kernel;
use crate::operations::{Point, Prepared, Saved, Scratch, Sink, Weights};
use crate::program::{Compute, Program, Step};
use crate::scalar::Scalar;

/// A parameter vector with every operation's rearrangement of it, made once per call and shared by
/// all chunks.
pub(crate) struct WeightSet<'a, T> {
    values: &'a [T],
    statistics: &'a [T],
    prepared: Vec<Prepared<T>>,
}

impl<'a, T: Scalar> WeightSet<'a, T> {
    /// For chunks of `records`.
    pub fn new(
        program: &Program,
        values: &'a [T],
        statistics: &'a [T],
        records: usize,
        execution: &Execution,
    ) -> Self {
        let prepare = |step: &Step| match &step.compute {
            Compute::Operation { operation, .. } => {
                (T::compiled().prepare)(operation, &values[step.parameters.clone()], records)
            }
            Compute::Sum { .. } => Prepared::Plain,
        };
        WeightSet {
            values,
            statistics,
            prepared: execution.map(&program.steps, program.prepared_bytes::<T>(), prepare),
        }
    }

    pub fn of(&self, index: usize, step: &Step) -> Weights<'_, T> {
        Weights {
            values: &self.values[step.parameters.clone()],
            prepared: &self.prepared[index],
            // A direction in parameter space has no statistics.
            statistics: self.statistics.get(step.statistics.clone()).unwrap_or(&[]),
        }
    }
}

/// The first step with a non-finite output, and the record it belongs to within the chunk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NonFinite {
    pub step: usize,
    pub record: usize,
}

/// One buffer per slot; those of slots that need none stay empty.
pub(crate) type Buffers<T> = Vec<Vec<T>>;

/// Gives every slot that `wanted` names a buffer for `records`.
pub(crate) fn fit<T: Scalar>(
    program: &Program,
    records: usize,
    buffers: &mut Buffers<T>,
    wanted: impl Fn(usize) -> bool,
) {
    buffers.resize_with(program.slots.len(), Vec::new);
    for (slot, buffer) in buffers.iter_mut().enumerate() {
        if wanted(slot) {
            buffer.resize(program.slots[slot].len * records, T::zero());
        }
    }
}

/// What the forward pass of a chunk computed.
#[derive(Default)]
pub(crate) struct Tape<T> {
    pub records: usize,
    values: Buffers<T>,
    saved: Vec<Saved<T>>,
}

impl<T: Scalar> Tape<T> {
    /// The value of a slot; slot 0 is the input, which the tape does not own.
    pub fn value<'a>(&'a self, slot: usize, input: &'a [T]) -> &'a [T] {
        if slot == 0 { input } else { &self.values[slot] }
    }

    /// Makes room for a chunk.
    pub fn fit(&mut self, program: &Program, records: usize) {
        self.records = records;
        fit(program, records, &mut self.values, |slot| slot > 0);
        self.saved.resize_with(program.steps.len(), Saved::default);
        for (saved, step) in self.saved.iter_mut().zip(&program.steps) {
            if let Compute::Operation { operation, .. } = &step.compute {
                let (reals, indices) = operation.saved_per_record();
                saved.reals.resize(reals * records, T::zero());
                saved.indices.resize(indices * records, 0);
            }
        }
    }

    /// Runs every step. `keep`: derivatives will be asked for.
    pub fn forward(
        &mut self,
        program: &Program,
        w: &WeightSet<'_, T>,
        input: &[T],
        keep: bool,
        scratch: &mut Scratch<T>,
    ) -> Result<(), NonFinite> {
        self.fit(program, input.len() / program.slots[0].len);
        for (index, step) in program.steps.iter().enumerate() {
            self.step(program, index, w.of(index, step), input, keep, scratch)?;
        }
        Ok(())
    }

    /// Runs one step.
    pub fn step(
        &mut self,
        program: &Program,
        index: usize,
        w: Weights<'_, T>,
        input: &[T],
        keep: bool,
        scratch: &mut Scratch<T>,
    ) -> Result<(), NonFinite> {
        let step = &program.steps[index];
        let (before, after) = self.values.split_at_mut(step.output);
        let y = after[0].as_mut_slice();
        let value = |slot: usize| if slot == 0 { input } else { &before[slot] };
        match &step.compute {
            Compute::Operation {
                operation,
                input: from,
                ..
            } => {
                let saved = &mut self.saved[index];
                let forward = T::compiled().forward;
                forward(
                    operation,
                    self.records,
                    w,
                    value(*from),
                    y,
                    saved,
                    keep,
                    scratch,
                );
                // Only a layer with parameters can turn finite values into others.
                if !step.parameters.is_empty() && !kernel::all_finite(y) {
                    let bad = y.iter().position(|v| !v.is_finite()).unwrap_or(0);
                    let record = bad / program.slots[step.output].len;
                    return Err(NonFinite {
                        step: index,
                        record,
                    });
                }
            }
            Compute::Sum { inputs } => {
                y.copy_from_slice(value(inputs[0].0));
                for (from, _) in &inputs[1..] {
                    (T::compiled().add)(y, value(*from));
                }
            }
        }
        Ok(())
    }

    /// An operation's view of the chunk.
    pub fn point<'a>(
        &'a self,
        index: usize,
        from: usize,
        w: Weights<'a, T>,
        input: &'a [T],
    ) -> Point<'a, T> {
        Point {
            records: self.records,
            weights: w,
            x: self.value(from, input),
            saved: &self.saved[index],
        }
    }

    /// From the output's cotangent in `cotangents` to all others; adds the parameters' to
    /// `gradient`.
    pub fn backward(
        &self,
        program: &Program,
        w: &WeightSet<'_, T>,
        input: &[T],
        cotangents: &mut Buffers<T>,
        gradient: &mut [T],
        scratch: &mut Scratch<T>,
    ) {
        for (index, step) in program.steps.iter().enumerate().rev() {
            let w = w.of(index, step);
            self.step_back(
                program,
                index,
                w,
                input,
                cotangents,
                Some(gradient),
                scratch,
            );
        }
    }

    /// As [`backward`](Self::backward), but the activations' cotangents alone.
    pub fn backward_activations(
        &self,
        program: &Program,
        w: &WeightSet<'_, T>,
        input: &[T],
        cotangents: &mut Buffers<T>,
        scratch: &mut Scratch<T>,
    ) {
        for (index, step) in program.steps.iter().enumerate().rev() {
            self.step_back(
                program,
                index,
                w.of(index, step),
                input,
                cotangents,
                None,
                scratch,
            );
        }
    }

    /// One step of [`backward`](Self::backward).
    #[allow(clippy::too_many_arguments)]
    pub fn step_back(
        &self,
        program: &Program,
        index: usize,
        w: Weights<'_, T>,
        input: &[T],
        cotangents: &mut Buffers<T>,
        gradient: Option<&mut [T]>,
        scratch: &mut Scratch<T>,
    ) {
        let step = &program.steps[index];
        if !program.slots[step.output].varies {
            return;
        }
        // Moved out for the while: a slot's users read it while they write their inputs'.
        let ybar = std::mem::take(&mut cotangents[step.output]);
        match &step.compute {
            Compute::Operation {
                operation,
                input: from,
                accumulate,
            } => {
                let point = self.point(index, *from, w, input);
                let sink = program.slots[*from].varies.then(|| Sink {
                    buffer: cotangents[*from].as_mut_slice(),
                    accumulate: *accumulate,
                });
                let wbar = gradient
                    .filter(|_| !step.parameters.is_empty())
                    .map(|g| &mut g[step.parameters.clone()]);
                (T::compiled().backward)(operation, &point, &ybar, sink, wbar, scratch);
            }
            Compute::Sum { inputs } => pass_on(program, inputs, &ybar, cotangents),
        }
        cotangents[step.output] = ybar;
    }

    /// Tangents of all values along `v`, into `tangents`.
    pub fn tangent(
        &self,
        program: &Program,
        w: &WeightSet<'_, T>,
        v: &WeightSet<'_, T>,
        input: &[T],
        tangents: &mut Buffers<T>,
        scratch: &mut Scratch<T>,
    ) {
        fit(program, self.records, tangents, |slot| {
            program.slots[slot].varies
        });
        for (index, step) in program.steps.iter().enumerate() {
            if !program.slots[step.output].varies {
                continue;
            }
            let (before, after) = tangents.split_at_mut(step.output);
            let dy = after[0].as_mut_slice();
            match &step.compute {
                Compute::Operation {
                    operation,
                    input: from,
                    ..
                } => {
                    let point = self.point(index, *from, w.of(index, step), input);
                    let dx = program.slots[*from]
                        .varies
                        .then(|| before[*from].as_slice());
                    (T::compiled().tangent)(operation, &point, v.of(index, step), dx, dy, scratch);
                }
                Compute::Sum { inputs } => {
                    dy.fill(T::zero());
                    for (from, _) in inputs {
                        if program.slots[*from].varies {
                            (T::compiled().add)(dy, &before[*from]);
                        }
                    }
                }
            }
        }
    }

    /// The tangent of [`backward`](Self::backward): from the tangent of the output's cotangent in
    /// `moved` to all others; adds the parameters' to `product`.
    #[allow(clippy::too_many_arguments)]
    pub fn backward_tangent(
        &self,
        program: &Program,
        w: &WeightSet<'_, T>,
        v: &WeightSet<'_, T>,
        input: &[T],
        tangents: &Buffers<T>,
        cotangents: &Buffers<T>,
        moved: &mut Buffers<T>,
        product: &mut [T],
        scratch: &mut Scratch<T>,
    ) {
        for (index, step) in program.steps.iter().enumerate().rev() {
            if !program.slots[step.output].varies {
                continue;
            }
            let dybar = std::mem::take(&mut moved[step.output]);
            match &step.compute {
                Compute::Operation {
                    operation,
                    input: from,
                    accumulate,
                } => {
                    let point = self.point(index, *from, w.of(index, step), input);
                    let varies = program.slots[*from].varies;
                    let dx = varies.then(|| tangents[*from].as_slice());
                    let sink = varies.then(|| Sink {
                        buffer: moved[*from].as_mut_slice(),
                        accumulate: *accumulate,
                    });
                    (T::compiled().backward_tangent)(
                        operation,
                        &point,
                        v.of(index, step),
                        dx,
                        &cotangents[step.output],
                        &dybar,
                        sink,
                        &mut product[step.parameters.clone()],
                        scratch,
                    );
                }
                Compute::Sum { inputs } => pass_on(program, inputs, &dybar, moved),
            }
            moved[step.output] = dybar;
        }
    }

    /// Adds to `norms` every record's squared gradient norm, given all cotangents.
    pub fn record_gradient_norms(
        &self,
        program: &Program,
        w: &WeightSet<'_, T>,
        input: &[T],
        cotangents: &Buffers<T>,
        norms: &mut [f64],
        scratch: &mut Scratch<T>,
    ) {
        for (index, step) in program.steps.iter().enumerate() {
            if let Compute::Operation {
                operation,
                input: from,
                ..
            } = &step.compute
            {
                let point = self.point(index, *from, w.of(index, step), input);
                let ybar = &cotangents[step.output];
                (T::compiled().record_gradient_norms)(operation, &point, ybar, norms, scratch);
            }
        }
    }
}

/// A sum hands its cotangent to each of its inputs.
fn pass_on<T: Scalar>(
    program: &Program,
    inputs: &[(usize, bool)],
    ybar: &[T],
    cotangents: &mut Buffers<T>,
) {
    for &(from, accumulate) in inputs {
        if !program.slots[from].varies {
            continue;
        }
        if accumulate {
            (T::compiled().add)(&mut cotangents[from], ybar);
        } else {
            cotangents[from].copy_from_slice(ybar);
        }
    }
}
