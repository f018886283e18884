//! The audit log.

use super::caller::Audits;
use super::extract::Query;
use super::problem::Problem;
use crate::audit::{self, AuditCheck, AuditEntry};
use crate::desk::Desk;
use axum::Json;
use axum::extract::State;
use rescind::Code;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

/// Which entries.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Those after this number; 0 if absent.
    #[param(minimum = 0)]
    after: Option<u32>,
    /// How many, 1 to 1000; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// The audit log, oldest first
#[utoipa::path(
    get, path = "/v1/audit", tag = "audit", params(Which),
    responses(
        (status = 200, body = [AuditEntry]),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn entries(
    State(desk): State<Arc<Desk>>,
    _: Audits,
    Query(which): Query<Which>,
) -> Result<Json<Vec<AuditEntry>>, Problem> {
    let (after, most) = (which.after.unwrap_or(0), which.limit.unwrap_or(100));
    if !(1..=1000).contains(&most) {
        return Err(Problem::new(
            Code::Setting,
            format!("limit is {most}: expected 1 to 1000"),
        ));
    }
    let found = desk
        .store
        .read(move |db| audit::entries(db, after.into(), most.into()));
    Ok(Json(found.await?))
}

/// Whether the audit log is as it was written
#[utoipa::path(
    get, path = "/v1/audit/check", tag = "audit",
    responses(
        (status = 200, body = AuditCheck),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn check(
    State(desk): State<Arc<Desk>>,
    _: Audits,
) -> Result<Json<AuditCheck>, Problem> {
    let secret = Arc::clone(&desk.secret);
    Ok(Json(
        desk.store
            .read(move |db| audit::check(db, &secret, 0))
            .await?,
    ))
}
