//! What a worker does with a model, one thing at a time.

use super::{answering, releasing};
use crate::desk::Desk;
use crate::error::ServiceError;
use crate::queue::{Batch, ModelRow, Order, Which};
use rescind::Run;
use std::sync::Arc;

/// One thing to do.
#[derive(Debug)]
pub(super) enum Task {
    /// Ask the run what an open batch asks.
    Answer(Batch),
    /// Make a release that an operator has ordered.
    Order(Order),
    /// Make a batch of what waits, or see to what needs none.
    Begin(Which),
    /// Make the release that the policy has made now.
    Release,
}

/// Does it, with the model's open run. What comes next, where that is known already.
pub(super) fn perform(
    desk: &Arc<Desk>,
    model: &ModelRow,
    run: &mut Run,
    task: Task,
) -> Result<Option<(ModelRow, Task)>, ServiceError> {
    match task {
        Task::Answer(batch) => {
            let next = answering::answer(desk, model, run, &batch)?;
            return Ok(next.map(|(model, batch)| (model, Task::Answer(batch))));
        }
        Task::Order(order) => releasing::make_ordered(desk, model, run, &order)?,
        Task::Begin(which) => answering::begin(desk, model, run, which)?,
        Task::Release => releasing::make_due(desk, model, run)?,
    }
    Ok(None)
}
