//! The network at fixed weights and records, ready for many products.

mod products;

use crate::NetworkError;
use crate::batch::Batch;
use crate::evaluator::{Evaluator, Workspace};
use crate::execution::{Workspaces, chunks, largest};
use crate::operations::Scratch;
use crate::scalar::Scalar;
use crate::tape::{Buffers, Tape, WeightSet};
use std::ops::Range;

/// A linearisation: primal activations and adjoints computed once, then reused by every product.
///
/// What the memory budget cannot hold is computed again for each product, with the same numbers.
/// Products with the loss include the penalty's `μv`; Jacobian products are of the network alone.
pub struct Linearization<'e, T> {
    evaluator: &'e Evaluator<'e, T>,
    batch: Batch<'e, T>,
    weights: WeightSet<'e, T>,
    w: &'e [T],
    records: usize,
    plan: Vec<Range<usize>>,
    kept: Vec<Primal<T>>,
    lanes: usize,
    loss: f64,
    gradient: Vec<T>,
    workspaces: Workspaces<Workspace<T>>,
    partials: Workspaces<Vec<T>>,
}

/// What is kept of a chunk.
struct Primal<T> {
    tape: Tape<T>,
    cotangents: Buffers<T>,
    probabilities: Vec<T>,
}

/// A chunk's primal pass, kept or just computed.
struct At<'a, T> {
    input: &'a [T],
    weights: Option<&'a [T]>,
    records: usize,
    tape: &'a Tape<T>,
    cotangents: &'a Buffers<T>,
    probabilities: &'a [T],
}

/// The buffers that a product writes.
struct Room<'a, T> {
    tangents: &'a mut Buffers<T>,
    moved: &'a mut Buffers<T>,
    scratch: &'a mut Scratch<T>,
}

impl<T: Scalar> Evaluator<'_, T> {
    /// Computes and keeps, within the memory budget, the primal activations and adjoints of
    /// `batch` at `w`.
    ///
    /// # Errors
    /// As [`gradient`](Self::gradient).
    pub fn linearize<'e>(
        &'e self,
        w: &'e [T],
        batch: Batch<'e, T>,
    ) -> Result<Linearization<'e, T>, NetworkError> {
        self.check_weights(w)?;
        let records = batch.check(self.network, self.loss)?;
        let program = &self.network.program;
        let plan = chunks(program, records);
        let largest = largest(&plan);

        // In flight, a product needs for each chunk: its primal pass, in case it was not kept, two
        // sets of tangents, scratch and a partial result; and two rearranged weight vectors.
        let primal = program.tape_bytes::<T>(largest)
            + program.cotangent_bytes::<T>(largest)
            + largest * self.network.outputs() * size_of::<T>();
        let flight = primal
            + 2 * program.cotangent_bytes::<T>(largest)
            + program.scratch_bytes::<T>(largest)
            + size_of_val(w);
        let fixed = 2 * program.prepared_bytes::<T>() + size_of_val(w);
        let lanes = self.execution.lanes(fixed, flight)?;
        let free = self
            .execution
            .memory_budget()
            .saturating_sub(fixed + lanes * flight);
        let keep = (free / primal.max(1)).min(plan.len());

        let mut linearization = Linearization {
            evaluator: self,
            batch,
            weights: WeightSet::new(program, w, &self.statistics, largest, &self.execution),
            w,
            records,
            plan,
            kept: Vec::new(),
            lanes,
            loss: 0.0,
            gradient: vec![T::zero(); w.len()],
            workspaces: Workspaces::default(),
            partials: Workspaces::default(),
        };
        linearization.run_primal(keep)?;
        Ok(linearization)
    }
}

impl<'e, T: Scalar> Linearization<'e, T> {
    /// Loss and gradient of every chunk; keeps the first `keep`.
    fn run_primal(&mut self, keep: usize) -> Result<(), NetworkError> {
        let mut gradient = std::mem::take(&mut self.gradient);
        let slots: Vec<std::sync::Mutex<Option<Primal<T>>>> =
            (0..keep).map(|_| std::sync::Mutex::new(None)).collect();
        let program = &self.evaluator.network.program;
        let total = self.evaluator.execution.sum(
            &self.plan,
            self.lanes,
            &self.workspaces,
            &self.partials,
            &mut gradient,
            |index, chunk, space, part| {
                let total = self.primal(chunk, space)?;
                let Workspace {
                    tape,
                    cotangents,
                    probabilities,
                    scratch,
                    ..
                } = space;
                tape.backward(
                    program,
                    &self.weights,
                    self.input(chunk),
                    cotangents,
                    part,
                    scratch,
                );
                if let Some(slot) = slots.get(index) {
                    let primal = Primal {
                        tape: std::mem::take(tape),
                        cotangents: std::mem::take(cotangents),
                        probabilities: std::mem::take(probabilities),
                    };
                    *slot
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(primal);
                }
                Ok(total)
            },
        )?;
        let kept = slots.into_iter().map_while(|slot| {
            slot.into_inner()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
        });
        self.kept = kept.collect();
        let penalty = &self.evaluator.penalty;
        penalty.add_gradient(self.w, &mut gradient);
        self.gradient = gradient;
        self.loss = total / self.records as f64 + penalty.value(self.w);
        Ok(())
    }

    fn input(&self, chunk: &Range<usize>) -> &'e [T] {
        let len = self.evaluator.network.program.slots[0].len;
        &self.batch.inputs[chunk.start * len..chunk.end * len]
    }

    /// Forward pass and loss of a chunk; the output's cotangent is set, the others are not.
    fn primal(&self, chunk: &Range<usize>, space: &mut Workspace<T>) -> Result<f64, NetworkError> {
        let Workspace {
            tape,
            cotangents,
            probabilities,
            scratch,
            ..
        } = space;
        let input = self.input(chunk);
        tape.forward(
            &self.evaluator.network.program,
            &self.weights,
            input,
            true,
            scratch,
        )
        .map_err(|at| self.evaluator.non_finite(at, chunk.start))?;
        let scale = 1.0 / self.records as f64;
        Ok(self.evaluator.seed(
            tape,
            input,
            self.batch,
            chunk,
            scale,
            cotangents,
            probabilities,
        ))
    }

    /// Runs `work` at a chunk's primal pass, computing it again if it was not kept; `adjoints`
    /// says whether its cotangents are wanted.
    fn at(
        &self,
        index: usize,
        chunk: &Range<usize>,
        adjoints: bool,
        space: &mut Workspace<T>,
        work: impl FnOnce(At<'_, T>, Room<'_, T>) -> Result<(), NetworkError>,
    ) -> Result<(), NetworkError> {
        let (input, weights) = (self.input(chunk), self.batch.weights(chunk));
        let records = chunk.len();
        if let Some(Primal {
            tape,
            cotangents,
            probabilities,
        }) = self.kept.get(index)
        {
            let Workspace {
                tangents,
                moved,
                scratch,
                ..
            } = space;
            let at = At {
                input,
                weights,
                records,
                tape,
                cotangents,
                probabilities,
            };
            return work(
                at,
                Room {
                    tangents,
                    moved,
                    scratch,
                },
            );
        }
        self.primal(chunk, space)?;
        let Workspace {
            tape,
            cotangents,
            tangents,
            moved,
            probabilities,
            scratch,
        } = space;
        if adjoints {
            let program = &self.evaluator.network.program;
            tape.backward_activations(program, &self.weights, input, cotangents, scratch);
        }
        let at = At {
            input,
            weights,
            records,
            tape,
            cotangents,
            probabilities,
        };
        work(
            at,
            Room {
                tangents,
                moved,
                scratch,
            },
        )
    }

    /// Number of records `n`.
    pub fn records(&self) -> usize {
        self.records
    }

    /// Length `d` of a direction.
    pub fn dim(&self) -> usize {
        self.w.len()
    }

    /// Share of the records whose primal pass is kept, from 0 to 1.
    pub fn kept_share(&self) -> f64 {
        let kept: usize = self.plan[..self.kept.len()]
            .iter()
            .map(|chunk| chunk.len())
            .sum();
        kept as f64 / self.records as f64
    }

    /// `F(w)`.
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// `∇F(w)`.
    pub fn gradient(&self) -> &[T] {
        &self.gradient
    }
}
