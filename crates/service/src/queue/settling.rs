//! What follows for a request when something changed in one of its models.

use super::callbacks::enqueue_status;
use crate::audit;
use crate::clock::now;
use crate::error::ServiceError;
use crate::secret::Secret;
use crate::state::{PartState, RequestState};
use crate::store::{Connection, unexpected};

/// Works out where a request stands, tells those who wanted to hear, and lets go of names once it is
/// completed or cancelled.
pub(super) fn settle(
    connection: &mut Connection,
    secret: &Secret,
    request: &str,
) -> Result<(), ServiceError> {
    let rows = connection.rows(
        "SELECT state, code, answer FROM parts WHERE request = $1",
        &[request.into()],
    )?;
    let states = rows.iter().map(|row| {
        let state = PartState::read(&row.text(0)?);
        state.ok_or_else(|| unexpected("a state"))
    });
    let states = states.collect::<Result<Vec<PartState>, _>>()?;
    let answers = rows.iter().map(|row| row.maybe_number(2));
    let answers = answers.collect::<Result<Vec<_>, _>>()?;
    let state = RequestState::of(&states, answers.iter().any(Option::is_some));
    let attention = rows.iter().zip(&states).map(|(row, state)| {
        let refused = *state == PartState::Forgotten && row.maybe_text(1)?.is_some();
        Ok(refused || *state == PartState::Held)
    });
    let attention = attention.collect::<Result<Vec<bool>, ServiceError>>()?;
    let attention = i64::from(attention.contains(&true));
    // As long as a release is waited for, a model may be registered, or put in another's place, that has
    // the person too.
    let is_open = matches!(state, RequestState::Pending | RequestState::InProgress);
    if !is_open {
        connection.change(
            "UPDATE requests SET sealed = NULL WHERE id = $1",
            &[request.into()],
        )?;
    }
    let changed = connection.change(
        "UPDATE requests SET state = $2 WHERE id = $1 AND state <> $2",
        &[request.into(), state.as_str().into()],
    )?;
    connection.change(
        "UPDATE requests SET attention = $2 WHERE id = $1 AND attention <> $2",
        &[request.into(), attention.into()],
    )?;
    if changed == 0 {
        return Ok(());
    }
    if matches!(state, RequestState::Completed | RequestState::Cancelled) {
        connection.change(
            "UPDATE requests SET finished_at = $2 WHERE id = $1",
            &[request.into(), now().into()],
        )?;
        let action = match state {
            RequestState::Completed => "request_completed",
            _ => "request_cancelled",
        };
        audit::append(connection, secret, "desk", action, request, "")?;
    }
    enqueue_status(connection, secret, request, state)
}
