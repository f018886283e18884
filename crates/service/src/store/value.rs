//! What the database's columns hold: whole numbers and texts.

use crate::error::ServiceError;
use bytes::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use std::error::Error;

/// A parameter, or what a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Number(i64),
    Text(String),
}

/// A row of an answer.
#[derive(Debug)]
pub(crate) struct Row(pub(super) Vec<Value>);

impl Row {
    /// The number in a column.
    pub fn number(&self, at: usize) -> Result<i64, ServiceError> {
        self.maybe_number(at)?.ok_or_else(|| unexpected("a number"))
    }

    /// The same, where there may be none.
    pub fn maybe_number(&self, at: usize) -> Result<Option<i64>, ServiceError> {
        match self.0.get(at) {
            Some(Value::Number(number)) => Ok(Some(*number)),
            Some(Value::Null) => Ok(None),
            _ => Err(unexpected("a number")),
        }
    }

    /// The text in a column.
    pub fn text(&self, at: usize) -> Result<String, ServiceError> {
        self.maybe_text(at)?.ok_or_else(|| unexpected("a text"))
    }

    /// The same, where there may be none.
    pub fn maybe_text(&self, at: usize) -> Result<Option<String>, ServiceError> {
        match self.0.get(at) {
            Some(Value::Text(text)) => Ok(Some(text.clone())),
            Some(Value::Null) => Ok(None),
            _ => Err(unexpected("a text")),
        }
    }
}

/// A column that holds something else than this program wrote.
pub(crate) fn unexpected(what: &str) -> ServiceError {
    ServiceError::Queue {
        action: "does not hold what this version wrote",
        reason: format!("expected {what}; restore it from a copy, or use the version that made it"),
        passing: false,
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Number(number) => ToSql::to_sql(number, kind, out),
            Self::Text(text) => ToSql::to_sql(text, kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        <i64 as ToSql>::accepts(kind) || <String as ToSql>::accepts(kind)
    }

    to_sql_checked!();
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        match self {
            Self::Null => rusqlite::types::Null.to_sql(),
            Self::Number(number) => rusqlite::ToSql::to_sql(number),
            Self::Text(text) => rusqlite::ToSql::to_sql(text),
        }
    }
}
