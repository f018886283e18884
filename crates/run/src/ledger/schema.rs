//! The tables, and how one version of them becomes the next.

use rusqlite::Connection;

/// A version of the ledger, and how older ones become it.
pub(super) struct Schema {
    /// Its number, as SQLite's `user_version`.
    pub(super) version: i64,
    /// Name and creation of everything in it.
    pub(super) contents: &'static [(&'static str, &'static str)],
    /// Steps from older versions.
    pub(super) migrations: &'static [Migration],
}

/// What this program writes.
pub(super) const CURRENT: Schema = Schema {
    version: 1,
    contents: LEDGER,
    migrations: MIGRATIONS,
};

/// Name and creation of everything in the ledger, compared letter by letter on every opening.
pub(super) const LEDGER: &[(&str, &str)] = &[
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
         (SELECT coalesce(max(sequence), 0) + 1 FROM entries) OR (NEW.sequence > 1 AND \
         NEW.previous IS NOT (SELECT digest FROM entries ORDER BY sequence DESC LIMIT 1)) BEGIN \
         SELECT RAISE(ABORT, 'the ledger is append-only: an entry must follow the last one'); END",
    ),
    (
        "certificates",
        "CREATE TABLE certificates (release INTEGER PRIMARY KEY, document TEXT NOT NULL) STRICT",
    ),
    (
        "certificates_are_not_changed",
        "CREATE TRIGGER certificates_are_not_changed BEFORE UPDATE ON certificates BEGIN SELECT \
         RAISE(ABORT, 'the ledger is append-only: certificates cannot be changed'); END",
    ),
    (
        "certificates_are_not_removed",
        "CREATE TRIGGER certificates_are_not_removed BEFORE DELETE ON certificates BEGIN SELECT \
         RAISE(ABORT, 'the ledger is append-only: certificates cannot be removed'); END",
    ),
    (
        "certificates_are_appended",
        "CREATE TRIGGER certificates_are_appended BEFORE INSERT ON certificates WHEN EXISTS \
         (SELECT 1 FROM certificates WHERE release = NEW.release) BEGIN SELECT RAISE(ABORT, 'the \
         ledger is append-only: a release has one certificate'); END",
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
         json_extract(body, '$.released_at') AS released_at, json_extract(body, '$.spent') AS \
         spent, json_extract(body, '$.epsilon') AS epsilon, json_extract(body, '$.delta') AS \
         delta, json_extract(body, '$.kind') AS kind, json_extract(body, '$.weights') AS weights \
         FROM entries WHERE kind = 'release'",
    ),
];

/// The same of what is private, in a database of its own: of every request, and what is so at present
/// (see `private.rs`).
pub(super) const PRIVATE: &[(&str, &str)] = &[
    (
        "answers",
        "CREATE TABLE answers (number INTEGER PRIMARY KEY, key TEXT UNIQUE, body TEXT NOT NULL) \
         STRICT",
    ),
    (
        "forgotten",
        "CREATE TABLE forgotten (position INTEGER PRIMARY KEY, request INTEGER NOT NULL) STRICT",
    ),
    (
        "present",
        "CREATE TABLE present (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    ),
    (
        "idle",
        "CREATE TABLE idle (answered_at TEXT NOT NULL, why TEXT NOT NULL, request TEXT NOT NULL) \
         STRICT",
    ),
];

/// A step from one version to the next. The chain of entries is never touched: a step adds or
/// changes what stands around it.
pub(super) struct Migration {
    /// The version it starts from; it leads to the next.
    pub(super) from: i64,
    /// What it runs.
    pub(super) statements: &'static str,
}

/// All steps there are. None yet: version 1 is the first.
const MIGRATIONS: &[Migration] = &[];

impl Schema {
    /// Takes a database from an older version to this one, all or nothing; one that no steps lead
    /// from stays as it is.
    pub(super) fn migrate(&self, connection: &Connection, from: i64) -> rusqlite::Result<()> {
        let mut steps = String::new();
        for version in from..self.version {
            let Some(step) = self.migrations.iter().find(|step| step.from == version) else {
                return Ok(());
            };
            steps += step.statements;
            steps += ";\n";
        }
        let to = self.version;
        let script = format!("BEGIN IMMEDIATE;\n{steps}PRAGMA main.user_version = {to};\nCOMMIT;");
        connection.execute_batch(&script)
    }
}
