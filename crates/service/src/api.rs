//! The HTTP interface: `/v1`, health, and the OpenAPI document that is made from the code.

mod asking;
pub(crate) mod at_delta;
pub(crate) mod caller;
mod dry_runs;
pub(crate) mod extract;
mod health;
mod log;
pub(crate) mod models;
pub(crate) mod problem;
pub(crate) mod receipts;
pub(crate) mod releases;
pub(crate) mod requests;

use crate::desk::Desk;
use axum::Router;
use axum::http::header;
use axum::routing::get;
use std::sync::Arc;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The interface's addresses.
pub(crate) fn router() -> Router<Arc<Desk>> {
    let (router, document) = described();
    let document = document.to_pretty_json().unwrap_or_default();
    let served = move || async move { ([(header::CONTENT_TYPE, "application/json")], document) };
    router.route("/openapi.json", get(served))
}

/// The routes and what is said of them.
fn described() -> (Router<Arc<Desk>>, OpenApi) {
    let (router, mut document) = OpenApiRouter::new()
        .routes(routes!(requests::receive, requests::list))
        .routes(routes!(requests::status, requests::cancel))
        .routes(routes!(dry_runs::dry_run))
        .routes(routes!(requests::find))
        .routes(routes!(requests::dismiss))
        .routes(routes!(receipts::receipt))
        .routes(routes!(models::list, models::register))
        .routes(routes!(models::one, models::replace, models::withdraw))
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
    // Whatever needs the database says so where it is not to be had.
    for (path, item) in &mut document.paths.paths {
        let needs = path != "/healthz" && path != "/readyz";
        let operations = [
            &mut item.get,
            &mut item.post,
            &mut item.put,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten().filter(|_| needs) {
            let responses = &mut operation.responses.responses;
            let refused = responses.get("4XX").cloned();
            if let Some(refused) = refused {
                responses.insert("503".to_owned(), refused);
            }
        }
    }
    document.info.title = "Rescind's deletion desk".to_owned();
    // The builder fills in its own maker.
    document.info.contact = None;
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
