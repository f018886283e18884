//! Whom to tell what: kept until it was told, or nobody listened for long.

use crate::clock::{now, rfc3339};
use crate::error::ServiceError;
use crate::secret::{Secret, fresh_name};
use crate::state::RequestState;
use crate::store::{Connection, unexpected};
use serde_json::json;

/// How often it is tried to tell somebody; the pauses between double, up to a day in all.
pub(crate) const ATTEMPTS: i64 = 12;
/// The longest pause, in seconds.
const LONGEST_PAUSE: i64 = 6 * 3600;

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Callback {
    pub id: String,
    /// Whom.
    pub url: String,
    /// What: a JSON object.
    pub body: String,
    pub attempts: i64,
}

/// Whom to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    /// Those whom requests name.
    Named,
    /// Operators, where they said.
    Operators,
}

/// Tells those that a request names that it stands otherwise now.
pub(super) fn enqueue_status(
    connection: &mut Connection,
    secret: &Secret,
    request: &str,
    state: RequestState,
) -> Result<(), ServiceError> {
    let found = connection.row(
        "SELECT subject_request_id, callbacks, due_at FROM requests WHERE id = $1",
        &[request.into()],
    )?;
    let found = found.ok_or_else(|| unexpected("the request of a part"))?;
    let Some(sealed) = found.maybe_text(1)? else {
        return Ok(());
    };
    let body = json!({
        "event": "request_status",
        "request_id": request,
        "subject_request_id": found.maybe_text(0)?,
        "request_status": state,
        "expected_completion_time": rfc3339(found.number(2)?),
        "at": rfc3339(now()),
    });
    let urls = secret.unseal(&place_of(request), &sealed);
    let urls = urls.and_then(|urls| serde_json::from_slice::<Vec<String>>(&urls).ok());
    let urls = urls.ok_or_else(|| unexpected("addresses sealed under the key beside it"))?;
    for url in urls {
        enqueue(connection, secret, Some(request), &url, &body.to_string())?;
    }
    Ok(())
}

/// What a request's addresses are sealed for.
pub(super) fn place_of(request: &str) -> String {
    format!("{request} callbacks")
}

/// Tells operators of something that they may have to see to.
pub(crate) fn enqueue_alert(
    connection: &mut Connection,
    secret: &Secret,
    url: Option<&str>,
    event: &str,
    object: &str,
    detail: &str,
) -> Result<(), ServiceError> {
    let Some(url) = url else {
        return Ok(());
    };
    let body = json!({
        "event": event,
        "object": object,
        "detail": detail,
        "at": rfc3339(now()),
    });
    enqueue(connection, secret, None, url, &body.to_string())
}

fn enqueue(
    connection: &mut Connection,
    secret: &Secret,
    request: Option<&str>,
    url: &str,
    body: &str,
) -> Result<(), ServiceError> {
    let id = fresh_name()?;
    let target = secret.seal(&id, url.as_bytes())?;
    connection.change(
        "INSERT INTO callbacks VALUES ($1, $2, $3, $4, $5, $5, 0, NULL, NULL)",
        &[
            id.into(),
            request.into(),
            target.into(),
            body.into(),
            now().into(),
        ],
    )?;
    Ok(())
}

/// What is to be told now. Whoever takes it has two minutes before another may.
pub(crate) fn due_callbacks(
    connection: &mut Connection,
    secret: &Secret,
    whom: Whom,
    most: i64,
) -> Result<Vec<Callback>, ServiceError> {
    let now = now();
    let query = match whom {
        Whom::Named => {
            "UPDATE callbacks SET next_try = $2 + 120, attempts = attempts + 1 WHERE id IN ( \
             SELECT id FROM callbacks WHERE done_at IS NULL AND next_try <= $2 \
             AND request IS NOT NULL ORDER BY next_try LIMIT $1) AND done_at IS NULL \
             AND next_try <= $2 RETURNING id, target, body, attempts"
        }
        Whom::Operators => {
            "UPDATE callbacks SET next_try = $2 + 120, attempts = attempts + 1 WHERE id IN ( \
             SELECT id FROM callbacks WHERE done_at IS NULL AND next_try <= $2 \
             AND request IS NULL ORDER BY next_try LIMIT $1) AND done_at IS NULL \
             AND next_try <= $2 RETURNING id, target, body, attempts"
        }
    };
    let rows = connection.rows(query, &[most.into(), now.into()])?;
    let mut found = Vec::new();
    for row in &rows {
        let id = row.text(0)?;
        let url = secret.unseal(&id, &row.text(1)?);
        let url = url.and_then(|url| String::from_utf8(url).ok());
        found.push(Callback {
            url: url.ok_or_else(|| unexpected("an address sealed under the key beside it"))?,
            id,
            body: row.text(2)?,
            attempts: row.number(3)?,
        });
    }
    Ok(found)
}

/// Remembers how telling went: heard, to be tried again, or given up. The address is let go of once it
/// is not needed any more.
pub(crate) fn settle_callback(
    connection: &mut Connection,
    secret: &Secret,
    id: &str,
    attempts: i64,
    outcome: Result<(), &str>,
) -> Result<(), ServiceError> {
    let now = now();
    let (outcome, over) = match outcome {
        Ok(()) => ("heard", true),
        Err(why) => (why, attempts >= ATTEMPTS),
    };
    if over {
        connection.change(
            "UPDATE callbacks SET done_at = $2, outcome = $3, target = '' WHERE id = $1",
            &[id.into(), now.into(), outcome.into()],
        )?;
        if outcome != "heard" {
            crate::audit::append(connection, secret, "desk", "callback_given_up", id, outcome)?;
        }
        return Ok(());
    }
    let pause = 10_i64 << attempts.clamp(0, 20);
    connection.change(
        "UPDATE callbacks SET next_try = $2, outcome = $3 WHERE id = $1",
        &[
            id.into(),
            (now + pause.min(LONGEST_PAUSE)).into(),
            outcome.into(),
        ],
    )?;
    Ok(())
}

/// Whether there is something to tell now.
pub(crate) fn is_callback_due(
    connection: &mut Connection,
    whom: Whom,
) -> Result<bool, ServiceError> {
    let query = match whom {
        Whom::Named => {
            "SELECT 1 FROM callbacks WHERE done_at IS NULL AND next_try <= $1 \
             AND request IS NOT NULL LIMIT 1"
        }
        Whom::Operators => {
            "SELECT 1 FROM callbacks WHERE done_at IS NULL AND next_try <= $1 \
             AND request IS NULL LIMIT 1"
        }
    };
    let found = connection.row(query, &[now().into()])?;
    Ok(found.is_some())
}
