//! Batches: the requests that a model answers together, by one request of its run.
//!
//! A batch is written down before its run is asked, with everything that the run is asked, and the
//! batch's name is the run's idempotency key: whoever finds an open batch after a crash asks again and
//! gets the same answer.

use super::models::live_model;
use super::settling::settle;
use super::waiting::{Member, member};
use crate::audit;
use crate::clock::now;
use crate::error::ServiceError;
use crate::policy::When;
use crate::secret::Secret;
use crate::state::PartState;
use crate::store::{Connection, unexpected};
use rescind::methods::MethodChoice;
use rescind::{Code, ReleaseChoice};
use serde::{Deserialize, Serialize};

/// How a batch is to be answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub method: Option<MethodChoice>,
    pub release: Option<ReleaseChoice>,
}

/// An open batch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Batch {
    pub id: String,
    pub asked: Asked,
    /// In the order of their names, always the same.
    pub members: Vec<Member>,
}

/// How a part ends without an answer of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// There is nothing to forget.
    NothingHeld,
    /// An operator has to see to it.
    Held,
    /// All was forgotten before.
    Gone(Gone),
}

/// Records that were forgotten before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone {
    /// How many.
    pub records: i64,
    /// The answer by which they are gone.
    pub answer: i64,
    pub taken: Taken,
}

/// The answers that took out the records that a request names, where some were forgotten before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The first: least is left of what its releases promise.
    pub first: i64,
    /// The last: releases before it have some of the records. The request's own, where absent.
    pub last: Option<i64>,
}

/// A request that is to stand in a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Joins {
    pub request: String,
    /// How many records that were trained on it names.
    pub records: i64,
    pub taken: Option<Taken>,
}

/// Makes a batch of requests. Those taken back meanwhile are left out; none where all were.
pub(crate) fn compose(
    connection: &mut Connection,
    secret: &Secret,
    id: &str,
    model: &str,
    asked: &Asked,
    members: &[Joins],
) -> Result<Option<Batch>, ServiceError> {
    let text = serde_json::to_string(asked).map_err(rescind::Error::Document)?;
    connection.change(
        "INSERT INTO batches VALUES ($1, $2, $3, $4, NULL) ON CONFLICT DO NOTHING",
        &[id.into(), model.into(), text.into(), now().into()],
    )?;
    for member in members {
        let joined = connection.change(
            "UPDATE parts SET state = 'answering', batch = $3, records = $4, since = $5, \
             first_answer = $6, last_answer = $7, code = NULL, detail = NULL \
             WHERE request = $1 AND model = $2 AND state = 'waiting'",
            &[
                (&member.request).into(),
                model.into(),
                id.into(),
                member.records.into(),
                now().into(),
                member.taken.map(|taken| taken.first).into(),
                member.taken.and_then(|taken| taken.last).into(),
            ],
        )?;
        if joined == 1 {
            settle(connection, secret, &member.request)?;
        }
    }
    let batch = read(connection, secret, id)?;
    if batch.members.is_empty() {
        close(connection, id)?;
        return Ok(None);
    }
    Ok(Some(batch))
}

/// The batch that a model has begun to answer, if it has.
pub(crate) fn open_batch(
    connection: &mut Connection,
    secret: &Secret,
    model: &str,
) -> Result<Option<Batch>, ServiceError> {
    let found = connection.row(
        "SELECT id FROM batches WHERE model = $1 AND done_at IS NULL ORDER BY made_at, id LIMIT 1",
        &[model.into()],
    )?;
    let Some(row) = found else {
        return Ok(None);
    };
    read(connection, secret, &row.text(0)?).map(Some)
}

/// How many batches of a model are open: several where one was split.
pub(crate) fn open_batches(connection: &mut Connection, model: &str) -> Result<i64, ServiceError> {
    let count = "SELECT count(*) FROM batches WHERE model = $1 AND done_at IS NULL";
    let row = connection.row(count, &[model.into()])?;
    row.ok_or_else(|| unexpected("a count"))?.number(0)
}

fn read(connection: &mut Connection, secret: &Secret, id: &str) -> Result<Batch, ServiceError> {
    let row = connection.row("SELECT asked FROM batches WHERE id = $1", &[id.into()])?;
    let row = row.ok_or_else(|| unexpected("a batch"))?;
    let asked = serde_json::from_str(&row.text(0)?).map_err(|_| unexpected("how to answer"))?;
    let rows = connection.rows(
        "SELECT request, sealed, parts.due_at, since FROM parts JOIN requests ON id = request \
         WHERE batch = $1 AND parts.state = 'answering' ORDER BY request",
        &[id.into()],
    )?;
    let members = rows.iter().map(|row| member(secret, row));
    Ok(Batch {
        id: id.to_owned(),
        asked,
        members: members.collect::<Result<_, _>>()?,
    })
}

/// Has a batch answered otherwise: its run has refused it as it stood, and changed nothing.
pub(crate) fn set_asked(
    connection: &mut Connection,
    batch: &str,
    asked: &Asked,
) -> Result<(), ServiceError> {
    let text = serde_json::to_string(asked).map_err(rescind::Error::Document)?;
    connection.change(
        "UPDATE batches SET asked = $2 WHERE id = $1 AND done_at IS NULL",
        &[batch.into(), text.into()],
    )?;
    Ok(())
}

/// The run has answered: under this number. Where nothing is released of the model all is done.
pub(crate) fn answered(
    connection: &mut Connection,
    secret: &Secret,
    model: &str,
    batch: &Batch,
    answer: u64,
) -> Result<(), ServiceError> {
    // As the policy is now: nobody looks again at what waits for a release that never comes.
    let state = match live_model(connection, model)?.policy.release.when {
        When::Never => PartState::Done,
        _ => PartState::Forgotten,
    };
    connection.change(
        "UPDATE parts SET state = $2, answer = $3, since = $4 WHERE batch = $1 AND state = 'answering'",
        &[
            (&batch.id).into(),
            state.as_str().into(),
            (answer as i64).into(),
            now().into(),
        ],
    )?;
    connection.change(
        "UPDATE models SET answered = $2 WHERE name = $1 AND answered < $2",
        &[model.into(), (answer as i64).into()],
    )?;
    close(connection, &batch.id)?;
    let detail = format!(
        "answer {answer} of the run, to {} requests",
        batch.members.len()
    );
    audit::append(connection, secret, "desk", "answered", model, &detail)?;
    settle_all(connection, secret, batch)
}

/// The run refuses the batch, and an operator has to see to it.
pub(crate) fn held(
    connection: &mut Connection,
    secret: &Secret,
    model: &str,
    batch: &Batch,
    code: &str,
    detail: &str,
) -> Result<(), ServiceError> {
    connection.change(
        "UPDATE parts SET state = 'held', batch = NULL, code = $2, detail = $3, since = $4 \
         WHERE batch = $1 AND state = 'answering'",
        &[(&batch.id).into(), code.into(), detail.into(), now().into()],
    )?;
    close(connection, &batch.id)?;
    audit::append(connection, secret, "desk", "held", model, code)?;
    settle_all(connection, secret, batch)
}

/// Takes a batch apart that its run has refused: its requests wait again.
pub(crate) fn undo(
    connection: &mut Connection,
    secret: &Secret,
    batch: &Batch,
) -> Result<(), ServiceError> {
    connection.change(
        "UPDATE parts SET state = 'waiting', batch = NULL WHERE batch = $1 AND state = 'answering'",
        &[(&batch.id).into()],
    )?;
    close(connection, &batch.id)?;
    settle_all(connection, secret, batch)
}

/// Has a batch that its run refuses as a whole answered in two halves, until what cannot be answered is
/// alone. Nothing is released before all of them are answered.
pub(crate) fn split(
    connection: &mut Connection,
    batch: &Batch,
    ids: &[String; 2],
) -> Result<(), ServiceError> {
    let asked = Asked {
        release: None,
        ..batch.asked.clone()
    };
    let text = serde_json::to_string(&asked).map_err(rescind::Error::Document)?;
    let half = batch.members.len().div_ceil(2);
    for (id, members) in ids.iter().zip(batch.members.chunks(half)) {
        connection.change(
            "INSERT INTO batches SELECT CAST($2 AS TEXT), model, CAST($3 AS TEXT), made_at, NULL \
             FROM batches WHERE id = $1 AND done_at IS NULL",
            &[(&batch.id).into(), id.into(), (&text).into()],
        )?;
        for member in members {
            connection.change(
                "UPDATE parts SET batch = $3 WHERE request = $1 AND batch = $2 AND state = 'answering'",
                &[(&member.request).into(), (&batch.id).into(), id.into()],
            )?;
        }
    }
    close(connection, &batch.id)
}

/// A request that the run need not, or will not, answer in this model.
pub(crate) fn drop_part(
    connection: &mut Connection,
    secret: &Secret,
    request: &str,
    model: &str,
    outcome: Outcome,
    why: (&str, &str),
) -> Result<(), ServiceError> {
    let state = match outcome {
        Outcome::NothingHeld => PartState::NothingHeld,
        Outcome::Held => PartState::Held,
        Outcome::Gone(known) => return gone(connection, secret, request, model, known),
    };
    connection.change(
        "UPDATE parts SET state = $3, code = $4, detail = $5, since = $6 \
         WHERE request = $1 AND model = $2 AND state = 'waiting'",
        &[
            request.into(),
            model.into(),
            state.as_str().into(),
            why.0.into(),
            why.1.into(),
            now().into(),
        ],
    )?;
    settle(connection, secret, request)
}

/// A request for records that were forgotten before: no release that has them still is left out. As if it
/// stood in the run's newest answer, it waits for the first release that covers that one, or is done by it.
fn gone(
    connection: &mut Connection,
    secret: &Secret,
    request: &str,
    model: &str,
    gone: Gone,
) -> Result<(), ServiceError> {
    let known = live_model(connection, model)?;
    let (state, release) = match known.policy.release.when {
        _ if known.released >= gone.answer => (PartState::Done, Some(known.released)),
        When::Never => (PartState::Done, None),
        _ => (PartState::Forgotten, None),
    };
    connection.change(
        "UPDATE parts SET state = $3, records = $4, answer = $5, release = $6, code = NULL, \
         detail = NULL, since = $7, first_answer = $8, last_answer = $9 \
         WHERE request = $1 AND model = $2 AND state = 'waiting'",
        &[
            request.into(),
            model.into(),
            state.as_str().into(),
            gone.records.into(),
            gone.answer.into(),
            release.into(),
            now().into(),
            gone.taken.first.into(),
            gone.taken.last.into(),
        ],
    )?;
    let detail = format!("by answer {} of the run", gone.answer);
    audit::append(connection, secret, "desk", "gone_before", model, &detail)?;
    settle(connection, secret, request)
}

/// An operator has seen to what was held: nothing more is to be done in this model.
pub(crate) fn dismiss(
    connection: &mut Connection,
    secret: &Secret,
    actor: &str,
    request: &str,
    model: &str,
) -> Result<(), ServiceError> {
    let dismissed = connection.change(
        "UPDATE parts SET state = 'dismissed', since = $3 \
         WHERE request = $1 AND model = $2 AND state = 'held'",
        &[request.into(), model.into(), now().into()],
    )?;
    if dismissed == 0 {
        return Err(ServiceError::refused(
            Code::TooLate,
            "the request is not held in this model: there is nothing to dismiss",
        ));
    }
    audit::append(connection, secret, actor, "dismissed", request, model)?;
    settle(connection, secret, request)
}

fn close(connection: &mut Connection, batch: &str) -> Result<(), ServiceError> {
    connection.change(
        "UPDATE batches SET done_at = $2 WHERE id = $1",
        &[batch.into(), now().into()],
    )?;
    Ok(())
}

fn settle_all(
    connection: &mut Connection,
    secret: &Secret,
    batch: &Batch,
) -> Result<(), ServiceError> {
    for member in &batch.members {
        settle(connection, secret, &member.request)?;
    }
    Ok(())
}
