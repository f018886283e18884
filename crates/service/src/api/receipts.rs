//! Receipts: what was done about a request, and what is promised today.

use super::at_delta::AtDelta;
use super::caller::Sees;
use super::extract::{Path, Query};
use super::problem::Problem;
use super::releases::with_history_of;
use super::requests::{Part, Standing, seen};
use crate::desk::Desk;
use crate::error::ServiceError;
use crate::promises::{self, Promise};
use crate::queue::{self, ModelRow, PartRow};
use crate::state::PartState;
use axum::Json;
use axum::extract::State;
use rescind_privacy::Delta;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// What was done about a request.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Receipt {
    #[serde(flatten)]
    pub standing: Standing,
    /// In every model that is concerned.
    pub models: Vec<Done>,
}

/// What was done in a model.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Done {
    pub model: String,
    pub state: PartState,
    /// How many records that were trained on it names.
    pub records: Option<i64>,
    /// The answer in the model's ledger and what is promised for it today; where some of the records were
    /// forgotten before, by the first answer that took one of them out, and releases count as earlier that
    /// were made before the last of them left. Absent where the model held nothing, or
    /// has not answered. A requester is told how many records their own request names, as
    /// one answer may be given to several requests, and no numbers of answers.
    pub promise: Option<Promise>,
    /// Why the promise cannot be told now: the code of what is wrong with the model's ledger.
    pub promise_code: Option<String>,
    /// The release that covers it: its certificate is under
    /// `/v1/models/{model}/releases/{release}/certificate.json`.
    pub release: Option<i64>,
    /// Why nothing had to be done, or what stands in the way; as in the request's status.
    pub code: Option<String>,
}

/// A request's receipt
#[utoipa::path(
    get, path = "/v1/requests/{id}/receipt", tag = "requests",
    params(("id" = String, Path), AtDelta),
    responses(
        (status = 200, body = Receipt),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn receipt(
    State(desk): State<Arc<Desk>>,
    caller: Sees,
    Path(id): Path<String>,
    Query(at): Query<AtDelta>,
) -> Result<Json<Receipt>, Problem> {
    let delta = at.delta()?;
    let owner = caller.owner().map(str::to_owned);
    Ok(Json(made(&desk, id, owner, delta).await?))
}

/// The receipt of a request that this owner may see.
pub(crate) async fn made(
    desk: &Arc<Desk>,
    id: String,
    owner: Option<String>,
    delta: Delta,
) -> Result<Receipt, Problem> {
    let in_full = owner.is_none();
    // At one moment: a name may be another run's in the next.
    let found = desk.store.read(move |db| {
        let (row, parts) = seen(db, &id, owner.as_deref())?;
        let of = |part: PartRow| Ok((queue::model(db, &part.model)?, part));
        let parts = parts.into_iter().map(of);
        Ok((row, parts.collect::<Result<Vec<_>, ServiceError>>()?))
    });
    let (row, parts) = found.await?;
    let mut models = Vec::new();
    for (model, part) in parts {
        let answers = part.first_answer.or(part.answer);
        let answers = answers.zip(part.last_answer.or(part.answer));
        let own = part.records.unwrap_or_default() as u64;
        let part = Part::of(part, in_full);
        let (promise, promise_code) = match answers {
            None => (None, None),
            Some((first, last)) => {
                match promised(model, (first as u64, last as u64), delta).await {
                    Ok(promise) => (promise, None),
                    // What is wrong with a run is told in full where models are.
                    Err(problem) => (None, Some(problem.code)),
                }
            }
        };
        let promise = promise.map(|promise| match in_full {
            true => promise,
            false => Promise {
                answer: None,
                answered_at: None,
                records: own,
                ..promise
            },
        });
        models.push(Done {
            model: part.model,
            state: part.state,
            records: part.records,
            promise,
            promise_code,
            release: part.release,
            code: part.code,
        });
    }
    Ok(Receipt {
        standing: row.into(),
        models,
    })
}

async fn promised(
    model: ModelRow,
    answers: (u64, u64),
    delta: Delta,
) -> Result<Option<Promise>, Problem> {
    with_history_of(model, move |history, _| {
        promises::promise_for(history, answers, delta)
    })
    .await
}
