//! Whether the desk lives and is ready, and its figures for Prometheus.

use super::caller::Audits;
use super::problem::Problem;
use crate::desk::Desk;
use crate::metrics;
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// That the desk lives, or is ready.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(super) struct Well {
    /// `true`.
    ok: bool,
}

/// The process lives
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, body = Well)), security(()))]
pub(super) async fn alive() -> Json<Well> {
    Json(Well { ok: true })
}

/// The desk's database answers, and takes what is written
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses(
        (status = 200, body = Well),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    ),
    security(()),
)]
pub(super) async fn ready(State(desk): State<Arc<Desk>>) -> Result<Json<Well>, Problem> {
    desk.store
        .glance(|db| db.row("SELECT 1", &[]).map(drop))
        .await?;
    // Whether it takes what is written again; an idle desk leaves the disk alone.
    if desk.store.refuses_writes() {
        let write = "UPDATE desk SET value = value WHERE name = 'database'";
        desk.store
            .write(move |db| db.change(write, &[]).map(drop))
            .await?;
    }
    Ok(Json(Well { ok: true }))
}

/// Figures for Prometheus
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses(
        (status = 200, description = "Prometheus' text format", content_type = "text/plain", body = String),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn figures(
    State(desk): State<Arc<Desk>>,
    _: Audits,
) -> Result<impl IntoResponse, Problem> {
    let text = desk.store.read(metrics::text).await?;
    Ok((
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        text,
    ))
}
