//! Errors of the library as exceptions of the package.

use crate::reporting::ReportFailure;
use pyo3::prelude::*;
use rescind::{Code, CodeKind, Error, ModelError};
use rescind_evaluate::audit::AuditError;
use rescind_evaluate::report::{ReportError, WriteError};
use rescind_service::ServiceError;

/// What a code's exception derives from.
pub fn kind(code: Code) -> &'static str {
    match code.kind() {
        CodeKind::Usage => "usage",
        CodeKind::Refused => "refused",
        CodeKind::Nothing => "nothing",
        // The exception says that it was done all the same.
        CodeKind::Done | CodeKind::Failed => "failed",
    }
}

/// The exception that says this. One that was raised in Python arrives as it was raised.
pub fn raise(py: Python<'_>, error: Error) -> PyErr {
    match error {
        Error::Unlearn(ModelError::Model(failure)) => match failure.downcast::<PyErr>() {
            Ok(raised) => *raised,
            Err(failure) => of(py, Code::ModelFailed, &failure.to_string()),
        },
        error => of(py, error.code(), &error.to_string()),
    }
}

/// An error that Python can be told of.
pub trait Raised: Send {
    /// As an exception.
    fn raised(self, py: Python<'_>) -> PyErr;
}

impl Raised for Error {
    fn raised(self, py: Python<'_>) -> PyErr {
        raise(py, self)
    }
}

impl Raised for ServiceError {
    fn raised(self, py: Python<'_>) -> PyErr {
        match self {
            ServiceError::Library(error) => raise(py, error),
            other => of(py, other.code(), &other.to_string()),
        }
    }
}

impl Raised for AuditError {
    fn raised(self, py: Python<'_>) -> PyErr {
        match self {
            AuditError::Run(error) => raise(py, error),
            AuditError::Privacy(error) => raise(py, error.into()),
            AuditError::Setting { .. } => of(py, Code::Setting, &self.to_string()),
            other => of(py, Code::CannotAudit, &other.to_string()),
        }
    }
}

impl Raised for ReportFailure {
    fn raised(self, py: Python<'_>) -> PyErr {
        match self {
            ReportFailure::Report(error) => error.raised(py),
            ReportFailure::Audit(error) => error.raised(py),
            ReportFailure::Write(error) => match *error {
                WriteError::Io { .. } => of(py, Code::Io, &error.to_string()),
                other => of(py, Code::Document, &other.to_string()),
            },
        }
    }
}

impl Raised for ReportError {
    fn raised(self, py: Python<'_>) -> PyErr {
        match self {
            ReportError::Run(error) => raise(py, error),
            ReportError::Privacy(error) => raise(py, error.into()),
            ReportError::Attack(error) => of(py, Code::CannotAttack, &error.to_string()),
            other => of(py, Code::Document, &other.to_string()),
        }
    }
}

/// The package's own exception for this code.
pub fn of(py: Python<'_>, code: Code, message: &str) -> PyErr {
    let made = py
        .import("rescind.errors")
        .and_then(|errors| errors.call_method1("of", (code.as_str(), message)));
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

/// JSON that cannot be read as what it is for.
pub fn unreadable(py: Python<'_>, what: &str, error: &serde_json::Error) -> PyErr {
    of(py, Code::Setting, &format!("{what}: {error}"))
}
