//! Somebody who looks at the dashboard: whoever has shown a token, for a working day.

use crate::api::problem::Problem;
use crate::clock::now;
use crate::desk::Desk;
use crate::error::ServiceError;
use crate::secret::Of;
use crate::token::{self, Bearer, Role};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use std::sync::Arc;

pub(super) const COOKIE: &str = "rescind_desk";
/// For how long, in seconds.
pub(super) const SESSION: i64 = 10 * 3600;
/// What a session is sealed for.
const PLACE: &str = "dashboard session";

/// Somebody who looks at the dashboard, and the word that their forms must carry.
pub(super) struct Viewer {
    pub bearer: Bearer,
    pub word: String,
}

impl Viewer {
    /// Whether they may change anything.
    pub fn operates(&self) -> bool {
        self.bearer.role == Role::Operator
    }

    /// Refuses a form that was not made for them, or that they may not send.
    pub fn expect(&self, word: &str) -> Result<(), Problem> {
        let right = blake3::hash(word.as_bytes()) == blake3::hash(self.word.as_bytes());
        match right && self.operates() {
            true => Ok(()),
            false => Err(Problem::new(
                rescind::Code::Forbidden,
                "this takes an operator's token, and a form of this desk: open the page again",
            )),
        }
    }
}

impl FromRequestParts<Arc<Desk>> for Viewer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Response> {
        let login = || Redirect::to("/desk/login").into_response();
        let Some(cookie) = cookie(&parts.headers) else {
            return Err(login());
        };
        let Some(id) = opened(desk, &cookie) else {
            return Err(login());
        };
        let hash = desk.secret.hash(Of::Session, cookie.as_bytes());
        // A token that was revoked ends its sessions, and signing out ends one.
        let found = desk
            .store
            .glance(move |db| match token::has_ended(db, &hash)? {
                true => Ok(None),
                false => token::by_name(db, &id),
            });
        let found = found.await;
        match found {
            Ok(Some(bearer)) => Ok(Self {
                word: desk.secret.hash(Of::Form, cookie.as_bytes()),
                bearer,
            }),
            Ok(None) => Err(login()),
            Err(error) => Err(Problem::from(error).into_response()),
        }
    }
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let sent = headers.get(header::COOKIE)?.to_str().ok()?;
    let mut pairs = sent
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == COOKIE)?;
    Some(value.to_owned())
}

/// What an ended session is known by, where a browser has one that has not.
pub(super) fn session_hash(desk: &Desk, headers: &HeaderMap) -> Option<String> {
    let cookie = cookie(headers)?;
    opened(desk, &cookie)?;
    Some(desk.secret.hash(Of::Session, cookie.as_bytes()))
}

/// The token's name in a session that has not ended.
fn opened(desk: &Desk, cookie: &str) -> Option<String> {
    let bytes = desk.secret.unseal(PLACE, cookie)?;
    let text = String::from_utf8(bytes).ok()?;
    let (until, id) = text.split_once(' ')?;
    (until.parse::<i64>().ok()? > now()).then(|| id.to_owned())
}

/// A session of a bearer, for their browser to keep.
pub(super) fn sealed(desk: &Desk, bearer: &Bearer) -> Result<String, ServiceError> {
    let session = format!("{} {}", now() + SESSION, bearer.token);
    desk.secret.seal(PLACE, session.as_bytes())
}
