//! Dry runs: what the models hold of somebody, without forgetting anything.

use super::asking::Whom;
use super::caller::Asks;
use super::extract::Body;
use super::problem::Problem;
use crate::desk::Desk;
use crate::error::ServiceError;
use crate::known_run::expect_identity;
use crate::queue::{self, ModelRow};
use axum::Json;
use axum::extract::State;
use rescind::{Code, Held, Holdings};
use rescind_data::RecordRequest;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// What is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct DryRun {
    /// In every model that is concerned.
    models: Vec<HeldIn>,
}

/// What a model holds of those who were named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct HeldIn {
    model: String,
    /// How many records; absent where that cannot be said from here.
    held: Option<Counts>,
    /// Why it cannot be said.
    code: Option<String>,
}

/// How many records, by what they are to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Counts {
    /// Trained on: a request takes these out. Requesters are told what was trained on at first, whoever
    /// asked since.
    trained: usize,
    /// Held out for validation.
    validation: usize,
    /// Kept for testing.
    test: usize,
    /// Forgotten before; operators are told, as it says that somebody has asked.
    forgotten: Option<usize>,
}

/// What is held about somebody, without forgetting anything
#[utoipa::path(
    post, path = "/v1/requests/dry-run", tag = "requests", request_body = Whom,
    responses(
        (status = 200, body = DryRun),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn dry_run(
    State(desk): State<Arc<Desk>>,
    caller: Asks,
    Body(whom): Body<Whom>,
) -> Result<Json<DryRun>, Problem> {
    let named = whom.named()?;
    let in_full = caller.owner().is_none();
    let models = desk.store.read(queue::list_models).await?;
    if let Some(unknown) = named
        .records
        .keys()
        .find(|&name| models.iter().all(|model| model.name != *name))
    {
        let detail = format!("records are named of the model {unknown:?}, which is not registered");
        return Err(Problem::new(Code::UnknownModel, detail));
    }
    let looked = tokio::task::spawn_blocking(move || {
        let models = models.iter().filter_map(|model| {
            let asked = named.of_model(&model.name);
            if asked.is_empty() {
                return None;
            }
            let held = look(model, &asked);
            let (held, code) = match held {
                Ok(Some(held)) => (Some(held), None),
                Ok(None) => (None, Some(Code::Busy.to_string())),
                Err(error) => (None, Some(error.code().to_string())),
            };
            // Of those whom somebody else had forgotten, what there was at first.
            let before = if in_full {
                0
            } else {
                held.map_or(0, |held| held.forgotten)
            };
            let held = held.map(|held| Counts {
                trained: held.trained + before,
                validation: held.validation,
                test: held.test,
                forgotten: in_full.then_some(held.forgotten),
            });
            let model = model.name.clone();
            Some(HeldIn { model, held, code })
        });
        models.collect()
    });
    let models = looked
        .await
        .map_err(|_| Problem::new(Code::Queue, "the work was broken off: ask again"))?;
    Ok(Json(DryRun { models }))
}

/// What its run holds; none while its ledger is being written.
fn look(model: &ModelRow, asked: &[RecordRequest]) -> Result<Option<Held>, ServiceError> {
    let holdings = Holdings::of_run(&model.folder)?;
    let Some(now) = holdings.now()? else {
        return Ok(None);
    };
    expect_identity(model, &now.identity().to_string())?;
    Ok(Some(now.held(asked)?))
}
