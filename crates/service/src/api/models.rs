//! Models: registered, listed, their policies.

use super::caller::{Audits, Operates};
use super::extract::{Body, Path};
use super::problem::Problem;
use crate::clock::rfc3339;
use crate::desk::Desk;
use crate::error::ServiceError;
use crate::notice::Notice;
use crate::policy::Policy;
use crate::queue::{self, Counted, ModelRow};
use crate::registering::{as_found, below, check_run};
use crate::token::Bearer;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use rescind::Code;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// A model as the desk knows it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Model {
    pub name: String,
    /// Its run's folder, on the machine that works on it.
    pub run: String,
    /// Whether its model computes in a program of its owner, whose worker answers: a PyTorch module.
    pub outside: bool,
    pub policy: Policy,
    pub registered_time: String,
    /// When it was taken away, if it was.
    pub withdrawn_time: Option<String>,
    /// The newest release that the desk knows of; 0 before the first.
    pub released: i64,
    /// How many requests wait to be answered.
    pub waiting: i64,
    /// How many are forgotten, without a release that covers them.
    pub forgotten: i64,
    /// How many of these wait for an operator, as a release of them was refused.
    pub refused: i64,
    /// Why it is tried again later, if it is.
    pub trouble: Option<Trouble>,
}

/// Why a model is tried again later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Trouble {
    /// The stable code.
    pub code: String,
    pub detail: String,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried again.
    pub next_time: String,
}

/// A run to register.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewModel {
    /// A name for it: 1 to 64 letters, digits, dots, dashes and underscores.
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]*$"
    )]
    name: String,
    /// Its folder, below one of those that the desk was started with (`--runs`).
    run: String,
    #[serde(default)]
    policy: Policy,
}

/// What was tried again.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Tried {
    /// How many requests.
    requests: u64,
}

/// A model, with how many requests wait for an answer and how many for a release.
pub(crate) fn shown(model: ModelRow, counted: Counted) -> Model {
    Model {
        run: model.folder.display().to_string(),
        outside: model.outside,
        policy: model.policy,
        registered_time: rfc3339(model.registered_at),
        withdrawn_time: model.withdrawn_at.map(rfc3339),
        released: model.released,
        waiting: counted.waiting,
        forgotten: counted.forgotten,
        refused: counted.refused,
        trouble: model.trouble.map(|(code, detail)| Trouble {
            code,
            detail,
            attempts: model.attempts,
            next_time: rfc3339(model.next_try),
        }),
        name: model.name,
    }
}

/// Every model with what waits for it.
pub(crate) fn all(db: &mut crate::store::Connection) -> Result<Vec<Model>, crate::ServiceError> {
    let mut models = Vec::new();
    for model in queue::list_models(db)? {
        let counted = queue::counted(db, &model.name)?;
        models.push(shown(model, counted));
    }
    Ok(models)
}

/// The models
#[utoipa::path(
    get, path = "/v1/models", tag = "models",
    responses(
        (status = 200, body = [Model]),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    State(desk): State<Arc<Desk>>,
    _: Audits,
) -> Result<Json<Vec<Model>>, Problem> {
    Ok(Json(desk.store.read(all).await?))
}

/// A model
#[utoipa::path(
    get, path = "/v1/models/{model}", tag = "models", params(("model" = String, Path)),
    responses(
        (status = 200, body = Model),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn one(
    State(desk): State<Arc<Desk>>,
    _: Audits,
    Path(name): Path<String>,
) -> Result<Json<Model>, Problem> {
    let found = desk.store.read(move |db| {
        let model = queue::model(db, &name)?;
        let counted = queue::counted(db, &name)?;
        Ok(shown(model, counted))
    });
    Ok(Json(found.await?))
}

/// Register a run as a model
///
/// Requests that are not done yet are its to answer too. One whose answers no model waits for any
/// more has forgotten whom it named, and is not asked again.
#[utoipa::path(
    post, path = "/v1/models", tag = "models", request_body = NewModel,
    responses(
        (status = 201, body = Model),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn register(
    State(desk): State<Arc<Desk>>,
    Operates(bearer): Operates,
    Body(asked): Body<NewModel>,
) -> Result<(StatusCode, Json<Model>), Problem> {
    let (allowed, folder) = (desk.settings.runs.clone(), asked.run);
    let run = waiting(move || check_run(&below(&allowed, folder.as_ref())?)).await?;
    let (secret, model) = (Arc::clone(&desk.secret), asked.name.clone());
    let done = desk.store.write(move |db| {
        let by = &bearer.actor();
        queue::register(db, &secret, by, &asked.name, &run, &asked.policy)
    });
    let row = done.await?;
    desk.tell(&Notice::Registered { model });
    Ok((StatusCode::CREATED, Json(shown(row, Counted::default()))))
}

/// A run to put in place of a model's.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OtherRun {
    /// Its folder, below one of those that the desk was started with (`--runs`).
    run: String,
    /// Absent: the policy that the model has, or the default where it is new.
    policy: Option<Policy>,
}

/// Put another run in place of a model's
///
/// Such as one trained without those who were forgotten. Requests that are not completed are asked of it
/// too, where they name people; what was open in the old run ends as `withdrawn`, under the name `NAME@1`,
/// by which it goes on to be seen. Another run may have the folder of the old one, as after training in place. Where there is no such model it is registered.
#[utoipa::path(
    put, path = "/v1/models/{model}", tag = "models", params(("model" = String, Path)),
    request_body = OtherRun,
    responses(
        (status = 200, body = Model),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn replace(
    State(desk): State<Arc<Desk>>,
    Operates(bearer): Operates,
    Path(name): Path<String>,
    Body(asked): Body<OtherRun>,
) -> Result<Json<Model>, Problem> {
    let (own, model) = (Arc::clone(&desk), name.clone());
    let done = waiting(move || {
        let (allowed, secret) = (&own.settings.runs, Arc::clone(&own.secret));
        let look = || check_run(&below(allowed, asked.run.as_ref())?);
        let (of, policy) = (name.clone(), asked.policy);
        as_found(&own, &name, look, move |db, run| {
            let row = queue::replace(db, &secret, &bearer.actor(), &of, run, policy.as_ref())?;
            let counted = queue::counted(db, &of)?;
            Ok(shown(row, counted))
        })
    });
    let shown = done.await?;
    desk.tell(&Notice::Registered { model });
    Ok(Json(shown))
}

/// Take a model away
///
/// Whatever is open in it ends as `withdrawn`, and its name is free. What was done in it goes on to be
/// seen, under the name `NAME@1`. Its run's folder is left alone.
#[utoipa::path(
    delete, path = "/v1/models/{model}", tag = "models", params(("model" = String, Path)),
    responses(
        (status = 200, body = Model),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn withdraw(
    State(desk): State<Arc<Desk>>,
    Operates(bearer): Operates,
    Path(name): Path<String>,
) -> Result<Json<Model>, Problem> {
    let (secret, model) = (Arc::clone(&desk.secret), name.clone());
    let done = desk
        .store
        .write(move |db| queue::withdraw(db, &secret, &bearer.actor(), &name));
    let row = done.await?;
    desk.tell(&Notice::Withdrawn { model });
    Ok(Json(shown(row, Counted::default())))
}

/// Does what may take a while on a thread that may wait.
async fn waiting<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ServiceError> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| Problem::new(Code::Queue, "broken off: ask again"))??)
}

/// Give a model another policy
///
/// What a run is at work on is finished as it was asked.
#[utoipa::path(
    put, path = "/v1/models/{model}/policy", tag = "models", params(("model" = String, Path)),
    request_body = Policy,
    responses(
        (status = 200, body = Model),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn set_policy(
    State(desk): State<Arc<Desk>>,
    Operates(bearer): Operates,
    Path(name): Path<String>,
    Body(policy): Body<Policy>,
) -> Result<Json<Model>, Problem> {
    let (secret, of) = (Arc::clone(&desk.secret), name.clone());
    let done = desk
        .store
        .write(move |db| queue::set_policy(db, &secret, &bearer.actor(), &of, &policy));
    let model = done.await?;
    // Few at a time, as everywhere; what is left where the desk ends meanwhile, a worker does.
    loop {
        let (secret, of) = (Arc::clone(&desk.secret), name.clone());
        let ended = desk
            .store
            .write(move |db| match queue::waits_in_vain(db, &of)? {
                true => queue::end_waiting(db, &secret, &of),
                false => Ok(true),
            });
        if ended.await? {
            break;
        }
    }
    let counted = desk.store.read(move |db| queue::counted(db, &name)).await?;
    Ok(Json(shown(model, counted)))
}

/// Try again what waits for an operator
///
/// What is held in this model, and what was forgotten and could not be released.
#[utoipa::path(
    post, path = "/v1/models/{model}/retry", tag = "models", params(("model" = String, Path)),
    responses(
        (status = 200, body = Tried),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn retry(
    State(desk): State<Arc<Desk>>,
    Operates(bearer): Operates,
    Path(name): Path<String>,
) -> Result<Json<Tried>, Problem> {
    let requests = retried(&desk, &bearer, name).await?;
    Ok(Json(Tried { requests }))
}

/// Has what waits for an operator tried again; how much that was. Few at a time: those who ask meanwhile
/// wait as long as one of these transactions.
pub(crate) async fn retried(
    desk: &Arc<Desk>,
    bearer: &Bearer,
    name: String,
) -> Result<u64, Problem> {
    let of = name.clone();
    let found = desk.store.read(move |db| queue::to_retry(db, &of)).await?;
    for some in found.chunks(queue::TOGETHER as usize) {
        let (secret, of, some) = (Arc::clone(&desk.secret), name.clone(), some.to_vec());
        let tried = desk.store.write(move |db| {
            some.iter()
                .try_for_each(|request| queue::retry_part(db, &secret, &of, request))
        });
        tried.await?;
    }
    let (secret, actor, tried) = (Arc::clone(&desk.secret), bearer.actor(), found.len());
    let done = desk
        .store
        .write(move |db| queue::retry_held(db, &secret, &actor, &name, tried));
    done.await?;
    Ok(tried as u64)
}
