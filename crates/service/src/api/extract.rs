//! What calls carry, with problems where it cannot be read.

use super::problem::Problem;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use rescind::Code;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A JSON body.
pub(crate) struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let told = |status, text: &str| Problem::with(status, Code::RequestSyntax, plain(text));
        // The answer goes to nobody but whoever sent the body: what it quotes of it is theirs.
        match axum::Json::<Value>::from_request(request, state).await {
            // Of a list serde would take the members in their order.
            Ok(axum::Json(value)) if !value.is_object() => Err(told(
                StatusCode::UNPROCESSABLE_ENTITY,
                "the body is no JSON object",
            )),
            Ok(axum::Json(value)) => serde_json::from_value(value)
                .map(Self)
                .map_err(|error| told(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string())),
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Problem::new(
                Code::TooLarge,
                "the body is larger than the desk takes: ask in several requests",
            )),
            Err(error) => Err(told(error.status(), &error.body_text())),
        }
    }
}

/// The variable parts of the address.
pub(crate) struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // What a database would not take as a text names nothing.
        if parts.uri.path().contains("%00") {
            return Err(Problem::new(
                Code::UnknownPath,
                "the address has a NUL character",
            ));
        }
        let read = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        match read {
            Ok(axum::extract::Path(path)) => Ok(Self(path)),
            Err(error) => Err(Problem::new(Code::UnknownPath, plain(&error.body_text()))),
        }
    }
}

/// The options after the address's question mark.
pub(crate) struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        match read {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(error) => Err(Problem::new(Code::RequestSyntax, plain(&error.body_text()))),
        }
    }
}

/// On one line, and not long.
fn plain(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(300).collect()
}
