//! What was done at the desk, by whom, in order, for good.
//!
//! Every entry has a keyed digest of itself and of the one before: whoever changes, removes or puts in
//! an entry later, and does not have the desk's key, is found out. No entry names a person.

use crate::clock::{now, rfc3339};
use crate::error::ServiceError;
use crate::secret::{Of, Secret};
use crate::store::{Connection, Row};
use serde::Serialize;
use utoipa::ToSchema;

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    /// Its place, from 1.
    pub number: i64,
    /// When: RFC 3339, UTC.
    pub at: String,
    /// Whose token it was done with and the first of its name, as `OWNER/1a2b3c4d`, or `desk`.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To which request, model or token.
    pub object: String,
    /// More of it.
    pub detail: String,
    /// Its digest, which covers all entries before it.
    pub digest: String,
}

/// Whether the log is as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AuditCheck {
    /// How many entries there are.
    pub entries: i64,
    /// The digest at the end. Kept elsewhere, it shows later whether the log was rewritten.
    pub head: String,
    /// The first entry that is not as it was written, if one is not; the one after the last where
    /// some are missing from the end.
    pub altered_at: Option<i64>,
}

/// Appends an entry, in the caller's transaction.
pub(crate) fn append(
    connection: &mut Connection,
    secret: &Secret,
    actor: &str,
    action: &str,
    object: &str,
    detail: &str,
) -> Result<(), ServiceError> {
    // Whoever appends holds this row until the transaction ends, so that entries queue up.
    let head = "UPDATE audit_head SET number = number + 1 WHERE id = 1 RETURNING number, digest";
    let head = connection.rows(head, &[])?;
    let Some(head) = head.first() else {
        return Err(crate::store::unexpected("the head of the audit log"));
    };
    let (number, before, at) = (head.number(0)?, head.text(1)?, now());
    let digest = digest(secret, &before, number, at, [actor, action, object, detail]);
    connection.change(
        "INSERT INTO audit VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            number.into(),
            at.into(),
            actor.into(),
            action.into(),
            object.into(),
            detail.into(),
            (&digest).into(),
        ],
    )?;
    let set = "UPDATE audit_head SET digest = $1 WHERE id = 1";
    connection.change(set, &[digest.into()])?;
    Ok(())
}

fn digest(secret: &Secret, before: &str, number: i64, at: i64, texts: [&str; 4]) -> String {
    let mut content = Vec::new();
    let number = number.to_string();
    let at = at.to_string();
    for text in [before, &number, &at].into_iter().chain(texts) {
        content.extend((text.len() as u64).to_le_bytes());
        content.extend(text.as_bytes());
    }
    secret.hash(Of::Audit, &content)
}

const ENTRIES: &str = "SELECT number, at, actor, action, object, detail, digest FROM audit \
                       WHERE number > $1 ORDER BY number LIMIT $2";

/// The entries after a place, in order.
pub(crate) fn entries(
    connection: &mut Connection,
    after: i64,
    most: i64,
) -> Result<Vec<AuditEntry>, ServiceError> {
    let rows = connection.rows(ENTRIES, &[after.into(), most.into()])?;
    rows.iter().map(read).collect()
}

/// The entries about a request, a model or a token, in order: the first 1000.
pub(crate) fn of_object(
    connection: &mut Connection,
    object: &str,
) -> Result<Vec<AuditEntry>, ServiceError> {
    let rows = connection.rows(
        "SELECT number, at, actor, action, object, detail, digest FROM audit \
         WHERE object = $1 ORDER BY number LIMIT 1000",
        &[object.into()],
    )?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<AuditEntry, ServiceError> {
    Ok(AuditEntry {
        number: row.number(0)?,
        at: rfc3339(row.number(1)?),
        actor: row.text(2)?,
        action: row.text(3)?,
        object: row.text(4)?,
        detail: row.text(5)?,
        digest: row.text(6)?,
    })
}

/// The number of the newest entry; 0 before the first.
pub(crate) fn newest(connection: &mut Connection) -> Result<i64, ServiceError> {
    let head = connection.row("SELECT number FROM audit_head WHERE id = 1", &[])?;
    head.ok_or_else(|| crate::store::unexpected("the head of the audit log"))?
        .number(0)
}

/// Goes through the log, from after this entry on: the whole of it, where that is 0.
pub(crate) fn check(
    connection: &mut Connection,
    secret: &Secret,
    after: i64,
) -> Result<AuditCheck, ServiceError> {
    let unexpected = || crate::store::unexpected("the head of the audit log");
    let head = connection.row("SELECT number, digest FROM audit_head WHERE id = 1", &[])?;
    let head = head.ok_or_else(unexpected)?;
    let (entries, head) = (head.number(0)?, head.text(1)?);
    let known = connection.row(
        "SELECT digest FROM audit WHERE number = $1",
        &[after.into()],
    )?;
    let known = known.map(|row| row.text(0)).transpose()?;
    let (mut before, mut last) = (known.unwrap_or_default(), after);
    let altered = |at| {
        Ok(AuditCheck {
            entries,
            head: head.clone(),
            altered_at: Some(at),
        })
    };
    loop {
        let rows = connection.rows(ENTRIES, &[last.into(), 1000.into()])?;
        for row in &rows {
            let number = row.number(0)?;
            let texts = [row.text(2)?, row.text(3)?, row.text(4)?, row.text(5)?];
            let texts = [&*texts[0], &texts[1], &texts[2], &texts[3]];
            let computed = digest(secret, &before, number, row.number(1)?, texts);
            if number != last + 1 || computed != row.text(6)? {
                return altered(last + 1);
            }
            (before, last) = (computed, number);
        }
        if rows.is_empty() {
            break;
        }
    }
    match last == entries && before == head {
        true => Ok(AuditCheck {
            entries,
            head: head.clone(),
            altered_at: None,
        }),
        false => altered(last + 1),
    }
}
