//! Products with a linearisation: Hessian, Gauss–Newton, Jacobian and its transpose.

use super::{At, Linearization, Room};
use crate::NetworkError;
use crate::error::check_len;
use crate::evaluator::{Evaluator, Workspace};
use crate::execution::largest;
use crate::scalar::Scalar;
use crate::tape::{WeightSet, fit};
use std::ops::Range;

impl<T: Scalar> Linearization<'_, T> {
    /// `out = ∇²F(w) v`: the exact Hessian-vector product, forward over reverse.
    ///
    /// # Errors
    /// [`NetworkError::WrongLength`].
    pub fn hvp(&self, v: &[T], out: &mut [T]) -> Result<(), NetworkError> {
        self.product(v, out, true, |at, room, direction, part| {
            self.outward(at, room, direction);
            let Room {
                tangents,
                moved,
                scratch,
            } = room;
            let (program, w) = (&self.evaluator.network.program, &self.weights);
            let (input, cotangents) = (at.input, at.cotangents);
            at.tape.backward_tangent(
                program, w, direction, input, tangents, cotangents, moved, part, scratch,
            );
        })
    }

    /// `out = (1/n) Σ_i J_iᵀ ∂²ℓ_i/∂z² J_i v + μv`: the Gauss–Newton product, positive
    /// semidefinite for both losses.
    ///
    /// # Errors
    /// [`NetworkError::WrongLength`].
    pub fn ggn(&self, v: &[T], out: &mut [T]) -> Result<(), NetworkError> {
        self.product(v, out, false, |at, room, direction, part| {
            self.outward(at, room, direction);
            let program = &self.evaluator.network.program;
            at.tape.backward(
                program,
                &self.weights,
                at.input,
                room.moved,
                part,
                room.scratch,
            );
        })
    }

    /// The way to the loss: tangents of all activations, and the tangent of the output's cotangent
    /// that the loss's curvature makes of them.
    fn outward(&self, at: &At<'_, T>, room: &mut Room<'_, T>, direction: &WeightSet<'_, T>) {
        let program = &self.evaluator.network.program;
        let tangents = &mut *room.tangents;
        at.tape.tangent(
            program,
            &self.weights,
            direction,
            at.input,
            tangents,
            room.scratch,
        );
        fit(program, at.records, room.moved, |slot| {
            program.slots[slot].varies
        });
        self.evaluator.loss.hessian(
            at.probabilities,
            at.weights,
            &room.tangents[program.output],
            self.evaluator.network.outputs(),
            1.0 / self.records as f64,
            &mut room.moved[program.output],
        );
    }

    /// Sums a product over the chunks and adds the penalty's.
    fn product(
        &self,
        v: &[T],
        out: &mut [T],
        adjoints: bool,
        chunk_product: impl Fn(&At<'_, T>, &mut Room<'_, T>, &WeightSet<'_, T>, &mut [T]) + Sync,
    ) -> Result<(), NetworkError> {
        check_len("direction", v.len(), self.w.len())?;
        check_len("product", out.len(), self.w.len())?;
        let direction = self.direction(v);
        self.sum(out, |i, chunk, space, part| {
            self.at(i, chunk, adjoints, space, |at, mut room| {
                chunk_product(&at, &mut room, &direction, part);
                Ok(())
            })
        })?;
        self.evaluator.penalty.add_product(v, out);
        Ok(())
    }

    fn direction<'v>(&self, v: &'v [T]) -> WeightSet<'v, T> {
        let Evaluator {
            network, execution, ..
        } = self.evaluator;
        WeightSet::new(&network.program, v, &[], largest(&self.plan), execution)
    }

    /// `J v`, `n × k`: how the outputs move along `v`.
    ///
    /// # Errors
    /// [`NetworkError::WrongLength`].
    pub fn jvp(&self, v: &[T]) -> Result<Vec<T>, NetworkError> {
        check_len("direction", v.len(), self.w.len())?;
        let program = &self.evaluator.network.program;
        let outputs = self.evaluator.network.outputs();
        let direction = self.direction(v);
        let mut out = vec![T::zero(); self.records * outputs];
        let mut rest = out.as_mut_slice();
        let mut items = Vec::with_capacity(self.plan.len());
        for (index, chunk) in self.plan.iter().enumerate() {
            let (share, tail) = std::mem::take(&mut rest).split_at_mut(chunk.len() * outputs);
            rest = tail;
            items.push((index, chunk, share));
        }
        let execution = &self.evaluator.execution;
        execution.each(
            items,
            self.lanes,
            &self.workspaces,
            |(index, chunk, share), space| {
                self.at(index, chunk, false, space, |at, room| {
                    let Room {
                        tangents, scratch, ..
                    } = room;
                    at.tape.tangent(
                        program,
                        &self.weights,
                        &direction,
                        at.input,
                        tangents,
                        scratch,
                    );
                    share.copy_from_slice(&tangents[program.output]);
                    Ok(())
                })
            },
        )?;
        Ok(out)
    }

    /// `out = Jᵀ u` for `u` of shape `n × k`.
    ///
    /// # Errors
    /// [`NetworkError::WrongLength`].
    pub fn vjp(&self, u: &[T], out: &mut [T]) -> Result<(), NetworkError> {
        let program = &self.evaluator.network.program;
        let outputs = self.evaluator.network.outputs();
        check_len("output cotangent", u.len(), self.records * outputs)?;
        check_len("product", out.len(), self.w.len())?;
        self.sum(out, |i, chunk, space, part| {
            self.at(i, chunk, false, space, |at, room| {
                let Room { moved, scratch, .. } = room;
                fit(program, at.records, moved, |slot| {
                    program.slots[slot].varies
                });
                let share = &u[chunk.start * outputs..chunk.end * outputs];
                moved[program.output].copy_from_slice(share);
                at.tape
                    .backward(program, &self.weights, at.input, moved, part, scratch);
                Ok(())
            })
        })
    }

    /// `out = Σ_chunks partial(chunk)`, in order.
    fn sum(
        &self,
        out: &mut [T],
        partial: impl Fn(usize, &Range<usize>, &mut Workspace<T>, &mut [T]) -> Result<(), NetworkError>
        + Sync,
    ) -> Result<(), NetworkError> {
        let (execution, plan) = (&self.evaluator.execution, &self.plan);
        let counted = |i, chunk: &Range<usize>, space: &mut Workspace<T>, part: &mut [T]| {
            partial(i, chunk, space, part).map(|()| 0.0)
        };
        execution.sum(
            plan,
            self.lanes,
            &self.workspaces,
            &self.partials,
            out,
            counted,
        )?;
        Ok(())
    }
}
