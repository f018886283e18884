//! Requests: looked at, listed, taken back.

use super::TOGETHER;
use super::settling::settle;
use crate::audit;
use crate::clock::now;
use crate::error::ServiceError;
use crate::secret::Secret;
use crate::state::{PartState, RequestState};
use crate::store::{Connection, Row, Value, unexpected};
use rescind::Code;

/// A request. Whom it names is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestRow {
    pub id: String,
    pub owner: String,
    pub subject_request_id: Option<String>,
    pub regulation: String,
    pub state: RequestState,
    /// Whether an operator has to see to it.
    pub attention: bool,
    pub submitted_at: i64,
    pub received_at: i64,
    pub due_at: i64,
    pub finished_at: Option<i64>,
}

/// Where a request stands in one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartRow {
    pub request: String,
    pub model: String,
    pub state: PartState,
    /// How many records it took out.
    pub records: Option<i64>,
    /// The number that the run gave its answer.
    pub answer: Option<i64>,
    /// The first answer that took out one of its records, where that was before.
    pub first_answer: Option<i64>,
    /// The last that did, where that was before.
    pub last_answer: Option<i64>,
    /// The release that covers it.
    pub release: Option<i64>,
    /// Why it is held, or why there was nothing to do.
    pub code: Option<String>,
    /// The same in words, for operators.
    pub detail: Option<String>,
    /// Since when it stands so.
    pub since: i64,
}

/// Which requests to list: newest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    /// Of this owner alone.
    pub owner: Option<String>,
    pub state: Option<RequestState>,
    /// Those alone that an operator has to see to.
    pub attention: bool,
    /// After this one, the last of the page before.
    pub after: Option<(i64, String)>,
    pub most: i64,
}

impl Page {
    /// Where a page begins, as the one before gave it: `TIME-NAME`.
    pub fn place(text: &str) -> Option<(i64, String)> {
        let (at, id) = text.split_once('-')?;
        let plain = id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        plain.then_some((at.parse().ok()?, id.to_owned()))
    }
}

fn read(row: &Row) -> Result<RequestRow, ServiceError> {
    Ok(RequestRow {
        id: row.text(0)?,
        owner: row.text(1)?,
        subject_request_id: row.maybe_text(2)?,
        regulation: row.text(3)?,
        state: RequestState::read(&row.text(4)?).ok_or_else(|| unexpected("a state"))?,
        attention: row.number(5)? != 0,
        submitted_at: row.number(6)?,
        received_at: row.number(7)?,
        due_at: row.number(8)?,
        finished_at: row.maybe_number(9)?,
    })
}

fn unknown() -> ServiceError {
    ServiceError::refused(
        Code::UnknownRequest,
        "there is no request of this name that the token may see: GET /v1/requests lists those that \
         it may",
    )
}

/// A request by its name.
pub(crate) fn request(connection: &mut Connection, id: &str) -> Result<RequestRow, ServiceError> {
    // What the database would not take as a text is no name of ours.
    if id.contains('\0') {
        return Err(unknown());
    }
    let found = connection.row(
        "SELECT id, owner, subject_request_id, regulation, state, attention, submitted_at, \
         received_at, due_at, finished_at FROM requests WHERE id = $1",
        &[id.into()],
    )?;
    found.map_or_else(|| Err(unknown()), |row| read(&row))
}

/// Where it stands in every model.
pub(crate) fn parts_of(
    connection: &mut Connection,
    request: &str,
) -> Result<Vec<PartRow>, ServiceError> {
    let rows = connection.rows(
        "SELECT request, model, state, records, answer, release, code, detail, since, first_answer, \
         last_answer \
         FROM parts WHERE request = $1 ORDER BY model",
        &[request.into()],
    )?;
    let rows = rows.iter().map(|row| {
        Ok(PartRow {
            request: row.text(0)?,
            model: row.text(1)?,
            state: PartState::read(&row.text(2)?).ok_or_else(|| unexpected("a state"))?,
            records: row.maybe_number(3)?,
            answer: row.maybe_number(4)?,
            release: row.maybe_number(5)?,
            code: row.maybe_text(6)?,
            detail: row.maybe_text(7)?,
            since: row.number(8)?,
            first_answer: row.maybe_number(9)?,
            last_answer: row.maybe_number(10)?,
        })
    });
    rows.collect()
}

/// A page of requests.
pub(crate) fn list(
    connection: &mut Connection,
    page: &Page,
) -> Result<Vec<RequestRow>, ServiceError> {
    let (at, id) = page.after.clone().unwrap_or((i64::MAX, String::new()));
    // A statement for each way to choose, so that each goes by its index.
    macro_rules! list {
        ($($chosen:literal),*) => {
            concat!(
                "SELECT id, owner, subject_request_id, regulation, state, attention, submitted_at, \
                 received_at, due_at, finished_at FROM requests \
                 WHERE (received_at, id) < ($1, $2)",
                $(" AND ", $chosen,)*
                " ORDER BY received_at DESC, id DESC LIMIT $3"
            )
        };
    }
    let mut values: Vec<Value> = vec![at.into(), id.into(), page.most.into()];
    values.extend(page.owner.as_ref().map(Value::from));
    values.extend(page.state.map(|state| Value::from(state.as_str())));
    let query = match (page.owner.is_some(), page.state.is_some(), page.attention) {
        (false, false, false) => list!(),
        (true, false, false) => list!("owner = $4"),
        (false, true, false) => list!("state = $4"),
        (true, true, false) => list!("owner = $4", "state = $5"),
        (false, false, true) => list!("attention = 1"),
        (true, false, true) => list!("attention = 1", "owner = $4"),
        (false, true, true) => list!("attention = 1", "state = $4"),
        (true, true, true) => list!("attention = 1", "owner = $4", "state = $5"),
    };
    let rows = connection.rows(query, &values)?;
    rows.iter().map(read).collect()
}

/// Open requests, those due first first; late ones alone if asked for. Those after one, the last of the page
/// before, by when it is due and its name.
pub(crate) fn list_due(
    connection: &mut Connection,
    late: bool,
    after: Option<(i64, String)>,
    most: i64,
) -> Result<Vec<RequestRow>, ServiceError> {
    let (at, id) = after.unwrap_or((i64::MIN, String::new()));
    let before = if late { now() } else { i64::MAX };
    let rows = connection.rows(
        "SELECT id, owner, subject_request_id, regulation, state, attention, submitted_at, \
         received_at, due_at, finished_at FROM requests WHERE state IN ('pending', 'in_progress') \
         AND (due_at, id) > ($1, $2) AND due_at < $3 ORDER BY due_at, id LIMIT $4",
        &[at.into(), id.into(), before.into(), most.into()],
    )?;
    rows.iter().map(read).collect()
}

/// How many requests there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestCounts {
    /// Of each state.
    pub states: Vec<(RequestState, i64)>,
    /// That an operator has to see to.
    pub attention: i64,
    /// Open and past due.
    pub late: i64,
}

/// Counts the requests.
pub(crate) fn counts(connection: &mut Connection) -> Result<RequestCounts, ServiceError> {
    let rows = connection.rows("SELECT state, count(*) FROM requests GROUP BY state", &[])?;
    let states = rows.iter().map(|row| {
        let state = RequestState::read(&row.text(0)?);
        Ok((state.ok_or_else(|| unexpected("a state"))?, row.number(1)?))
    });
    let states = states.collect::<Result<Vec<_>, ServiceError>>()?;
    let row = connection.row(
        "SELECT count(CASE WHEN attention > 0 THEN 1 END), count(CASE WHEN due_at < $1 THEN 1 END) \
         FROM requests WHERE state IN ('pending', 'in_progress')",
        &[now().into()],
    )?;
    let (attention, late) = match row {
        Some(row) => (row.number(0)?, row.number(1)?),
        None => (0, 0),
    };
    Ok(RequestCounts {
        states,
        attention,
        late,
    })
}

/// Takes a request back before any model has begun to answer it.
pub(crate) fn cancel(
    connection: &mut Connection,
    secret: &Secret,
    actor: &str,
    id: &str,
) -> Result<RequestRow, ServiceError> {
    let found = request(connection, id)?;
    if found.state == RequestState::Cancelled {
        return Ok(found);
    }
    let parts = parts_of(connection, id)?;
    let taken = connection.change(
        "UPDATE parts SET state = 'cancelled', since = $2 WHERE request = $1 AND state = 'waiting'",
        &[id.into(), now().into()],
    )?;
    let open = parts.iter().filter(|part| !part.state.is_over());
    // Also by a run that another took the place of since.
    let done = parts
        .iter()
        .any(|part| part.state == PartState::Done || part.answer.is_some());
    if done || taken == 0 || taken != open.count() as u64 {
        return Err(ServiceError::refused(
            Code::TooLate,
            format!(
                "request {id} is {}: only one that no model has begun to answer can be cancelled",
                found.state.as_str()
            ),
        ));
    }
    audit::append(connection, secret, actor, "cancel_asked", id, "")?;
    settle(connection, secret, id)?;
    request(connection, id)
}

/// Open requests that will soon be due and of which nobody was told yet, some of them, marked as told. How soon, each
/// model's policy says.
pub(crate) fn due_soon(
    connection: &mut Connection,
    model: &str,
    within: i64,
) -> Result<Vec<RequestRow>, ServiceError> {
    let now = now();
    let rows = connection.rows(
        "UPDATE requests SET escalated_at = $2 WHERE escalated_at IS NULL \
         AND id IN (SELECT id FROM requests WHERE escalated_at IS NULL \
         AND state IN ('pending', 'in_progress') AND due_at <= $3 AND EXISTS ( \
         SELECT 1 FROM parts WHERE request = id AND model = $1 \
         AND parts.state IN ('waiting', 'answering', 'forgotten', 'held')) LIMIT $4) \
         RETURNING id, owner, subject_request_id, regulation, state, attention, submitted_at, \
         received_at, due_at, finished_at",
        &[
            model.into(),
            now.into(),
            (now + within).into(),
            TOGETHER.into(),
        ],
    )?;
    rows.iter().map(read).collect()
}

/// Whether there are such requests.
pub(crate) fn is_due_soon(
    connection: &mut Connection,
    model: &str,
    within: i64,
) -> Result<bool, ServiceError> {
    let found = connection.row(
        "SELECT 1 FROM requests WHERE escalated_at IS NULL \
         AND state IN ('pending', 'in_progress') AND due_at <= $2 AND EXISTS ( \
         SELECT 1 FROM parts WHERE request = id AND model = $1 \
         AND parts.state IN ('waiting', 'answering', 'forgotten', 'held')) LIMIT 1",
        &[model.into(), (now() + within).into()],
    )?;
    Ok(found.is_some())
}
