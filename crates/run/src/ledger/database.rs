//! The two databases, opened as one.

use super::error::LedgerError;
use crate::disk::{self, io_error};
use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
#[cfg(unix)]
use std::time::UNIX_EPOCH;

/// `ledger.sqlite`.
pub(crate) fn ledger_file(run: &Path) -> PathBuf {
    run.join("ledger.sqlite")
}

/// `private/requests.sqlite`.
pub(crate) fn private_file(run: &Path) -> PathBuf {
    run.join("private").join("requests.sqlite")
}

/// How the databases are opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Write,
    /// Nothing is written; refused where a commit was broken off.
    Read,
    /// The files as they are, whatever journals lie beside them.
    AsTheyAre,
}

impl Mode {
    fn flags(self) -> OpenFlags {
        let access = match self {
            Mode::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
            Mode::Read | Mode::AsTheyAre => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        access | OpenFlags::SQLITE_OPEN_NO_MUTEX
    }

    /// The name of a file, such that SQLite does not take one that begins with `file:` for an URI.
    fn name(self, file: PathBuf) -> PathBuf {
        let file = Path::new(".").join(file);
        if self != Mode::AsTheyAre {
            return file;
        }
        let bytes = file.into_os_string().into_encoded_bytes();
        let escaped = bytes.iter().map(|byte| match byte {
            b'/' => "/".to_owned(),
            byte => format!("%{byte:02X}"),
        });
        format!("file:{}?immutable=1", escaped.collect::<String>()).into()
    }
}

pub(super) fn connect(run: &Path, mode: Mode) -> Result<Connection, LedgerError> {
    let path = ledger_file(run);
    let name = mode.name(path.clone());
    let opened = Connection::open_with_flags(name, mode.flags()).and_then(|connection| {
        connection.busy_timeout(Duration::from_secs(10))?;
        attach(&connection, run, mode)?;
        durable(&connection)?;
        // The key of a release's noise is overwritten when another takes its place.
        connection.pragma_update(Some("private"), "secure_delete", "ON")?;
        Ok(connection)
    });
    on_database(&path, opened)
}

/// A commit is on disk, its folder entry included, before it returns; a rollback journal keeps it whole
/// over both files.
pub(super) fn durable(connection: &Connection) -> rusqlite::Result<()> {
    synchronous(connection, "EXTRA")
}

/// The same of a commit that changes both files, with fewer waits for the disk: it counts once the
/// journal of both is gone, which SQLite waits for, and what is left of each one's own journal names
/// that, so that nobody goes back to it.
pub(super) fn once_for_both(connection: &Connection) -> rusqlite::Result<()> {
    synchronous(connection, "FULL")
}

fn synchronous(connection: &Connection, level: &str) -> rusqlite::Result<()> {
    let mut both = ["main", "private"].into_iter();
    both.try_for_each(|schema| connection.pragma_update(Some(schema), "synchronous", level))
}

/// From here to the end of the transaction both are what they are now: nobody commits meanwhile, and a
/// commit that has begun is waited for.
pub(super) fn stand_still(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN")?;
    let mut both = ["main", "private"].into_iter();
    both.try_for_each(|schema| {
        let read = format!("SELECT count(*) FROM {schema}.sqlite_master");
        connection
            .query_row(&read, [], |row| row.get::<_, i64>(0))
            .map(drop)
    })
}

/// What the names of the files begin with by which a commit becomes one of both databases.
pub(crate) const SUPER_JOURNAL: &str = "ledger.sqlite-mj";

/// Whether a commit was begun that whoever opens the databases next undoes: it counts once this file
/// is gone, whatever else is left of it.
pub(super) fn is_to_be_undone(run: &Path) -> Result<bool, LedgerError> {
    for entry in fs::read_dir(run).map_err(io_error(run, "list it"))? {
        let name = entry.map_err(io_error(run, "list it"))?.file_name();
        if name.to_string_lossy().starts_with(SUPER_JOURNAL) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes what a process that died left of its commits, once both databases have been read and
/// with that restored: none of these files counts any more.
pub(super) fn remove_journals(connection: &Connection, run: &Path) -> Result<(), LedgerError> {
    for (schema, file) in [("main", ledger_file(run)), ("private", private_file(run))] {
        let mut journal = file.clone().into_os_string();
        journal.push("-journal");
        // One that was not complete has not been restored from, and stays until the next commit,
        // which is this one; until then it names the file that is removed below.
        if Path::new(&journal).exists() {
            let version = connection
                .pragma_query_value(Some(schema), "user_version", |row| row.get::<_, i64>(0));
            let again = version.and_then(|version| {
                connection.pragma_update(Some(schema), "user_version", version)
            });
            on_database(&file, again)?;
        }
    }
    for entry in fs::read_dir(run).map_err(io_error(run, "list it"))? {
        let entry = entry.map_err(io_error(run, "list it"))?;
        if entry
            .file_name()
            .to_string_lossy()
            .starts_with(SUPER_JOURNAL)
        {
            disk::remove_file(&entry.path())?;
        }
    }
    Ok(())
}

fn attach(connection: &Connection, run: &Path, mode: Mode) -> rusqlite::Result<()> {
    // Byte for byte: the name of a folder need not be UTF-8.
    let name = mode.name(private_file(run)).into_os_string();
    let name = name.into_encoded_bytes();
    connection
        .execute("ATTACH DATABASE ? AS private", [name])
        .map(drop)
}

/// A copy in memory, with the same private database beside it.
pub(super) fn in_memory(connection: &Connection, run: &Path) -> Result<Connection, LedgerError> {
    let copied = Connection::open_in_memory().and_then(|mut copy| {
        Backup::new(connection, &mut copy)?.step(-1)?;
        attach(&copy, run, Mode::Read)?;
        Ok(copy)
    });
    on_database(&ledger_file(run), copied)
}

/// What tells a file from every copy of it: its number in the file system, and when it was made.
/// A file that is written or renamed keeps both. Nothing where the system does not say.
pub(super) fn place(path: &Path) -> Result<Option<String>, LedgerError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let metadata = path.metadata().map_err(io_error(path, "look at it"))?;
        let made = metadata.created().ok();
        let made = made.and_then(|made| made.duration_since(UNIX_EPOCH).ok());
        let nanoseconds = made.map_or(0, |made| made.as_nanos());
        Ok(Some(format!("{}-{nanoseconds}", metadata.ino())))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        Ok(None)
    }
}

/// Tables, triggers and views are letter by letter those that the program made.
pub(super) fn check_schema(
    connection: &Connection,
    path: &Path,
    (database, contents): (&str, &[(&str, &str)]),
) -> Result<(), LedgerError> {
    let altered = |what: String| LedgerError::Altered {
        path: path.to_owned(),
        what,
    };
    let found: Vec<(String, Option<String>)> = on_database(
        path,
        (|| {
            // What a table's UNIQUE and PRIMARY KEY make by themselves has no statement of its own.
            let query = format!(
                "SELECT name, sql FROM {database}.sqlite_master WHERE sql IS NOT NULL OR name NOT \
                 LIKE 'sqlite_autoindex_%'"
            );
            let mut statement = connection.prepare(&query)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        })(),
    )?;
    for (name, creation) in contents {
        let same = |(n, c): &(String, Option<String>)| n == name && c.as_deref() == Some(*creation);
        if !found.iter().any(same) {
            return Err(altered(format!("{name} is missing or was redefined")));
        }
    }
    let unknown = |(name, _): &&(String, _)| contents.iter().all(|(known, _)| known != name);
    match found.iter().find(unknown) {
        Some((name, _)) => Err(altered(format!("{name} was added"))),
        None => Ok(()),
    }
}

pub(super) fn on_database<T>(path: &Path, result: rusqlite::Result<T>) -> Result<T, LedgerError> {
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
