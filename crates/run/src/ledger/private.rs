//! What only the owner reads: of every request, and of the run's present.

use super::database::on_database;
use super::error::LedgerError;
use crate::disk::io_error;
use rand::TryRng;
use rand::rngs::SysRng;
use rescind_data::{Digest, Selection};
use rusqlite::{Connection, OptionalExtension, Transaction};
use std::io;
use std::path::Path;

/// What is private of a request: its row in the database under `private/`.
#[derive(Debug, Clone, PartialEq)]
pub struct PrivateRow {
    /// The request's number.
    pub number: u64,
    /// The caller's idempotency key, if it gave one.
    pub key: Option<String>,
    /// The records forgotten.
    pub forgotten: Selection,
    /// Everything else, as JSON.
    pub body: String,
}

/// Digest of the private state in force.
pub(super) const STATE: &str = "state";
/// Digest of the record of training's early checkpoint.
pub(super) const EARLY: &str = "early";
/// Where the records are, where that is not what the run was made with.
pub(super) const SOURCE: &str = "source";
/// The key that the noise of the next release is drawn with.
pub(super) const NOISE_KEY: &str = "noise_key";
/// The end of the chain: entries cannot be cut off it unseen.
pub(super) const HEAD: &str = "head";
/// Where the ledger was last written.
pub(super) const PLACE: &str = "place";

/// What is so at present, in the table `private.present`.
pub(super) trait Present {
    /// One of its values.
    fn present(&self, name: &str) -> rusqlite::Result<Option<String>>;
    /// Sets one.
    fn set_present(&self, name: &str, value: &str) -> rusqlite::Result<()>;
}

impl Present for Connection {
    fn present(&self, name: &str) -> rusqlite::Result<Option<String>> {
        self.prepare_cached("SELECT value FROM private.present WHERE name = ?")?
            .query_row([name], |row| row.get(0))
            .optional()
    }

    fn set_present(&self, name: &str, value: &str) -> rusqlite::Result<()> {
        self.prepare_cached("INSERT OR REPLACE INTO private.present VALUES (?, ?)")?
            .execute([name, value])
            .map(drop)
    }
}

/// What a new run begins with: a key for its noise, and no state.
pub(super) fn begin(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    let mut key = [0; 32];
    let drawn = SysRng.try_fill_bytes(&mut key).map_err(io::Error::other);
    drawn.map_err(io_error(path, "draw the key of its noise for it"))?;
    let begun = connection
        .set_present(NOISE_KEY, &Digest::from(key).to_string())
        .and_then(|()| {
            let remove = "DELETE FROM private.present WHERE name IN (?, ?, ?)";
            connection.execute(remove, [STATE, EARLY, SOURCE]).map(drop)
        });
    on_database(path, begun)
}

/// Writes what is private of a request.
pub(super) fn record(transaction: &Transaction<'_>, row: &PrivateRow) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT INTO private.answers VALUES (?, ?, ?)",
        (row.number as i64, &row.key, &row.body),
    )?;
    let mut forgotten =
        transaction.prepare_cached("INSERT INTO private.forgotten VALUES (?, ?)")?;
    for &position in row.forgotten.positions() {
        forgotten.execute((position as i64, row.number as i64))?;
    }
    Ok(())
}

/// Makes this state, which a request led to, the one in force.
pub(super) fn moved_to(transaction: &Transaction<'_>, state: &Digest) -> rusqlite::Result<()> {
    transaction.set_present(STATE, &state.to_string())
}

/// A release was recorded: its key gives way to the next.
pub(super) fn follow(transaction: &Transaction<'_>, key: &Digest) -> rusqlite::Result<()> {
    transaction.set_present(NOISE_KEY, &next_noise_key(key).to_string())
}

/// The key that follows this one, from which it cannot be computed.
pub(super) fn next_noise_key(key: &Digest) -> Digest {
    let key = key.to_string();
    let next = blake3::derive_key("rescind 2026 noise key v1", key.as_bytes());
    Digest::from(next)
}

/// What the ledger has of a key of noise: whether it is the one, and nothing else of it.
pub(super) fn noise_commitment(key: &Digest) -> Digest {
    let context = "rescind 2026 noise key commitment v1";
    Digest::from(blake3::derive_key(context, key.as_bytes()))
}

/// Digest of what is private of a request, as its entry has it: BLAKE3 in key-derivation mode, context
/// `rescind 2026 private answer v1`, over the idempotency key and the answer, each with its length in
/// bytes as little-endian u64; in place of a key that is absent, the length alone, `u64::MAX`.
pub(crate) fn answer_digest(key: Option<&str>, body: &str) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key("rescind 2026 private answer v1");
    for text in [key, Some(body)] {
        let length = text.map_or(u64::MAX, |text| text.len() as u64);
        hasher.update(&length.to_le_bytes());
        hasher.update(text.unwrap_or_default().as_bytes());
    }
    Digest::from(*hasher.finalize().as_bytes())
}
