//! Signing in and out.

use super::layout::{Tone, note, plain};
use super::viewer::{COOKIE, SESSION, sealed, session_hash};
use crate::api::caller::found;
use crate::api::problem::Problem;
use crate::desk::Desk;
use crate::token::{self, Role};
use axum::extract::{Form, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

/// The form that asks for a token.
pub(super) async fn page() -> Markup {
    form(None)
}

fn form(wrong: Option<&str>) -> Markup {
    plain(
        "Sign in",
        &html! {
            @if let Some(wrong) = wrong {
                (note(Tone::Bad, wrong))
            }
            form method="post" action="/desk/login" class="stack" {
                label for="token" { "Token of an operator or an auditor" }
                input id="token" name="token" type="password" autocomplete="off" required autofocus;
                button type="submit" { "Sign in" }
            }
            p class="quiet" { "Made by " code { "rescind serve token create" } " on the desk's machine." }
        },
    )
}

#[derive(Deserialize)]
pub(super) struct Login {
    token: String,
}

/// Opens a session for whoever shows a token.
pub(super) async fn login(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    Form(login): Form<Login>,
) -> Result<Response, Problem> {
    let bearer = found(&desk, login.token.trim().to_owned()).await?;
    let Some(bearer) = bearer.filter(|bearer| bearer.role != Role::Requester) else {
        // Whoever calls without a token keeps nobody out who has one.
        if !desk.limiter.allows("") {
            let wait = form(Some("Too many tries: wait a second."));
            return Ok((StatusCode::TOO_MANY_REQUESTS, wait).into_response());
        }
        let wrong = form(Some("No token of an operator or an auditor that is valid."));
        return Ok((StatusCode::UNAUTHORIZED, wrong).into_response());
    };
    let sealed = sealed(&desk, &bearer)?;
    Ok(with_cookie(&desk, &headers, &sealed, SESSION))
}

/// Ends the session, wherever its cookie was copied to.
pub(super) async fn logout(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(hash) = session_hash(&desk, &headers) {
        desk.store
            .write(move |db| token::end_session(db, &hash, SESSION))
            .await?;
    }
    Ok(with_cookie(&desk, &headers, "", 0))
}

fn with_cookie(desk: &Desk, headers: &HeaderMap, value: &str, seconds: i64) -> Response {
    let forwarded = headers
        .get("x-forwarded-proto")
        .is_some_and(|scheme| scheme == "https");
    let secure = if forwarded || desk.settings.tls.is_some() {
        "; Secure"
    } else {
        ""
    };
    let cookie =
        format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut response = Redirect::to("/desk").into_response();
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
