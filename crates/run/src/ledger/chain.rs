//! The chain of entries: every one holds the digest of the one before.

use super::database::on_database;
use super::entry::Entry;
use super::error::LedgerError;
use super::history::{History, Recorded};
use super::link::{entry_digest, first_head};
use rusqlite::Connection;
use std::path::Path;

/// Reads the chain from its first entry to its last.
pub(super) fn chain(connection: &Connection, path: &Path) -> Result<History, LedgerError> {
    let altered = |what: String| LedgerError::Altered {
        path: path.to_owned(),
        what,
    };
    let query = "SELECT sequence, kind, body, previous, digest FROM main.entries ORDER BY sequence";
    let rows: Vec<(i64, String, String, String, String)> = on_database(
        path,
        (|| {
            let mut statement = connection.prepare(query)?;
            let rows = statement.query_map([], |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            })?;
            rows.collect()
        })(),
    )?;
    let mut head = first_head();
    let mut history = History::empty(head)?;
    for (index, (sequence, kind, body, previous, digest)) in rows.into_iter().enumerate() {
        let expected = index as u64 + 1;
        if u64::try_from(sequence) != Ok(expected) {
            return Err(altered(format!("entry {expected} is missing")));
        }
        let own = entry_digest(expected, &kind, &body, &head);
        if previous != head.to_string() || digest != own.to_string() {
            return Err(altered(format!(
                "entry {expected} ({kind}) is not the one that was recorded, or one before it is \
                 not"
            )));
        }
        let entry = match Entry::read(&kind, &body) {
            Some(Ok(entry)) => entry,
            Some(Err(error)) => return Err(altered(format!("entry {expected}: {error}"))),
            None => return Err(altered(format!("entry {expected} is a {kind:?}"))),
        };
        if matches!(entry, Entry::Made(_)) && !history.is_new() {
            return Err(altered(format!(
                "entry {expected} says that the run was made, after it was used"
            )));
        }
        head = own;
        history.push(Recorded {
            sequence: expected,
            entry,
            digest: own,
        })?;
    }
    Ok(history)
}
