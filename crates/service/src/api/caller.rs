//! Who calls, and what their role allows.

use super::problem::Problem;
use crate::desk::Desk;
use crate::token::{self, Bearer, Role};
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use rescind::Code;
use std::sync::Arc;

macro_rules! rights {
    ($($(#[$about:meta])* $right:ident: $($role:ident),*;)*) => {$(
        $(#[$about])*
        #[allow(dead_code)] // whoever may see everything is often not asked who they are
        pub(crate) struct $right(pub Bearer);

        impl FromRequestParts<Arc<Desk>> for $right {
            type Rejection = Problem;

            async fn from_request_parts(
                parts: &mut Parts,
                desk: &Arc<Desk>,
            ) -> Result<Self, Problem> {
                let bearer = bearer(parts, desk).await?;
                allowed(bearer, &[$(Role::$role),*]).map(Self)
            }
        }
    )*};
}

rights! {
    /// Whoever may make requests, and see and cancel their own.
    Asks: Requester, Operator;
    /// Whoever may see requests: a requester their own.
    Sees: Requester, Operator, Auditor;
    /// Whoever may see everything.
    Audits: Operator, Auditor;
    /// Whoever may change how the desk works.
    Operates: Operator;
}

impl Sees {
    /// Whose requests alone they may see; none: all.
    pub fn owner(&self) -> Option<&str> {
        owner(&self.0)
    }
}

impl Asks {
    /// Whose requests alone they may see; none: all.
    pub fn owner(&self) -> Option<&str> {
        owner(&self.0)
    }
}

fn owner(bearer: &Bearer) -> Option<&str> {
    (bearer.role == Role::Requester).then_some(&*bearer.owner)
}

/// The bearer of the token that a call carries.
pub(crate) async fn bearer(parts: &Parts, desk: &Arc<Desk>) -> Result<Bearer, Problem> {
    let sent = parts.headers.get(header::AUTHORIZATION);
    let sent = sent.and_then(|value| value.to_str().ok());
    let sent = sent.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| token.trim().to_owned())
    });
    let found = match sent {
        Some(sent) => found(desk, sent).await?,
        None => None,
    };
    let Some(bearer) = found else {
        if !desk.limiter.allows("") {
            return Err(too_often());
        }
        return Err(Problem::new(
            Code::Unauthenticated,
            "the call carries no token that is valid: send `Authorization: Bearer TOKEN`; an operator \
             makes one with `rescind serve token create`",
        ));
    };
    if !desk.limiter.allows(&bearer.owner) {
        return Err(too_often());
    }
    Ok(bearer)
}

/// Whose token this is.
pub(crate) async fn found(desk: &Arc<Desk>, sent: String) -> Result<Option<Bearer>, Problem> {
    let secret = Arc::clone(&desk.secret);
    let found = desk
        .store
        .glance(move |db| token::bearer(db, &secret, &sent));
    Ok(found.await?)
}

fn too_often() -> Problem {
    Problem::new(
        Code::TooOften,
        "more calls than the desk allows: wait a second and call again",
    )
}

fn allowed(bearer: Bearer, roles: &[Role]) -> Result<Bearer, Problem> {
    if roles.contains(&bearer.role) {
        return Ok(bearer);
    }
    let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    Err(Problem::new(
        Code::Forbidden,
        format!(
            "the token is a {}'s, and this takes a token of: {}",
            bearer.role,
            names.join(", ")
        ),
    ))
}
