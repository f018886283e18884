//! Requests: received, looked at, listed, found by whom they name, taken back.

use super::asking::{NewRequest, check_name};
use super::caller::{Asks, Audits, Operates, Sees};
use super::extract::{Body, Path, Query};
use super::problem::Problem;
use crate::clock::{now, rfc3339};
use crate::desk::Desk;
use crate::queue::{self, Page, PartRow, RequestRow};
use crate::reach;
use crate::secret::fresh_name;
use crate::state::{PartState, RequestState};
use crate::store::Connection;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use rescind::Code;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Where a request stands. Whom it names is never told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Standing {
    /// The desk's name for it.
    pub request_id: String,
    /// The caller's name for it, if it was given one.
    pub subject_request_id: Option<String>,
    /// Where it stands, in OpenDSR's words.
    pub request_status: RequestState,
    /// Whether an operator has to see to it.
    pub needs_operator: bool,
    /// The regulation it was made under.
    pub regulation: String,
    /// Whose token it came with.
    pub owner: String,
    /// When the person asked: RFC 3339, UTC, as all times are.
    pub submitted_time: String,
    /// When the desk received it.
    pub received_time: String,
    /// When it is due.
    pub expected_completion_time: String,
    /// When it was done or cancelled.
    pub finished_time: Option<String>,
    /// Whether it is past due.
    pub late: bool,
}

/// A request with where it stands in every model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Story {
    #[serde(flatten)]
    pub standing: Standing,
    /// In every model that is concerned.
    pub models: Vec<Part>,
}

/// Where a request stands in one model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Part {
    pub model: String,
    pub state: PartState,
    /// Since when.
    pub since: String,
    /// How many records that were trained on it names: all of them are out of the model once it is answered,
    /// those too that left for an earlier request.
    pub records: Option<i64>,
    /// The number that the model's ledger gives the answer; several requests may share one. Operators and
    /// auditors are told.
    pub answer: Option<i64>,
    /// The release that covers it.
    pub release: Option<i64>,
    /// Why there was nothing to do, as dry runs tell it too; why it is held or not released, operators and
    /// auditors alone are told.
    pub code: Option<String>,
    /// The same in words. A requester is told the same of all that waits for an operator.
    pub detail: Option<String>,
}

/// A page of requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Listed {
    pub requests: Vec<Standing>,
    /// What to give as `after` for the next page; absent on the last.
    pub after: Option<String>,
}

impl From<RequestRow> for Standing {
    fn from(row: RequestRow) -> Self {
        let late = row.finished_at.unwrap_or_else(now) > row.due_at;
        Self {
            request_id: row.id,
            subject_request_id: row.subject_request_id,
            request_status: row.state,
            needs_operator: row.attention,
            regulation: row.regulation,
            owner: row.owner,
            submitted_time: rfc3339(row.submitted_at),
            received_time: rfc3339(row.received_at),
            expected_completion_time: rfc3339(row.due_at),
            finished_time: row.finished_at.map(rfc3339),
            late,
        }
    }
}

impl Part {
    /// As operators and auditors see it, or requesters, who are told less: nothing by which what weights
    /// decided, or what others asked, is told apart.
    pub fn of(row: PartRow, in_full: bool) -> Self {
        let waits = match row.state {
            PartState::Held => true,
            PartState::Forgotten => row.code.is_some(),
            _ => false,
        };
        let answered = [PartState::Forgotten, PartState::Done].contains(&row.state);
        let (records, answer, code, detail) = match in_full {
            true => (row.records, row.answer, row.code, row.detail),
            false => (
                row.records.filter(|_| answered),
                None,
                row.code
                    .filter(|code| row.state == PartState::NothingHeld && is_open(code)),
                waits.then(|| LOOKED_AT.to_owned()),
            ),
        };
        Self {
            model: row.model,
            state: row.state,
            since: rfc3339(row.since),
            records,
            answer,
            release: row.release,
            code,
            detail,
        }
    }
}

/// What requesters are told of whatever waits for an operator.
const LOOKED_AT: &str = "an operator has to look at it";

/// Whether a code tells requesters why there was nothing to do: of what a run's records are, which never
/// changes.
fn is_open(code: &str) -> bool {
    let open = [
        Code::UnknownSubject,
        Code::NeverTrainedOn,
        Code::NotTrainedOn,
    ];
    open.iter().any(|known| known.as_str() == code)
}

/// A request that this owner may see.
pub(crate) fn seen(
    db: &mut Connection,
    id: &str,
    owner: Option<&str>,
) -> Result<(RequestRow, Vec<PartRow>), crate::ServiceError> {
    let row = queue::request(db, id)?;
    if owner.is_some_and(|owner| owner != row.owner) {
        // Not told from one that is not there.
        queue::request(db, "")?;
    }
    let parts = queue::parts_of(db, id)?;
    Ok((row, parts))
}

fn story((row, parts): (RequestRow, Vec<PartRow>), in_words: bool) -> Story {
    let parts = parts.into_iter().map(|part| Part::of(part, in_words));
    Story {
        models: parts.collect(),
        standing: row.into(),
    }
}

/// Receive a deletion request
///
/// Once 202 is answered, the request is on the disk. Under the same `Idempotency-Key` (or
/// `subject_request_id`) the same request is received once: it is answered with 200.
#[utoipa::path(
    post, path = "/v1/requests", tag = "requests", request_body = NewRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "The caller's own name for the request, at most 200 characters")),
    responses(
        (status = 202, description = "Received", body = Story),
        (status = 200, description = "Received before, under the same key", body = Story),
        (status = "4XX", description = "Refused", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn receive(
    State(desk): State<Arc<Desk>>,
    Asks(bearer): Asks,
    headers: HeaderMap,
    Body(asked): Body<NewRequest>,
) -> Result<(StatusCode, Json<Story>), Problem> {
    let key = match headers.get("idempotency-key").map(|value| value.to_str()) {
        None => None,
        Some(Ok(key)) if (1..=200).contains(&key.len()) => Some(key.to_owned()),
        Some(_) => {
            let detail = "Idempotency-Key is not 1 to 200 visible ASCII characters";
            return Err(Problem::new(Code::Setting, detail));
        }
    };
    let received = asked.received(fresh_name()?, &bearer, key)?;
    if !desk.settings.private_callbacks {
        reach::check(&received.callbacks)?;
    }
    let secret = Arc::clone(&desk.secret);
    let done = desk.store.write(move |db| {
        let (row, new) = queue::receive(db, &secret, &received)?;
        let parts = queue::parts_of(db, &row.id)?;
        Ok(((row, parts), new))
    });
    let (found, new) = done.await?;
    let status = if new {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(story(found, false))))
}

/// Where a request stands
#[utoipa::path(
    get, path = "/v1/requests/{id}", tag = "requests", params(("id" = String, Path)),
    responses(
        (status = 200, body = Story),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn status(
    State(desk): State<Arc<Desk>>,
    caller: Sees,
    Path(id): Path<String>,
) -> Result<Json<Story>, Problem> {
    let owner = caller.owner().map(str::to_owned);
    let in_words = owner.is_none();
    let found = desk.store.read(move |db| seen(db, &id, owner.as_deref()));
    Ok(Json(story(found.await?, in_words)))
}

/// Which requests to list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Those that stand so alone.
    state: Option<RequestState>,
    /// Those alone that an operator has to see to.
    #[serde(default)]
    needs_operator: bool,
    /// The page after this, which the page before gave.
    after: Option<String>,
    /// How many, 1 to 1000; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// List requests, newest first
#[utoipa::path(
    get, path = "/v1/requests", tag = "requests", params(Which),
    responses(
        (status = 200, body = Listed),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    State(desk): State<Arc<Desk>>,
    caller: Sees,
    Query(which): Query<Which>,
) -> Result<Json<Listed>, Problem> {
    let most = which.limit.unwrap_or(100);
    if !(1..=1000).contains(&most) {
        return Err(Problem::new(
            Code::Setting,
            format!("limit is {most}: expected 1 to 1000"),
        ));
    }
    let after = which.after.map(|after| Page::place(&after));
    let Some(after) = after.map_or(Some(None), |after| after.map(Some)) else {
        let detail = "after is not what the page before gave";
        return Err(Problem::new(Code::Setting, detail));
    };
    let page = Page {
        owner: caller.owner().map(str::to_owned),
        state: which.state,
        attention: which.needs_operator,
        after,
        most: i64::from(most),
    };
    let rows = desk.store.read(move |db| queue::list(db, &page)).await?;
    let full = rows.len() == most as usize;
    let after = rows.last().filter(|_| full);
    Ok(Json(Listed {
        after: after.map(|row| format!("{}-{}", row.received_at, row.id)),
        requests: rows.into_iter().map(Standing::from).collect(),
    }))
}

/// Cancel a request
///
/// As long as no model has begun to answer it.
#[utoipa::path(
    delete, path = "/v1/requests/{id}", tag = "requests", params(("id" = String, Path)),
    responses(
        (status = 200, body = Story),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn cancel(
    State(desk): State<Arc<Desk>>,
    caller: Asks,
    Path(id): Path<String>,
) -> Result<Json<Story>, Problem> {
    let owner = caller.owner().map(str::to_owned);
    let (actor, secret) = (caller.0.actor(), Arc::clone(&desk.secret));
    let done = desk.store.write(move |db| {
        seen(db, &id, owner.as_deref())?;
        queue::cancel(db, &secret, &actor, &id)?;
        seen(db, &id, owner.as_deref())
    });
    Ok(Json(story(done.await?, false)))
}

/// Dismiss what is held
///
/// An operator's word that nothing more is to be done in this model, such as where its records do not
/// say whose they are. The audit log has it.
#[utoipa::path(
    post, path = "/v1/requests/{id}/models/{model}/dismiss", tag = "requests",
    params(("id" = String, Path), ("model" = String, Path)),
    responses(
        (status = 200, body = Story),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn dismiss(
    State(desk): State<Arc<Desk>>,
    Operates(bearer): Operates,
    Path((id, model)): Path<(String, String)>,
) -> Result<Json<Story>, Problem> {
    let secret = Arc::clone(&desk.secret);
    let done = desk.store.write(move |db| {
        seen(db, &id, None)?;
        queue::model(db, &model)?;
        queue::dismiss(db, &secret, &bearer.actor(), &id, &model)?;
        seen(db, &id, None)
    });
    Ok(Json(story(done.await?, true)))
}

/// Whose requests to find.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Find {
    /// A name of the person.
    #[schema(min_length = 1, max_length = 1000)]
    identity_value: String,
}

/// Find the requests that named a person
///
/// By a keyed hash: the desk has forgotten the name itself. The newest 100.
#[utoipa::path(
    post, path = "/v1/requests/find", tag = "requests", request_body = Find,
    responses(
        (status = 200, body = Listed),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn find(
    State(desk): State<Arc<Desk>>,
    _: Audits,
    Body(asked): Body<Find>,
) -> Result<Json<Listed>, Problem> {
    check_name(&asked.identity_value)?;
    let secret = Arc::clone(&desk.secret);
    let found = desk.store.read(move |db| {
        let found = queue::find(db, &secret, &asked.identity_value, 100)?;
        let rows = found.iter().map(|id| queue::request(db, id));
        rows.collect::<Result<Vec<_>, _>>()
    });
    Ok(Json(Listed {
        requests: found.await?.into_iter().map(Standing::from).collect(),
        after: None,
    }))
}
