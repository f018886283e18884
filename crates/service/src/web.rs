//! Everything that the desk answers, and what holds of every answer.

use crate::api::problem::Problem;
use crate::desk::Desk;
use crate::{api, dashboard};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use rescind::Code;
use std::sync::Arc;

/// The interface and the dashboard.
pub(crate) fn router(desk: &Arc<Desk>) -> Router {
    let unknown = || async {
        Problem::new(
            Code::UnknownPath,
            "nothing is served here: GET /openapi.json lists what is",
        )
    };
    let not_allowed = || async {
        Problem::with(
            StatusCode::METHOD_NOT_ALLOWED,
            Code::UnknownPath,
            "this address does not take this method: GET /openapi.json lists what it takes",
        )
    };
    api::router()
        .merge(dashboard::router())
        .fallback(unknown)
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(desk.settings.limits.body))
        .layer(middleware::from_fn(guarded))
        .with_state(Arc::clone(desk))
}

/// What holds of every answer: nobody keeps it, and no browser reads it otherwise than it is meant.
async fn guarded(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CONTENT_SECURITY_POLICY, dashboard::POLICY),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
