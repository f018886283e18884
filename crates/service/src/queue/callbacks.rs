//! Whom to tell what: kept until it was told, or nobody listened for long.
//!
//! What one address is told of one request goes one way, in order: the next is sent once the one before
//! was heard. One that was not heard is not sent again where there is news: the news takes its place.

use crate::clock::{now, rfc3339};
use crate::error::ServiceError;
use crate::secret::{Of, Secret, fresh_name};
use crate::state::RequestState;
use crate::store::{Connection, unexpected};
use serde_json::json;

/// How often it is tried to tell somebody; the pauses between double, up to a day in all.
pub(crate) const ATTEMPTS: i64 = 12;
/// The longest pause, in seconds.
const LONGEST_PAUSE: i64 = 6 * 3600;
/// How long whoever takes one has before another may, in seconds.
const TAKEN: i64 = 120;
/// When what waits behind another is tried: once that is heard, or given up.
const BEHIND: i64 = i64::MAX;

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

/// What is told about a request, and to whom.
pub(super) struct Told<'a> {
    request: &'a str,
    owner: String,
    number: i64,
}

/// Tells those that a request names that it stands otherwise now.
pub(super) fn enqueue_status(
    connection: &mut Connection,
    secret: &Secret,
    request: &str,
    state: RequestState,
) -> Result<(), ServiceError> {
    let found = connection.row(
        "SELECT subject_request_id, callbacks, due_at, owner, \
         (SELECT COALESCE(MAX(number), 0) FROM callbacks WHERE request = $1) \
         FROM requests WHERE id = $1",
        &[request.into()],
    )?;
    let found = found.ok_or_else(|| unexpected("the request of a part"))?;
    let Some(sealed) = found.maybe_text(1)? else {
        return Ok(());
    };
    let told = Told {
        request,
        owner: found.text(3)?,
        number: found.number(4)? + 1,
    };
    let body = json!({
        "event": "request_status",
        "request_id": request,
        "subject_request_id": found.maybe_text(0)?,
        "request_status": state,
        "expected_completion_time": rfc3339(found.number(2)?),
        "number": told.number,
        "at": rfc3339(now()),
    });
    let urls = secret.unseal(&place_of(request), &sealed);
    let urls = urls.and_then(|urls| serde_json::from_slice::<Vec<String>>(&urls).ok());
    let urls = urls.ok_or_else(|| unexpected("addresses sealed under the key beside it"))?;
    for url in urls {
        let way = secret.hash(Of::Way, format!("{request} {url}").as_bytes());
        let body = body.to_string();
        enqueue(connection, secret, Some(&told), (&url, &way), &body)?;
    }
    Ok(())
}

/// What a request's addresses are sealed for.
pub(super) fn place_of(request: &str) -> String {
    format!("{request} callbacks")
}

/// Has one address told something, which waits for what goes the same way before it.
pub(super) fn enqueue(
    connection: &mut Connection,
    secret: &Secret,
    told: Option<&Told<'_>>,
    (url, way): (&str, &str),
    body: &str,
) -> Result<(), ServiceError> {
    let id = fresh_name()?;
    let target = secret.seal(&id, url.as_bytes())?;
    let next_try = match is_on(connection, way)? {
        true => {
            // What waits behind it is old news now.
            connection.change(
                "UPDATE callbacks SET done_at = $2, outcome = 'overtaken', target = '', body = '' \
                 WHERE way = $1 AND done_at IS NULL AND next_try = $3",
                &[way.into(), now().into(), BEHIND.into()],
            )?;
            BEHIND
        }
        false => now(),
    };
    connection.change(
        "INSERT INTO callbacks (id, request, target, body, made_at, next_try, attempts, owner, way, \
         number) VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9)",
        &[
            id.into(),
            told.map(|told| told.request).into(),
            target.into(),
            body.into(),
            now().into(),
            next_try.into(),
            told.map(|told| told.owner.clone()).into(),
            way.into(),
            told.map_or(0, |told| told.number).into(),
        ],
    )?;
    Ok(())
}

/// Whether something goes this way that was neither heard nor given up.
fn is_on(connection: &mut Connection, way: &str) -> Result<bool, ServiceError> {
    let query = "SELECT 1 FROM callbacks WHERE way = $1 AND done_at IS NULL LIMIT 1";
    Ok(connection.row(query, &[way.into()])?.is_some())
}

/// Owners of requests, who may have something to be told of.
pub(crate) fn owners(connection: &mut Connection) -> Result<Vec<String>, ServiceError> {
    let query = "SELECT DISTINCT owner FROM tokens ORDER BY owner";
    let rows = connection.rows(query, &[])?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// What is to be told now of requests of this owner, or to operators if absent. Whoever takes it has two
/// minutes before another may.
pub(crate) fn due_callbacks(
    connection: &mut Connection,
    secret: &Secret,
    owner: Option<&str>,
    most: i64,
) -> Result<Vec<Callback>, ServiceError> {
    let now = now();
    let until = now + TAKEN;
    let rows = match owner {
        Some(owner) => connection.rows(
            "UPDATE callbacks SET next_try = $3, attempts = attempts + 1 WHERE id IN ( \
             SELECT id FROM callbacks WHERE owner = $4 AND done_at IS NULL AND next_try <= $2 \
             ORDER BY next_try LIMIT $1) AND done_at IS NULL AND next_try <= $2 \
             RETURNING id, target, body, attempts",
            &[most.into(), now.into(), until.into(), owner.into()],
        )?,
        None => connection.rows(
            "UPDATE callbacks SET next_try = $3, attempts = attempts + 1 WHERE id IN ( \
             SELECT id FROM callbacks WHERE request IS NULL AND done_at IS NULL AND next_try <= $2 \
             ORDER BY next_try LIMIT $1) AND done_at IS NULL AND next_try <= $2 \
             RETURNING id, target, body, attempts",
            &[most.into(), now.into(), until.into()],
        )?,
    };
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

/// Remembers how telling went: heard, to be tried again, or given up. Address and words are let go of
/// once they are not needed any more.
pub(crate) fn settle_callback(
    connection: &mut Connection,
    secret: &Secret,
    id: &str,
    attempts: i64,
    outcome: Result<(), &str>,
) -> Result<(), ServiceError> {
    let now = now();
    let (outcome, heard) = match outcome {
        Ok(()) => ("heard", true),
        Err(why) => (why, false),
    };
    // Another may have taken it since: then that decides, unless it was heard.
    let found = connection.row(
        "SELECT attempts FROM callbacks WHERE id = $1 AND done_at IS NULL",
        &[id.into()],
    )?;
    match found {
        Some(row) if heard || row.number(0)? == attempts => {}
        _ => return Ok(()),
    }
    let pause = 10_i64 << attempts.clamp(0, 20);
    let again = now + pause.min(LONGEST_PAUSE);
    let over = heard || attempts >= ATTEMPTS;
    if !heard {
        carry_over(connection, id)?;
    }
    // What waits behind it comes now where it was heard; otherwise it takes its place.
    let news = connection.change(
        "UPDATE callbacks SET next_try = $3, attempts = $4 WHERE way = (\
         SELECT way FROM callbacks WHERE id = $1) AND done_at IS NULL AND next_try = $2",
        &[
            id.into(),
            BEHIND.into(),
            if over { now } else { again }.into(),
            if over { 0 } else { attempts }.into(),
        ],
    )?;
    if over || news > 0 {
        connection.change(
            "UPDATE callbacks SET done_at = $2, outcome = $3, target = '', body = '' WHERE id = $1",
            &[id.into(), now.into(), outcome.into()],
        )?;
        if over && !heard {
            crate::audit::append(connection, secret, "desk", "callback_given_up", id, outcome)?;
        }
        return Ok(());
    }
    connection.change(
        "UPDATE callbacks SET next_try = $2, outcome = $3 WHERE id = $1",
        &[id.into(), again.into(), outcome.into()],
    )?;
    Ok(())
}

/// What waits for another that goes this way: its name and body.
pub(super) fn behind(
    connection: &mut Connection,
    way: &str,
) -> Result<Option<(String, String)>, ServiceError> {
    let found = connection.row(
        "SELECT id, body FROM callbacks WHERE way = $1 AND done_at IS NULL AND next_try = $2",
        &[way.into(), BEHIND.into()],
    )?;
    found
        .map(|row| Ok((row.text(0)?, row.text(1)?)))
        .transpose()
}

pub(super) fn put_body(
    connection: &mut Connection,
    id: &str,
    body: &str,
) -> Result<(), ServiceError> {
    let query = "UPDATE callbacks SET body = $2 WHERE id = $1";
    connection
        .change(query, &[id.into(), body.into()])
        .map(drop)
}

/// An alert that was not heard is counted with the one that waits behind it, and takes its place.
fn carry_over(connection: &mut Connection, id: &str) -> Result<(), ServiceError> {
    let found = connection.row(
        "SELECT way, body FROM callbacks WHERE id = $1 AND request IS NULL AND way IS NOT NULL",
        &[id.into()],
    )?;
    let Some(row) = found else {
        return Ok(());
    };
    let Some((waits, next)) = behind(connection, &row.text(0)?)? else {
        return Ok(());
    };
    let read = |text: &str| {
        serde_json::from_str::<serde_json::Value>(text).map_err(|_| unexpected("an alert"))
    };
    let (unheard, mut next) = (read(&row.text(1)?)?, read(&next)?);
    let count = |alert: &serde_json::Value| alert["count"].as_u64().unwrap_or(1);
    next["count"] = json!(count(&next).saturating_add(count(&unheard)));
    put_body(connection, &waits, &next.to_string())
}

/// Whether there is something to tell now, of requests of this owner, or to operators if absent.
pub(crate) fn is_callback_due(
    connection: &mut Connection,
    owner: Option<&str>,
) -> Result<bool, ServiceError> {
    let found = match owner {
        Some(owner) => connection.row(
            "SELECT 1 FROM callbacks WHERE owner = $2 AND done_at IS NULL AND next_try <= $1 LIMIT 1",
            &[now().into(), owner.into()],
        )?,
        None => connection.row(
            "SELECT 1 FROM callbacks WHERE request IS NULL AND done_at IS NULL AND next_try <= $1 \
             LIMIT 1",
            &[now().into()],
        )?,
    };
    Ok(found.is_some())
}
