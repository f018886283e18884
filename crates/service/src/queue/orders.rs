//! Releases that an operator has ordered.

use super::leases::wake;
use super::models::live_model;
use crate::audit;
use crate::clock::now;
use crate::error::ServiceError;
use crate::secret::Secret;
use crate::store::{Connection, Row, unexpected};
use rescind::{Code, ReleaseChoice};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OrderState {
    /// To be made.
    Waiting,
    /// Being made.
    Making,
    /// Made.
    Made,
    /// Refused or failed; nothing was released.
    Failed,
}

impl OrderState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Making => "making",
            Self::Made => "made",
            Self::Failed => "failed",
        }
    }

    fn read(text: &str) -> Option<Self> {
        let all = [Self::Waiting, Self::Making, Self::Made, Self::Failed];
        all.into_iter().find(|state| state.as_str() == text)
    }
}

/// An order of a release.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Order {
    pub id: String,
    pub model: String,
    pub asked: ReleaseChoice,
    pub state: OrderState,
    pub made_at: i64,
    /// The newest release before it was begun.
    pub before: Option<i64>,
    /// The release that it led to.
    pub release: Option<i64>,
    pub code: Option<String>,
    pub detail: Option<String>,
}

fn read(row: &Row) -> Result<Order, ServiceError> {
    Ok(Order {
        id: row.text(0)?,
        model: row.text(1)?,
        asked: serde_json::from_str(&row.text(2)?).map_err(|_| unexpected("a release"))?,
        state: OrderState::read(&row.text(3)?).ok_or_else(|| unexpected("a state"))?,
        made_at: row.number(4)?,
        before: row.maybe_number(5)?,
        release: row.maybe_number(6)?,
        code: row.maybe_text(7)?,
        detail: row.maybe_text(8)?,
    })
}

/// Orders a release under a fresh name.
pub(crate) fn order_release(
    connection: &mut Connection,
    secret: &Secret,
    actor: &str,
    id: &str,
    of: &str,
    asked: &ReleaseChoice,
) -> Result<Order, ServiceError> {
    live_model(connection, of)?;
    let text = serde_json::to_string(asked).map_err(rescind::Error::Document)?;
    connection.change(
        "INSERT INTO orders VALUES ($1, $2, $3, 'waiting', $4, NULL, NULL, NULL, NULL) \
         ON CONFLICT DO NOTHING",
        &[id.into(), of.into(), (&text).into(), now().into()],
    )?;
    wake(connection, of)?;
    audit::append(connection, secret, actor, "release_ordered", of, &text)?;
    order(connection, of, id)
}

/// An order by its name.
pub(crate) fn order(
    connection: &mut Connection,
    of: &str,
    id: &str,
) -> Result<Order, ServiceError> {
    let found = connection.row(
        "SELECT id, model, asked, state, made_at, before, release, code, detail FROM orders \
         WHERE id = $1 AND model = $2",
        &[id.into(), of.into()],
    )?;
    match found {
        Some(row) => read(&row),
        None => Err(ServiceError::refused(
            Code::UnknownRelease,
            "no release of this model was ordered under this name",
        )),
    }
}

/// The oldest order that is not done, the one begun first.
pub(crate) fn next_order(
    connection: &mut Connection,
    of: &str,
) -> Result<Option<Order>, ServiceError> {
    let found = connection.row(
        "SELECT id, model, asked, state, made_at, before, release, code, detail FROM orders \
         WHERE model = $1 AND state IN ('waiting', 'making') ORDER BY state, made_at, id LIMIT 1",
        &[of.into()],
    )?;
    found.as_ref().map(read).transpose()
}

/// Begins it, where the newest release is this one.
pub(crate) fn begin_order(
    connection: &mut Connection,
    id: &str,
    newest: u64,
) -> Result<(), ServiceError> {
    connection.change(
        "UPDATE orders SET state = 'making', before = $2 WHERE id = $1 AND state = 'waiting'",
        &[id.into(), (newest as i64).into()],
    )?;
    Ok(())
}

/// Ends it: with a release, or the code and words of why there is none.
pub(crate) fn end_order(
    connection: &mut Connection,
    id: &str,
    made: Result<u64, (&str, &str)>,
) -> Result<(), ServiceError> {
    let (state, release, code, detail) = match made {
        Ok(release) => (OrderState::Made, Some(release as i64), None, None),
        Err((code, detail)) => (OrderState::Failed, None, Some(code), Some(detail)),
    };
    connection.change(
        "UPDATE orders SET state = $2, release = $3, code = $4, detail = $5 WHERE id = $1",
        &[
            id.into(),
            state.as_str().into(),
            release.into(),
            code.into(),
            detail.into(),
        ],
    )?;
    Ok(())
}
