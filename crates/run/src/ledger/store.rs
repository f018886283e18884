//! The database and its chain.

use super::entry::Entry;
use super::error::LedgerError;
use super::history::{History, Recorded};
use super::schema::{CURRENT, PRIVATE, Schema};
use crate::disk::{self, Access, io_error};
use crate::fault;
use rescind_data::{Digest, Selection};
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The open ledger of a run, with what is private of its requests beside it. Both change in one
/// transaction, or not at all.
pub struct Ledger {
    connection: Connection,
    path: PathBuf,
    history: History,
}

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

/// A document to be kept with a release.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) release: u64,
    pub(crate) text: String,
}

impl Ledger {
    /// Makes the ledger of a new run; one without an entry, as a crash leaves it, is taken as it
    /// is.
    ///
    /// # Errors
    /// [`LedgerError::Altered`] where there is one with entries; [`LedgerError::Database`].
    pub fn create(run: &Path) -> Result<Self, LedgerError> {
        let path = ledger_file(run);
        disk::folder(&run.join("private"), Access::Private)?;
        for file in [&path, &private_file(run)] {
            disk::touch(file, Access::Private)?;
        }
        let connection = connect(run, OpenFlags::default())?;
        fault::point().map_err(io_error(&path, "write it"))?;
        let tables = |schema: &str| {
            let of = format!("SELECT count(*) FROM {schema}.sqlite_master");
            connection.query_row(&of, [], |row| row.get::<_, i64>(0))
        };
        let made = (|| {
            if tables("main")? == 0 {
                let Schema {
                    version, contents, ..
                } = CURRENT;
                let ledger: Vec<&str> = contents.iter().map(|(_, creation)| *creation).collect();
                let ledger = ledger.join(";\n");
                connection.execute_batch(&format!(
                    "BEGIN IMMEDIATE;\n{ledger};\nPRAGMA main.user_version = {version};\nCOMMIT;"
                ))?;
            }
            if tables("private")? == 0 {
                let private = PRIVATE.replace("CREATE TABLE ", "CREATE TABLE private.");
                connection.execute_batch(&format!("BEGIN IMMEDIATE;\n{private}\nCOMMIT;"))?;
            }
            Ok(())
        })();
        on_database(&path, made)?;
        let ledger = Self::read(connection, path, &CURRENT)?;
        match ledger.history.entries().is_empty() {
            true => Ok(ledger),
            false => Err(ledger.altered("it has entries, and the run is new".to_owned())),
        }
    }

    /// Opens the ledger of a run, checking all of its chain.
    ///
    /// # Errors
    /// [`LedgerError::Missing`] where there is none; [`LedgerError::Altered`] names what was
    /// changed; [`LedgerError::Version`]; [`LedgerError::Database`].
    pub fn open(run: &Path) -> Result<Self, LedgerError> {
        Self::open_as(run, OpenFlags::SQLITE_OPEN_READ_WRITE, &CURRENT)
    }

    /// The same, for reading alone.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_existing(run: &Path) -> Result<Self, LedgerError> {
        Self::open_as(run, OpenFlags::SQLITE_OPEN_READ_ONLY, &CURRENT)
    }

    /// The same as a ledger of this version.
    pub(super) fn open_as(
        run: &Path,
        mode: OpenFlags,
        schema: &Schema,
    ) -> Result<Self, LedgerError> {
        let path = ledger_file(run);
        for file in [&path, &private_file(run)] {
            if !file.exists() {
                return Err(LedgerError::Missing { path: file.clone() });
            }
        }
        let connection = connect(run, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        Self::read(connection, path, schema)
    }

    /// What a ledger holds, read without the run's lock. Nothing where another process is in the
    /// middle of writing it or died there: whoever opens the run next restores it.
    ///
    /// # Errors
    /// [`LedgerError::Altered`].
    pub fn glance(run: &Path) -> Result<Option<Self>, LedgerError> {
        match Self::open_existing(run) {
            Err(LedgerError::Database { .. } | LedgerError::Missing { .. }) => Ok(None),
            ledger => ledger.map(Some),
        }
    }

    fn read(connection: Connection, path: PathBuf, schema: &Schema) -> Result<Self, LedgerError> {
        let version: i64 = on_database(
            &path,
            connection.query_row("PRAGMA main.user_version", [], |row| row.get(0)),
        )?;
        if version < schema.version {
            on_database(&path, schema.migrate(&connection, version))?;
        }
        if version > schema.version {
            return Err(LedgerError::Version {
                path,
                found: version,
                expected: schema.version,
            });
        }
        check_schema(&connection, &path, schema)?;
        let history = chain(&connection, &path)?;
        let ledger = Self {
            connection,
            path,
            history,
        };
        let answers: i64 = ledger.ask("SELECT count(*) FROM private.answers")?;
        if answers as u64 != ledger.history.request_count() {
            return Err(ledger.altered(format!(
                "it has {} requests, and the run's private records have {answers}",
                ledger.history.request_count()
            )));
        }
        Ok(ledger)
    }

    /// Everything recorded.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Appends entries, with what is private of the request among them and the document of the
    /// release: all or nothing.
    pub(crate) fn append(
        &mut self,
        entries: Vec<Entry>,
        private: Option<&PrivateRow>,
        document: Option<&Document>,
    ) -> Result<(), LedgerError> {
        let head = self.history.head();
        let (mut rows, mut recorded) = (Vec::new(), Vec::new());
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
            recorded.push(Recorded {
                sequence,
                entry,
                digest,
            });
        }
        fault::point().map_err(io_error(&self.path, "write it"))?;
        let appended = (|| {
            let behaviour = TransactionBehavior::Immediate;
            let transaction = self.connection.transaction_with_behavior(behaviour)?;
            for row in rows {
                transaction
                    .prepare_cached("INSERT INTO main.entries VALUES (?, ?, ?, ?, ?)")?
                    .execute(row)?;
            }
            if let Some(document) = document {
                transaction.execute(
                    "INSERT INTO main.certificates VALUES (?, ?)",
                    (document.release as i64, &document.text),
                )?;
            }
            if let Some(row) = private {
                transaction.execute(
                    "INSERT INTO private.answers VALUES (?, ?, ?)",
                    (row.number as i64, &row.key, &row.body),
                )?;
                let mut forgotten =
                    transaction.prepare_cached("INSERT INTO private.forgotten VALUES (?, ?)")?;
                for &position in row.forgotten.positions() {
                    forgotten.execute((position as i64, row.number as i64))?;
                }
                drop(forgotten);
            }
            transaction.commit()
        })();
        on_database(&self.path, appended)?;
        for entry in recorded {
            self.history.push(entry)?;
        }
        Ok(fault::point().map_err(io_error(&self.path, "write it"))?)
    }

    /// The document of a release's certificate, once its digest is found to be the one recorded.
    ///
    /// # Errors
    /// [`LedgerError::Altered`]; [`LedgerError::Database`].
    pub fn document(&self, release: u64) -> Result<Option<String>, LedgerError> {
        let Some(recorded) = self.history.certificate(release) else {
            return Ok(None);
        };
        let found: Option<String> = on_database(
            &self.path,
            self.connection
                .query_row(
                    "SELECT document FROM main.certificates WHERE release = ?",
                    [release as i64],
                    |row| row.get(0),
                )
                .optional(),
        )?;
        match found {
            Some(text) if rescind_certificate::digest_of(text.as_bytes()) == recorded => {
                Ok(Some(text))
            }
            _ => Err(self.altered(format!(
                "the certificate of release {release} is not the one that was recorded"
            ))),
        }
    }

    /// What is private of a request, as it was recorded.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn answer(&self, number: u64) -> Result<Option<String>, LedgerError> {
        self.one(
            "SELECT body FROM private.answers WHERE number = ?",
            number as i64,
        )
    }

    /// The same of the request with this idempotency key.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn answer_to_key(&self, key: &str) -> Result<Option<String>, LedgerError> {
        self.one("SELECT body FROM private.answers WHERE key = ?", key)
    }

    /// What is private of every request, in order.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn answers(&self) -> Result<Vec<String>, LedgerError> {
        let read = (|| {
            let query = "SELECT body FROM private.answers ORDER BY number";
            let mut statement = self.connection.prepare_cached(query)?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.collect()
        })();
        on_database(&self.path, read)
    }

    /// Positions of all records forgotten so far, ascending.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn forgotten(&self) -> Result<Vec<usize>, LedgerError> {
        let read = (|| {
            let query = "SELECT position FROM private.forgotten ORDER BY position";
            let mut statement = self.connection.prepare_cached(query)?;
            let rows = statement.query_map([], |row| Ok(row.get::<_, i64>(0)? as usize))?;
            rows.collect()
        })();
        on_database(&self.path, read)
    }

    fn one(
        &self,
        query: &str,
        parameter: impl rusqlite::ToSql,
    ) -> Result<Option<String>, LedgerError> {
        let read = (|| {
            let mut statement = self.connection.prepare_cached(query)?;
            statement
                .query_row([parameter], |row| row.get(0))
                .optional()
        })();
        on_database(&self.path, read)
    }

    fn ask(&self, question: &str) -> Result<i64, LedgerError> {
        let answer = self.connection.query_row(question, [], |row| row.get(0));
        on_database(&self.path, answer)
    }

    fn altered(&self, what: String) -> LedgerError {
        LedgerError::Altered {
            path: self.path.clone(),
            what,
        }
    }
}

/// `ledger.sqlite`.
pub(crate) fn ledger_file(run: &Path) -> PathBuf {
    run.join("ledger.sqlite")
}

/// `private/requests.sqlite`.
pub(crate) fn private_file(run: &Path) -> PathBuf {
    run.join("private").join("requests.sqlite")
}

fn connect(run: &Path, flags: OpenFlags) -> Result<Connection, LedgerError> {
    let path = ledger_file(run);
    let private = private_file(run);
    let opened = Connection::open_with_flags(&path, flags).and_then(|connection| {
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.execute(
            "ATTACH DATABASE ? AS private",
            [private.to_string_lossy().as_ref()],
        )?;
        // A commit is on disk, its folder entry included, before it returns; a rollback journal
        // keeps it whole over both files.
        for schema in ["main", "private"] {
            connection.pragma_update(Some(schema), "synchronous", "EXTRA")?;
        }
        Ok(connection)
    });
    on_database(&path, opened)
}

fn check_schema(connection: &Connection, path: &Path, schema: &Schema) -> Result<(), LedgerError> {
    let altered = |what: String| LedgerError::Altered {
        path: path.to_owned(),
        what,
    };
    let found: Vec<(String, Option<String>)> = on_database(
        path,
        (|| {
            let query = "SELECT name, sql FROM main.sqlite_master";
            let mut statement = connection.prepare(query)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        })(),
    )?;
    for (name, creation) in schema.contents {
        let same = |(n, c): &(String, Option<String>)| n == name && c.as_deref() == Some(*creation);
        if !found.iter().any(same) {
            return Err(altered(format!("{name} is missing or was redefined")));
        }
    }
    let unknown = |(name, _): &&(String, _)| schema.contents.iter().all(|(known, _)| known != name);
    match found.iter().find(unknown) {
        Some((name, _)) => Err(altered(format!("{name} was added"))),
        None => Ok(()),
    }
}

/// Reads the chain from its first entry to its last.
fn chain(connection: &Connection, path: &Path) -> Result<History, LedgerError> {
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
        head = own;
        history.push(Recorded {
            sequence: expected,
            entry,
            digest: own,
        })?;
    }
    Ok(history)
}

fn on_database<T>(path: &Path, result: rusqlite::Result<T>) -> Result<T, LedgerError> {
    result.map_err(|source| match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => LedgerError::Altered {
            path: path.to_owned(),
            what: "it is no database".to_owned(),
        },
        _ => LedgerError::Database {
            path: path.to_owned(),
            source,
        },
    })
}

/// What the first entry follows.
fn first_head() -> Digest {
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
