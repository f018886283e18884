//! The table and its chain.

use super::entry::Entry;
use super::history::{History, Recorded};
use crate::certificate::LedgerAnchor;
use crate::disk::{DiskError, io_error};
use crate::run::fault;
use rescind_data::Digest;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name and creation of everything in the database, compared letter by letter on every opening.
const SCHEMA: [(&str, &str); 7] = [
    (
        "entries",
        "CREATE TABLE entries (sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT \
         NULL, previous TEXT NOT NULL, digest TEXT NOT NULL) STRICT",
    ),
    (
        "entries_are_not_changed",
        "CREATE TRIGGER entries_are_not_changed BEFORE UPDATE ON entries BEGIN SELECT \
         RAISE(ABORT, 'the ledger is append-only: entries cannot be changed'); END",
    ),
    (
        "entries_are_not_removed",
        "CREATE TRIGGER entries_are_not_removed BEFORE DELETE ON entries BEGIN SELECT \
         RAISE(ABORT, 'the ledger is append-only: entries cannot be removed'); END",
    ),
    (
        "entries_are_appended",
        "CREATE TRIGGER entries_are_appended BEFORE INSERT ON entries WHEN NEW.sequence IS NOT \
         (SELECT count(*) + 1 FROM entries) OR (NEW.sequence > 1 AND NEW.previous IS NOT (SELECT \
         digest FROM entries ORDER BY sequence DESC LIMIT 1)) BEGIN SELECT RAISE(ABORT, 'the \
         ledger is append-only: an entry must follow the last one'); END",
    ),
    (
        "requests",
        "CREATE VIEW requests AS SELECT sequence, json_extract(body, '$.number') AS number, \
         json_extract(body, '$.requested_at') AS requested_at, json_extract(body, '$.records') AS \
         records, json_extract(body, '$.commitment') AS commitment FROM entries WHERE kind = \
         'request'",
    ),
    (
        "releases",
        "CREATE VIEW releases AS SELECT sequence, json_extract(body, '$.number') AS number, \
         json_extract(body, '$.released_at') AS released_at, json_extract(body, '$.sigma') AS \
         sigma, json_extract(body, '$.epsilon') AS epsilon, json_extract(body, '$.delta') AS \
         delta, json_extract(body, '$.mu') AS mu, json_extract(body, '$.kind') AS kind, \
         json_extract(body, '$.weights') AS weights FROM entries WHERE kind = 'release'",
    ),
    (
        "certificates",
        "CREATE VIEW certificates AS SELECT sequence, json_extract(body, '$.release') AS release, \
         json_extract(body, '$.document') AS document FROM entries WHERE kind = 'certificate'",
    ),
];

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The database refuses.
    #[error("the ledger {path}: {source}")]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// History was edited.
    #[error(
        "the ledger {path} was altered: {what}. Restore it from a copy; no release is made on an \
         altered history"
    )]
    Altered {
        /// The file.
        path: PathBuf,
        /// What gives it away.
        what: String,
    },
    /// A release that the ledger records is not on disk.
    #[error(
        "release {number} is in the ledger but {path} is not what was recorded ({what}): restore \
         it from a copy"
    )]
    ReleaseMissing {
        /// The release.
        number: u64,
        /// Its folder.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// An entry that cannot be written down.
    #[error("a ledger entry cannot be written: {0}")]
    Entry(#[from] serde_json::Error),
    /// A file or folder.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// An open ledger.
pub struct Ledger {
    connection: Connection,
    path: PathBuf,
}

impl Ledger {
    /// Opens the ledger of a run, making an empty one if there is none.
    ///
    /// # Errors
    /// [`LedgerError::Altered`] if its tables or triggers are not those of a ledger;
    /// [`LedgerError::Database`].
    pub fn open(run: &Path) -> Result<Self, LedgerError> {
        let path = run.join("ledger.sqlite");
        let ledger = Self::connect(path, OpenFlags::default())?;
        let empty: bool = ledger.ask("SELECT count(*) = 0 FROM sqlite_master")?;
        if empty {
            let creation = SCHEMA.map(|(_, statement)| statement).join(";\n");
            fault::point().map_err(io_error(&ledger.path, "write it"))?;
            let creation = format!("BEGIN IMMEDIATE;\n{creation};\nCOMMIT;");
            ledger.on_database(ledger.connection.execute_batch(&creation))?;
        }
        ledger.check_schema()?;
        Ok(ledger)
    }

    /// Opens a ledger that is there, for reading.
    ///
    /// # Errors
    /// As [`Self::open`], and if there is none.
    pub fn open_existing(run: &Path) -> Result<Self, LedgerError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let ledger = Self::connect(run.join("ledger.sqlite"), flags)?;
        ledger.check_schema()?;
        Ok(ledger)
    }

    /// What a ledger holds, read without the run's lock. Nothing where there is no ledger yet, and
    /// where another process is in the middle of writing it or died there: whoever opens the run
    /// next restores it.
    ///
    /// # Errors
    /// [`LedgerError::Altered`].
    pub fn glance(run: &Path) -> Result<Option<History>, LedgerError> {
        let path = run.join("ledger.sqlite");
        if fs::metadata(&path).map_or(0, |file| file.len()) == 0 {
            return Ok(None);
        }
        match Self::open_existing(run).and_then(|ledger| ledger.history()) {
            Err(LedgerError::Database { .. }) => Ok(None),
            history => history.map(Some),
        }
    }

    /// Everything recorded, after checking the chain from its first entry to its last.
    ///
    /// # Errors
    /// [`LedgerError::Altered`] names the first entry that was edited, removed or added.
    pub fn history(&self) -> Result<History, LedgerError> {
        let query = "SELECT sequence, kind, body, previous, digest FROM entries ORDER BY sequence";
        let rows: Vec<(i64, String, String, String, String)> = self.on_database((|| {
            let mut statement = self.connection.prepare(query)?;
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
        })())?;
        let mut recorded = Vec::with_capacity(rows.len());
        let mut head = first_head();
        for (index, (sequence, kind, body, previous, digest)) in rows.into_iter().enumerate() {
            let expected = index as u64 + 1;
            if u64::try_from(sequence) != Ok(expected) {
                return Err(self.altered(format!("entry {expected} is missing")));
            }
            let own = entry_digest(expected, &kind, &body, &head);
            if previous != head.to_string() || digest != own.to_string() {
                return Err(self.altered(format!(
                    "entry {expected} ({kind}) is not the one that was recorded, or one before it \
                     is not"
                )));
            }
            let entry = match Entry::read(&kind, &body) {
                Some(Ok(entry)) => entry,
                Some(Err(error)) => {
                    return Err(self.altered(format!("entry {expected}: {error}")));
                }
                None => return Err(self.altered(format!("entry {expected} is a {kind:?}"))),
            };
            head = own;
            recorded.push(Recorded {
                sequence: expected,
                entry,
                digest: own,
            });
        }
        Ok(History::new(recorded, head))
    }

    /// Appends entries after `head`, all or none.
    pub(crate) fn append(
        &mut self,
        head: &LedgerAnchor,
        entries: &[Entry],
    ) -> Result<(), LedgerError> {
        let mut rows = Vec::new();
        let mut previous = head.head;
        for (sequence, entry) in (head.entries + 1..).zip(entries) {
            let body = entry.body()?;
            let digest = entry_digest(sequence, entry.kind(), &body, &previous);
            rows.push((
                sequence as i64,
                entry.kind(),
                body,
                previous.to_string(),
                digest.to_string(),
            ));
            previous = digest;
        }
        fault::point().map_err(io_error(&self.path, "write it"))?;
        let appended = (|| {
            let behaviour = TransactionBehavior::Immediate;
            let transaction = self.connection.transaction_with_behavior(behaviour)?;
            for row in rows {
                transaction.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", row)?;
            }
            transaction.commit()
        })();
        self.on_database(appended)?;
        Ok(fault::point().map_err(io_error(&self.path, "write it"))?)
    }

    fn connect(path: PathBuf, flags: OpenFlags) -> Result<Self, LedgerError> {
        let opened = Connection::open_with_flags(&path, flags).and_then(|connection| {
            connection.busy_timeout(Duration::from_secs(10))?;
            // A commit is on disk, its folder entry included, before it returns.
            connection.pragma_update(None, "synchronous", "EXTRA")?;
            Ok(connection)
        });
        match opened {
            Ok(connection) => Ok(Self { connection, path }),
            Err(source) => Err(LedgerError::Database { path, source }),
        }
    }

    fn check_schema(&self) -> Result<(), LedgerError> {
        let found: Vec<(String, Option<String>)> = self.on_database((|| {
            let mut statement = self
                .connection
                .prepare("SELECT name, sql FROM sqlite_master")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        })())?;
        for (name, creation) in SCHEMA {
            let same =
                |(n, c): &(String, Option<String>)| n == name && c.as_deref() == Some(creation);
            if !found.iter().any(same) {
                return Err(self.altered(format!("{name} is missing or was redefined")));
            }
        }
        match found
            .iter()
            .find(|(name, _)| SCHEMA.iter().all(|(known, _)| known != name))
        {
            Some((name, _)) => Err(self.altered(format!("{name} was added"))),
            None => Ok(()),
        }
    }

    fn ask(&self, question: &str) -> Result<bool, LedgerError> {
        self.on_database(self.connection.query_row(question, [], |row| row.get(0)))
    }

    fn altered(&self, what: String) -> LedgerError {
        LedgerError::Altered {
            path: self.path.clone(),
            what,
        }
    }

    fn on_database<T>(&self, result: rusqlite::Result<T>) -> Result<T, LedgerError> {
        result.map_err(|source| LedgerError::Database {
            path: self.path.clone(),
            source,
        })
    }
}

/// What the first entry follows.
pub(super) fn first_head() -> Digest {
    Digest::from([0; 32])
}

/// BLAKE3 in key-derivation mode, context `rescind 2026 ledger entry v1`, over the sequence number,
/// the length and bytes of kind and body (numbers as little-endian u64), and the previous digest.
fn entry_digest(sequence: u64, kind: &str, body: &str, previous: &Digest) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key("rescind 2026 ledger entry v1");
    hasher.update(&sequence.to_le_bytes());
    for text in [kind, body] {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.update(previous.as_bytes());
    Digest::from(*hasher.finalize().as_bytes())
}
