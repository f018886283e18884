//! Releases: listed, downloaded, ordered; and what is promised today.

use super::at_delta::AtDelta;
use super::caller::{Audits, Operates};
use super::extract::{Body, Path, Query};
use super::problem::Problem;
use crate::clock::rfc3339;
use crate::desk::Desk;
use crate::error::ServiceError;
use crate::known_run::expect_known;
use crate::policy::check_noise;
use crate::promises::{self, Promise, Release};
use crate::queue::{self, ModelRow, Order, OrderState};
use crate::secret::fresh_name;
use axum::Json;
use axum::body::Body as Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use rescind::Code;
use rescind::ledger::History;
use rescind_privacy::NoiseChoice;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio_util::io::ReaderStream;
use utoipa::ToSchema;

/// The files of a release, and what they are.
const FILES: [(&str, &str); 6] = [
    ("weights.safetensors", "application/octet-stream"),
    ("centre.safetensors", "application/octet-stream"),
    ("model.json", "application/json"),
    ("certificate.json", "application/json"),
    ("certificate.txt", "text/plain; charset=utf-8"),
    ("certificate.md", "text/markdown; charset=utf-8"),
];

/// Reads a model's ledger and looks at its history, on a thread that may wait.
pub(crate) async fn with_history<T: Send + 'static>(
    desk: &Arc<Desk>,
    model: String,
    look: impl FnOnce(&History, &std::path::Path) -> Result<T, ServiceError> + Send + 'static,
) -> Result<T, Problem> {
    let found = desk.store.read(move |db| queue::model(db, &model)).await?;
    with_history_of(found, look).await
}

/// The same of a model as it was read.
pub(super) async fn with_history_of<T: Send + 'static>(
    found: ModelRow,
    look: impl FnOnce(&History, &std::path::Path) -> Result<T, ServiceError> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(move || match promises::ledger(&found.folder)? {
        Some(ledger) => {
            expect_known(&found, ledger.history())?;
            look(ledger.history(), &found.folder)
        }
        None => Err(ServiceError::refused(
            Code::Busy,
            "the model's ledger is being written: ask again in a moment",
        )),
    });
    let done = done.await;
    let done = done.map_err(|_| Problem::new(Code::Queue, "the work was broken off: ask again"))?;
    Ok(done?)
}

/// The releases of a model, oldest first
#[utoipa::path(
    get, path = "/v1/models/{model}/releases", tag = "releases", params(("model" = String, Path)),
    responses(
        (status = 200, body = [Release]),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    State(desk): State<Arc<Desk>>,
    _: Audits,
    Path(model): Path<String>,
) -> Result<Json<Vec<Release>>, Problem> {
    let found = with_history(&desk, model, |history, _| Ok(promises::releases(history)));
    Ok(Json(found.await?))
}

/// What everybody forgotten is promised today
#[utoipa::path(
    get, path = "/v1/models/{model}/promises", tag = "releases",
    params(("model" = String, Path), AtDelta),
    responses(
        (status = 200, body = [Promise]),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn today(
    State(desk): State<Arc<Desk>>,
    _: Audits,
    Path(model): Path<String>,
    Query(at): Query<AtDelta>,
) -> Result<Json<Vec<Promise>>, Problem> {
    let delta = at.delta()?;
    let found = with_history(&desk, model, move |history, _| {
        promises::promises(history, delta)
    });
    Ok(Json(found.await?))
}

/// Download a file of a release
///
/// `weights.safetensors`, `centre.safetensors`, `model.json`, `certificate.json`, `certificate.txt` or
/// `certificate.md`: what may leave the run, and nothing else.
#[utoipa::path(
    get, path = "/v1/models/{model}/releases/{release}/{file}", tag = "releases",
    params(
        ("model" = String, Path), ("release" = String, Path, description = "Its number"),
        ("file" = String, Path),
    ),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn download(
    State(desk): State<Arc<Desk>>,
    _: Audits,
    Path((model, release, name)): Path<(String, String, String)>,
) -> Result<(HeaderMap, Bytes), Problem> {
    file(&desk, model, &release, &name).await
}

/// A file of a recorded release.
pub(crate) async fn file(
    desk: &Arc<Desk>,
    model: String,
    release: &str,
    file: &str,
) -> Result<(HeaderMap, Bytes), Problem> {
    let unknown = || {
        Problem::new(
            Code::UnknownRelease,
            "the model has no such release, or a release no such file",
        )
    };
    let known = FILES.iter().find(|(name, _)| *name == file);
    let (name, kind) = *known.ok_or_else(unknown)?;
    let number: u64 = release.parse().map_err(|_| unknown())?;
    let path = with_history(desk, model, move |history, folder| {
        // Recorded releases alone: everything in them was noised first.
        let mut releases = history.releases();
        let recorded = releases.any(|release| release.number == number);
        let path = folder
            .join("releases")
            .join(format!("{number:06}"))
            .join(name);
        Ok(recorded.then_some(path))
    });
    let path = path.await?.ok_or_else(unknown)?;
    let opened = tokio::fs::File::open(path).await.map_err(|_| unknown())?;
    let length = opened.metadata().await.map_err(|_| unknown())?.len();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    let as_file = format!("attachment; filename=\"{name}\"");
    if let Ok(as_file) = HeaderValue::from_str(&as_file) {
        headers.insert(header::CONTENT_DISPOSITION, as_file);
    }
    Ok((headers, Bytes::from_stream(ReaderStream::new(opened))))
}

/// How much noise.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct NewRelease {
    /// As in a policy's `release.noise`; absent: the policy's.
    #[schema(value_type = Option<Object>)]
    noise: Option<NoiseChoice>,
    /// Release even if the noise that a promise takes outweighs the weights.
    accept_noise: bool,
}

/// A release that was ordered.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct Ordered {
    order: String,
    model: String,
    state: OrderState,
    ordered_time: String,
    /// The release it led to.
    release: Option<i64>,
    /// Why there is none.
    code: Option<String>,
    detail: Option<String>,
}

impl From<Order> for Ordered {
    fn from(order: Order) -> Self {
        Self {
            order: order.id,
            model: order.model,
            state: order.state,
            ordered_time: rfc3339(order.made_at),
            release: order.release,
            code: order.code,
            detail: order.detail,
        }
    }
}

/// Make a release now
///
/// Of all that was forgotten since the last one. It is made by a worker: look at the order until it is
/// `made` or `failed`.
#[utoipa::path(
    post, path = "/v1/models/{model}/releases", tag = "releases", params(("model" = String, Path)),
    request_body = NewRelease,
    responses(
        (status = 202, body = Ordered),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn make(
    State(desk): State<Arc<Desk>>,
    Operates(bearer): Operates,
    Path(model): Path<String>,
    Body(asked): Body<NewRelease>,
) -> Result<(StatusCode, Json<Ordered>), Problem> {
    let (secret, id) = (Arc::clone(&desk.secret), fresh_name()?);
    if let Some(noise) = &asked.noise {
        check_noise(noise)?;
    }
    let done = desk.store.write(move |db| {
        let known = queue::model(db, &model)?;
        let noise = asked.noise.or(known.policy.release.noise);
        let noise = noise.ok_or_else(|| {
            ServiceError::refused(
                Code::NoNoise,
                "the model's policy says nothing of noise: say how much, such as {\"noise\": {\"by\": \
                 \"promise\", \"epsilon\": 1, \"delta\": 1e-5}}",
            )
        })?;
        let mut choice = known.policy.release_with(noise);
        choice.accept_noise |= asked.accept_noise;
        queue::order_release(db, &secret, &bearer.actor(), &id, &model, &choice)
    });
    Ok((StatusCode::ACCEPTED, Json(done.await?.into())))
}

/// Where an ordered release stands
#[utoipa::path(
    get, path = "/v1/models/{model}/orders/{order}", tag = "releases",
    params(("model" = String, Path), ("order" = String, Path)),
    responses(
        (status = 200, body = Ordered),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn order(
    State(desk): State<Arc<Desk>>,
    _: Audits,
    Path((model, id)): Path<(String, String)>,
) -> Result<Json<Ordered>, Problem> {
    let found = desk.store.read(move |db| queue::order(db, &model, &id));
    Ok(Json(found.await?.into()))
}
