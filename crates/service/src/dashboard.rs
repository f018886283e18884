//! The dashboard: pages that a browser shows without a script, for operators and auditors.

mod actions;
mod chart;
mod health_page;
mod layout;
mod model_page;
mod queue_page;
mod session;
mod story_page;
mod viewer;

use crate::api::problem::Problem;
use crate::desk::Desk;
use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::html;
use rescind::Code;
use std::sync::Arc;

/// The dashboard's addresses, to be put beside the interface's.
pub(crate) fn router() -> Router<Arc<Desk>> {
    Router::new()
        .route("/", get(|| async { Redirect::to("/desk") }))
        .route("/desk", get(queue_page::page))
        .route("/desk/login", get(session::page).post(session::login))
        .route("/desk/logout", post(session::logout))
        .route("/desk/requests/{id}", get(story_page::page))
        .route("/desk/requests/{id}/cancel", post(actions::cancel))
        .route(
            "/desk/requests/{id}/models/{model}/dismiss",
            post(actions::dismiss),
        )
        .route("/desk/models/{model}", get(model_page::page))
        .route("/desk/models/{model}/retry", post(actions::retry))
        .route("/desk/models/{model}/release", post(actions::release))
        .route(
            "/desk/models/{model}/releases/{release}/{file}",
            get(model_page::download),
        )
        .route("/desk/health", get(health_page::page))
        .route("/desk/style.css", get(style))
        .route("/desk/{*rest}", get(nothing))
        .layer(middleware::map_response(problems_are_pages))
}

async fn nothing() -> Problem {
    Problem::new(Code::UnknownPath, "the dashboard has no such page")
}

/// What went wrong, as a page with a way back.
async fn problems_are_pages(mut response: Response) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let page = layout::plain(
        &problem.title,
        &html! {
            (layout::note(layout::Tone::Bad, &problem.detail))
            p { a href="/desk" { "Back to the requests" } " · " a href="/desk/login" { "Sign in" } }
            p class="quiet" { code { (problem.code) } }
        },
    );
    (response.status(), page).into_response()
}

async fn style() -> impl IntoResponse {
    let kind = HeaderValue::from_static("text/css; charset=utf-8");
    (
        [(header::CONTENT_TYPE, kind)],
        include_str!("dashboard/style.css"),
    )
}

/// What a browser may do with a page: show it, and send its forms back.
pub(crate) const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
