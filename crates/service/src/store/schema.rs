//! The desk's tables, and how they came to be: migrations are added, never changed.
//!
//! Only whole numbers and texts, in what SQLite and PostgreSQL both understand. Times are seconds
//! since 1970. Whatever names a person is sealed under the desk's key, and gone once it is not needed
//! any more; hashes are keyed.

use super::connection::Connection;
use crate::error::ServiceError;

const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE desk (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    role TEXT NOT NULL,
    hash TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);
CREATE TABLE models (
    name TEXT PRIMARY KEY,
    folder TEXT NOT NULL UNIQUE,
    policy TEXT NOT NULL,
    registered_at BIGINT NOT NULL,
    worker TEXT,
    lease_until BIGINT NOT NULL,
    next_try BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    code TEXT,
    detail TEXT,
    released_at BIGINT NOT NULL,
    released BIGINT NOT NULL
);
CREATE TABLE requests (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    subject_request_id TEXT,
    key_hash TEXT,
    content_hash TEXT NOT NULL,
    regulation TEXT NOT NULL,
    state TEXT NOT NULL,
    attention BIGINT NOT NULL,
    submitted_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    finished_at BIGINT,
    escalated_at BIGINT,
    sealed TEXT,
    callbacks TEXT,
    UNIQUE (owner, key_hash)
);
CREATE INDEX requests_by_time ON requests (received_at, id);
CREATE INDEX requests_by_state ON requests (state, due_at);
CREATE TABLE subjects (
    request TEXT NOT NULL REFERENCES requests (id),
    hash TEXT NOT NULL,
    PRIMARY KEY (hash, request)
);
CREATE TABLE batches (
    id TEXT PRIMARY KEY,
    model TEXT NOT NULL REFERENCES models (name),
    asked TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    done_at BIGINT
);
CREATE INDEX batches_by_model ON batches (model, done_at);
CREATE TABLE parts (
    request TEXT NOT NULL REFERENCES requests (id),
    model TEXT NOT NULL REFERENCES models (name),
    state TEXT NOT NULL,
    batch TEXT REFERENCES batches (id),
    records BIGINT,
    answer BIGINT,
    release BIGINT,
    code TEXT,
    detail TEXT,
    due_at BIGINT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (request, model)
);
CREATE INDEX parts_by_model ON parts (model, state, due_at);
CREATE INDEX parts_by_batch ON parts (batch);
CREATE TABLE orders (
    id TEXT PRIMARY KEY,
    model TEXT NOT NULL REFERENCES models (name),
    asked TEXT NOT NULL,
    state TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    before BIGINT,
    release BIGINT,
    code TEXT,
    detail TEXT
);
CREATE INDEX orders_by_model ON orders (model, state);
CREATE TABLE audit (
    number BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT NOT NULL,
    digest TEXT NOT NULL
);
CREATE INDEX audit_by_object ON audit (object, number);
CREATE TABLE audit_head (
    id BIGINT PRIMARY KEY,
    number BIGINT NOT NULL,
    digest TEXT NOT NULL
);
INSERT INTO audit_head VALUES (1, 0, '');
CREATE TABLE callbacks (
    id TEXT PRIMARY KEY,
    request TEXT,
    target TEXT NOT NULL,
    body TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    next_try BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    done_at BIGINT,
    outcome TEXT
);
CREATE INDEX callbacks_by_time ON callbacks (done_at, next_try);
",
    "
ALTER TABLE models ADD COLUMN outside BIGINT NOT NULL DEFAULT 0;
CREATE INDEX parts_by_age ON parts (model, state, since);
",
    // A model that was taken away keeps its row under another name, and where its run was.
    "
ALTER TABLE models ADD COLUMN withdrawn_at BIGINT;
ALTER TABLE models ADD COLUMN was_at TEXT;
CREATE TABLE ended_sessions (
    hash TEXT PRIMARY KEY,
    until BIGINT NOT NULL
);
CREATE INDEX requests_by_owner ON requests (owner, received_at, id);
CREATE INDEX requests_by_attention ON requests (attention, received_at, id);
CREATE INDEX requests_by_state_and_time ON requests (state, received_at, id);
",
    // Whose request it is of; the way it goes, a request and an address; and where in it. On a way one
    // waits behind the one before.
    "
ALTER TABLE callbacks ADD COLUMN owner TEXT;
ALTER TABLE callbacks ADD COLUMN way TEXT;
ALTER TABLE callbacks ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
UPDATE callbacks SET owner = (SELECT owner FROM requests WHERE requests.id = callbacks.request);
CREATE INDEX callbacks_by_owner ON callbacks (owner, done_at, next_try);
CREATE INDEX callbacks_by_way ON callbacks (way, done_at);
CREATE INDEX callbacks_by_request ON callbacks (request, number);
UPDATE callbacks SET body = '' WHERE done_at IS NOT NULL;
UPDATE parts SET detail = NULL WHERE code IN ('unknown_record', 'unknown_line', 'request_out_of_range',
    'not_trained_on', 'already_forgotten', 'chose_the_epoch', 'no_lines', 'records_gone');
",
    // What tells a model's run from others, the newest answer known of it, whether its trouble was told;
    // and whether a request brings something to forget, as of which answer.
    "
ALTER TABLE models ADD COLUMN identity TEXT;
ALTER TABLE models ADD COLUMN answered BIGINT NOT NULL DEFAULT 0;
ALTER TABLE models ADD COLUMN told_at BIGINT;
ALTER TABLE parts ADD COLUMN adds BIGINT NOT NULL DEFAULT 1;
ALTER TABLE parts ADD COLUMN looked BIGINT;
UPDATE models SET answered = COALESCE((SELECT max(answer) FROM parts WHERE model = name), 0);
",
    // How far a model's ledger is known, and the digest of its last entry known; and the first answer that
    // took out a record that a request names, where that was before its own.
    "
ALTER TABLE models ADD COLUMN ledger_entries BIGINT NOT NULL DEFAULT 0;
ALTER TABLE models ADD COLUMN ledger_head TEXT;
ALTER TABLE parts ADD COLUMN first_answer BIGINT;
",
    // The last answer that took out a record that a request names, where that was before its own; and
    // whom a release covers is found without going through all; of which promise and release operators were
    // told that it was broken; and how often a model was to be looked at.
    "
ALTER TABLE parts ADD COLUMN last_answer BIGINT;
CREATE INDEX parts_released ON parts (model, release);
ALTER TABLE models ADD COLUMN promise_told TEXT;
ALTER TABLE models ADD COLUMN woken BIGINT NOT NULL DEFAULT 0;
",
];

/// Brings a database to this version's tables, all of it or nothing.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), ServiceError> {
    connection.batch(match connection.is_of_server() {
        // One program at a time, until the transaction ends: the number is the desk's own.
        true => "BEGIN; SELECT pg_advisory_xact_lock(72657363)",
        false => "BEGIN IMMEDIATE",
    })?;
    let migrated = to_newest(connection);
    match migrated {
        Ok(()) => connection.batch("COMMIT"),
        Err(error) => {
            let _ = connection.batch("ROLLBACK");
            Err(error)
        }
    }
}

/// Whether it has this version's tables; or those of a later one, which is refused.
pub(super) fn is_newest(connection: &mut Connection) -> Result<bool, ServiceError> {
    match has(connection, "desk_migrations")? {
        true => Ok(done(connection)? == MIGRATIONS.len()),
        false => Ok(false),
    }
}

/// Whether no desk has written to it.
pub(super) fn is_empty(connection: &mut Connection) -> Result<bool, ServiceError> {
    Ok(!has(connection, "desk_migrations")? && !is_of_earlier(connection)?)
}

/// Whether there is such a table, where this program's are: other programs may have one of the same name
/// in schemas of their own.
fn has(connection: &mut Connection, table: &str) -> Result<bool, ServiceError> {
    let there = match connection.is_of_server() {
        true => "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = $1",
        false => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1",
    };
    Ok(connection.row(there, &[table.into()])?.is_some())
}

/// Whether it is a desk's from when the table of migrations had another name, which others use too.
fn is_of_earlier(connection: &mut Connection) -> Result<bool, ServiceError> {
    Ok(has(connection, "migrations")? && has(connection, "audit_head")?)
}

fn to_newest(connection: &mut Connection) -> Result<(), ServiceError> {
    if !has(connection, "desk_migrations")? && is_of_earlier(connection)? {
        connection.batch("ALTER TABLE migrations RENAME TO desk_migrations")?;
    }
    connection.batch("CREATE TABLE IF NOT EXISTS desk_migrations (number BIGINT PRIMARY KEY)")?;
    let done = done(connection)?;
    for (at, migration) in MIGRATIONS.iter().enumerate().skip(done) {
        connection.batch(migration)?;
        let number = at as i64 + 1;
        connection.change("INSERT INTO desk_migrations VALUES ($1)", &[number.into()])?;
    }
    Ok(())
}

fn done(connection: &mut Connection) -> Result<usize, ServiceError> {
    let found = connection.row("SELECT count(*) FROM desk_migrations", &[])?;
    let done = found.map_or(Ok(0), |row| row.number(0))?;
    let done = usize::try_from(done).unwrap_or(usize::MAX);
    match done <= MIGRATIONS.len() {
        true => Ok(done),
        false => Err(ServiceError::Queue {
            action: "is of a later version",
            reason: format!(
                "it has had {done} migrations and this version knows {}: use the version that made it",
                MIGRATIONS.len()
            ),
            passing: false,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::{MIGRATIONS, migrate};
    use crate::store::{Connection, Place};

    #[test]
    fn a_database_of_an_earlier_version_is_brought_to_this_one() {
        let place = tempfile::tempdir().unwrap();
        let place = Place::File(place.path().join("desk.sqlite"));
        let mut old = Connection::open(&place).unwrap();
        old.batch("CREATE TABLE migrations (number BIGINT PRIMARY KEY); INSERT INTO migrations VALUES (1)")
            .unwrap();
        old.batch(MIGRATIONS[0]).unwrap();
        old.batch(
            "INSERT INTO models VALUES ('one', 'run', '{}', 0, NULL, 0, 0, 0, NULL, NULL, 0, 0)",
        )
        .unwrap();
        for _ in 0..2 {
            migrate(&mut old).unwrap();
            let found = old
                .row("SELECT name, outside FROM models", &[])
                .unwrap()
                .unwrap();
            assert_eq!(
                (found.text(0).unwrap(), found.number(1).unwrap()),
                ("one".to_owned(), 0)
            );
        }
    }
}
