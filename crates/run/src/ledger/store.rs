//! The database and its chain.

use super::chain::chain;
use super::database::{
    Mode, check_schema, connect, durable, in_memory, is_to_be_undone, ledger_file, on_database,
    once_for_both, place, private_file, remove_journals, stand_still,
};
use super::entry::{Entry, PlaceEntry};
use super::error::LedgerError;
use super::history::{History, Recorded};
use super::link::{entry_digest, first_head};
use super::private::{self, HEAD, PLACE, Present, PrivateRow};
use super::schema::{CURRENT, PRIVATE, Schema};
use crate::disk::{self, Access, io_error};
use crate::fault;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use std::mem;
use std::path::{Path, PathBuf};

/// The open ledger of a run, with what is private of its requests beside it. Both change in one
/// transaction, or not at all.
pub struct Ledger {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    history: History,
}

/// A document to be kept with a release.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) release: u64,
    pub(crate) text: String,
}

impl Ledger {
    /// Makes the ledger of a new run; one that a crash left of making it is taken as it is.
    ///
    /// # Errors
    /// [`LedgerError::Altered`] where there is one of a run that was used; [`LedgerError::Database`].
    pub fn create(run: &Path) -> Result<Self, LedgerError> {
        let path = ledger_file(run);
        disk::folder(&run.join("private"), Access::Private)?;
        for file in [&path, &private_file(run)] {
            disk::touch(file, Access::Private)?;
        }
        let connection = connect(run, Mode::Write)?;
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
                let private: Vec<&str> = PRIVATE.iter().map(|(_, creation)| *creation).collect();
                let private = private.join(";\n");
                let private = private.replace("CREATE TABLE ", "CREATE TABLE private.");
                connection.execute_batch(&format!("BEGIN IMMEDIATE;\n{private};\nCOMMIT;"))?;
            }
            Ok(())
        })();
        on_database(&path, made)?;
        let ledger = Self::read(connection, run, &CURRENT)?;
        if !ledger.history.is_new() {
            return Err(ledger.altered("it has entries, and the run is new".to_owned()));
        }
        private::begin(&ledger.connection, &ledger.path)?;
        ledger.stay()?;
        remove_journals(&ledger.connection, run)?;
        Ok(ledger)
    }

    /// Opens the ledger of a run, checking all of its chain.
    ///
    /// # Errors
    /// [`LedgerError::Missing`] where there is none; [`LedgerError::Altered`] names what was
    /// changed; [`LedgerError::Copied`] once it has a request; [`LedgerError::Version`];
    /// [`LedgerError::Database`].
    pub fn open(run: &Path) -> Result<Self, LedgerError> {
        let ledger = Self::open_as(run, Mode::Write, &CURRENT)?;
        remove_journals(&ledger.connection, run)?;
        if ledger.is_in_place()? {
            return Ok(ledger);
        }
        // Before the first request nothing was promised to anybody.
        if ledger.history.request_count() == 0 {
            ledger.stay()?;
            return Ok(ledger);
        }
        Err(LedgerError::Copied { path: ledger.path })
    }

    /// Opens a ledger wherever it is, to find out what it says.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn open_anywhere(run: &Path) -> Result<Self, LedgerError> {
        Self::open_as(run, Mode::Write, &CURRENT)
    }

    /// Opens a ledger that was copied, restored or moved, and lets it go on where it is now.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn adopt(run: &Path, since: String) -> Result<Self, LedgerError> {
        let mut ledger = Self::open_anywhere(run)?;
        if !ledger.is_in_place()? {
            ledger.append(vec![Entry::Place(PlaceEntry { since })], None, None)?;
            ledger.stay()?;
        }
        Ok(ledger)
    }

    fn is_in_place(&self) -> Result<bool, LedgerError> {
        let written = on_database(&self.path, self.connection.present(PLACE))?;
        Ok(written == place(&self.path)?)
    }

    /// Writes down where it is.
    fn stay(&self) -> Result<(), LedgerError> {
        match place(&self.path)? {
            Some(place) => on_database(&self.path, self.connection.set_present(PLACE, &place)),
            None => Ok(()),
        }
    }

    /// The same, for reading alone.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_existing(run: &Path) -> Result<Self, LedgerError> {
        Self::open_as(run, Mode::Read, &CURRENT)
    }

    /// The same as a ledger of this version.
    pub(super) fn open_as(run: &Path, mode: Mode, schema: &Schema) -> Result<Self, LedgerError> {
        let path = ledger_file(run);
        for file in [&path, &private_file(run)] {
            let there = file.try_exists().map_err(io_error(file, "look for it"))?;
            if !there {
                return Err(LedgerError::Missing { path: file.clone() });
            }
        }
        let connection = connect(run, mode)?;
        if mode == Mode::Read {
            on_database(&path, stand_still(&connection))?;
        }
        let ledger = Self::read(connection, run, schema)?;
        ledger.noise_key_fits()?;
        if !ledger.connection.is_autocommit() {
            on_database(&path, ledger.connection.execute_batch("COMMIT"))?;
        }
        Ok(ledger)
    }

    /// What a ledger holds, read without the run's lock. Nothing where another process is in the
    /// middle of writing it or died there: whoever opens the run next restores it.
    ///
    /// # Errors
    /// [`LedgerError::Altered`]; [`LedgerError::Missing`].
    pub fn open_as_it_lies(run: &Path) -> Result<Option<Self>, LedgerError> {
        match Self::open_existing(run) {
            Err(LedgerError::Database { .. }) => Ok(None),
            ledger => ledger.map(Some),
        }
    }

    /// What a ledger says once a commit of this process has failed, also where the system refuses to
    /// restore it now. Nothing where whoever opens it next undoes that commit. The caller must hold
    /// the run's lock.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn open_decided(run: &Path) -> Result<Option<Self>, LedgerError> {
        match Self::open_existing(run) {
            Err(LedgerError::Database { .. }) if is_to_be_undone(run)? => Ok(None),
            // Both files were written, and are on the disk, before the commit came to count.
            Err(LedgerError::Database { .. }) => {
                Self::open_as(run, Mode::AsTheyAre, &CURRENT).map(Some)
            }
            ledger => ledger.map(Some),
        }
    }

    fn read(mut connection: Connection, run: &Path, schema: &Schema) -> Result<Self, LedgerError> {
        let path = ledger_file(run);
        let mut _files = None;
        let version: i64 = on_database(
            &path,
            connection.query_row("PRAGMA main.user_version", [], |row| row.get(0)),
        )?;
        if version < schema.version {
            // Whoever only reads leaves the file as it is, and both stand still until all is read.
            if on_database(&path, connection.is_readonly("main"))? {
                let copy = in_memory(&connection, run)?;
                _files = Some(mem::replace(&mut connection, copy));
            }
            on_database(&path, schema.migrate(&connection, version))?;
        }
        if version > schema.version {
            return Err(LedgerError::Version {
                path,
                found: version,
                expected: schema.version,
            });
        }
        check_schema(&connection, &path, ("main", schema.contents))?;
        check_schema(&connection, &private_file(run), ("private", PRIVATE))?;
        let history = chain(&connection, &path)?;
        let ledger = Self {
            connection,
            path,
            history,
        };
        ledger.private_part_fits()?;
        Ok(ledger)
    }

    /// The chain ends where the private part says, which has as many answers and forgotten records
    /// as the entries say.
    fn private_part_fits(&self) -> Result<(), LedgerError> {
        let history = &self.history;
        let end = on_database(&self.path, self.connection.present(HEAD))?;
        let anchor = history.head();
        if end.unwrap_or_else(|| first_head().to_string()) != anchor.head.to_string() {
            return Err(self.altered(format!(
                "its {} entries do not end where the run's private part says: entries were cut \
                 off or added",
                anchor.entries
            )));
        }
        let answers: i64 = self.ask("SELECT count(*) FROM private.answers")?;
        if answers as u64 != history.request_count() {
            return Err(self.altered(format!(
                "it has {} requests, and the run's private records have {answers}",
                history.request_count()
            )));
        }
        let counted = self.forgotten_of_each()?;
        for request in history.requests() {
            let found = counted.get(&request.number).copied().unwrap_or_default();
            if found != request.records {
                return Err(self.altered(format!(
                    "request {} forgot {} records, and the run's private records name {found}",
                    request.number, request.records
                )));
            }
        }
        match counted.values().sum::<u64>() == history.requests().map(|r| r.records).sum::<u64>() {
            true => Ok(()),
            false => Err(self.altered(
                "the run's private records name forgotten records of requests it does not know"
                    .to_owned(),
            )),
        }
    }

    /// The run's folder.
    pub(crate) fn run(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
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
        let key = self.noise_key()?;
        let appended = once_for_both(&self.connection).and_then(|()| {
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
                private::record(&transaction, row)?;
            }
            transaction.set_present(HEAD, &previous.to_string())?;
            for entry in &recorded {
                match &entry.entry {
                    Entry::Request(request) => private::moved_to(&transaction, &request.state)?,
                    Entry::Trained(trained) => private::moved_to(&transaction, &trained.state)?,
                    Entry::Release(_) => private::follow(&transaction, &key)?,
                    _ => {}
                }
            }
            transaction.commit()
        });
        let as_ever = durable(&self.connection);
        on_database(&self.path, appended)?;
        on_database(&self.path, as_ever)?;
        for entry in recorded {
            self.history.push(entry)?;
        }
        // What the transaction did to the key, whatever it was told to do.
        self.noise_key_fits()?;
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
            Some(text) if rescind_certificate::digest_of(text.as_bytes()) == recorded.document => {
                Ok(Some(text))
            }
            _ => Err(self.altered(format!(
                "the certificate of release {release} is not the one that was recorded"
            ))),
        }
    }

    fn ask(&self, question: &str) -> Result<i64, LedgerError> {
        let answer = self.connection.query_row(question, [], |row| row.get(0));
        on_database(&self.path, answer)
    }

    pub(crate) fn altered(&self, what: String) -> LedgerError {
        LedgerError::Altered {
            path: self.path.clone(),
            what,
        }
    }
}
