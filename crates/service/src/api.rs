//! The HTTP interface: `/v1`, health, and the OpenAPI document that is made from the code.

mod asking;
mod caller;
mod extract;
mod health;
mod log;
mod models;
mod problem;
mod receipts;
mod releases;
mod requests;

use crate::desk::Desk;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use problem::Problem;
use rescind::Code;
use std::sync::Arc;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Everything that the desk answers.
pub(crate) fn router(desk: &Arc<Desk>) -> Router {
    let (router, document) = described();
    let document = document.to_pretty_json().unwrap_or_default();
    let served = move || async move { ([(header::CONTENT_TYPE, "application/json")], document) };
    router
        .route("/openapi.json", get(served))
        .fallback(|| async {
            Problem::new(
                Code::UnknownPath,
                "nothing is served here: GET /openapi.json lists what is",
            )
        })
        .method_not_allowed_fallback(|| async {
            Problem::with(
                StatusCode::METHOD_NOT_ALLOWED,
                Code::UnknownPath,
                "this address does not take this method: GET /openapi.json lists what it takes",
            )
        })
        .layer(DefaultBodyLimit::max(desk.settings.limits.body))
        .layer(middleware::from_fn_with_state(Arc::clone(desk), guarded))
        .with_state(Arc::clone(desk))
}

/// What holds of every answer: nobody keeps it, and no browser reads it otherwise than it is meant.
async fn guarded(State(_): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The routes and what is said of them.
fn described() -> (Router<Arc<Desk>>, OpenApi) {
    let (router, mut document) = OpenApiRouter::new()
        .routes(routes!(requests::receive, requests::list))
        .routes(routes!(requests::status, requests::cancel))
        .routes(routes!(requests::dry_run))
        .routes(routes!(requests::find))
        .routes(routes!(requests::dismiss))
        .routes(routes!(receipts::receipt))
        .routes(routes!(models::list, models::register))
        .routes(routes!(models::one))
        .routes(routes!(models::set_policy))
        .routes(routes!(models::retry))
        .routes(routes!(releases::list, releases::make))
        .routes(routes!(releases::order))
        .routes(routes!(releases::download))
        .routes(routes!(releases::today))
        .routes(routes!(log::entries))
        .routes(routes!(log::check))
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(health::figures))
        .split_for_parts();
    document.info.title = "Rescind's deletion desk".to_owned();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    document.info.description = Some(
        "Receives deletion requests and has every registered model answer them. Shaped after OpenDSR \
         where that fits; docs/service.md says where not."
            .to_owned(),
    );
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    document
        .components
        .get_or_insert_default()
        .add_security_scheme("token", SecurityScheme::Http(token));
    let none: [&str; 0] = [];
    document.security = Some(vec![SecurityRequirement::new("token", none)]);
    (router, document)
}

/// The OpenAPI document, as it is served.
#[must_use]
pub fn openapi() -> String {
    described().1.to_pretty_json().unwrap_or_default()
}
