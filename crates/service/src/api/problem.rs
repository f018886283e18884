//! What went wrong, as RFC 9457 has it, with the library's stable codes.

use crate::error::ServiceError;
use crate::words::told_to_caller;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rescind::{Code, CodeKind};
use serde::Serialize;
use utoipa::ToSchema;

/// A problem document (RFC 9457), `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// `urn:rescind:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the code means.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The thing, what was found, what was expected, and what to do.
    pub detail: String,
    /// The stable code; docs/errors.md has them all.
    pub code: String,
}

impl Problem {
    /// A problem of this code.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self::with(status_of(code), code, detail)
    }

    /// The same under another status.
    pub fn with(status: StatusCode, code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:rescind:problem:{code}"),
            title: code.meaning().to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            code: code.to_string(),
        }
    }
}

fn status_of(code: Code) -> StatusCode {
    match code {
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::UnknownPath
        | Code::UnknownModel
        | Code::UnknownRequest
        | Code::UnknownRelease
        | Code::UnknownToken => StatusCode::NOT_FOUND,
        Code::KeyReused | Code::ModelExists | Code::TooLate => StatusCode::CONFLICT,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::TooOften => StatusCode::TOO_MANY_REQUESTS,
        Code::RequestSyntax => StatusCode::BAD_REQUEST,
        // The desk's own, which pass; nothing was done.
        Code::Queue | Code::Busy | Code::NoRandomness | Code::DeskKey => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => match code.kind() {
            CodeKind::Refused => StatusCode::CONFLICT,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        },
    }
}

impl From<ServiceError> for Problem {
    /// What the system or the database said stays here: it names folders.
    fn from(error: ServiceError) -> Self {
        let detail = match &error {
            ServiceError::Io { action, .. } => format!("the desk cannot {action}: ask again later"),
            ServiceError::Key { .. } => "the desk's key cannot be used".to_owned(),
            ServiceError::Queue { action, .. } => {
                format!("the desk's database {action}: ask again later")
            }
            ServiceError::Library(error) => told_to_caller(error),
            error => error.to_string(),
        };
        Self::new(error.code(), detail)
    }
}

impl From<rescind::Error> for Problem {
    fn from(error: rescind::Error) -> Self {
        ServiceError::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&self)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        if [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::SERVICE_UNAVAILABLE,
        ]
        .contains(&status)
        {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        // For the dashboard, which shows it as a page.
        response.extensions_mut().insert(self);
        response
    }
}
