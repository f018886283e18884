//! The models that the desk answers for.

use super::covering::{end_waiting, is_waited_for};
use super::settling::settle;
use crate::audit;
use crate::clock::now;
use crate::error::ServiceError;
use crate::policy::{Policy, When};
use crate::secret::Secret;
use crate::store::{Connection, Row, unexpected};
use rescind::Code;
use rescind::certificate::LedgerAnchor;
use std::path::PathBuf;

/// A model as the desk knows it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ModelRow {
    pub name: String,
    /// Its run's folder.
    pub folder: PathBuf,
    pub policy: Policy,
    pub registered_at: i64,
    /// When the desk last made a release, or the model was registered.
    pub released_at: i64,
    /// The newest release that the desk knows of; 0 before the first.
    pub released: i64,
    /// What last went wrong with it, if nothing went well since.
    pub trouble: Option<(String, String)>,
    /// How often it went wrong since.
    pub attempts: i64,
    /// When it is tried again.
    pub next_try: i64,
    /// The worker that has it now.
    pub worker: Option<String>,
    pub lease_until: i64,
    /// Whether its model computes in a program of its owner: the desk's own workers leave it alone.
    pub outside: bool,
    /// When it was taken away, if it was.
    pub withdrawn_at: Option<i64>,
    /// What tells its run from every other; a desk of an earlier version finds out when it next looks.
    pub identity: Option<String>,
    /// The newest answer that the desk knows of; 0 before the first.
    pub answered: i64,
    /// The last of its ledger that the desk knows; a desk of an earlier version finds out when it next
    /// looks.
    pub ledger: Option<LedgerAnchor>,
    /// How often something came for it to be looked at.
    pub woken: i64,
}

/// The columns of a model, as [`read`] takes them.
macro_rules! columns {
    ($before:expr, $after:expr) => {
        concat!(
            $before,
            "name, COALESCE(was_at, folder), policy, registered_at, released_at, released, code, \
             detail, attempts, next_try, worker, lease_until, outside, withdrawn_at, identity, answered, \
             ledger_entries, ledger_head, woken",
            $after
        )
    };
}
pub(super) use columns;

/// Whether there may be something to do with a model, as a condition on its row.
macro_rules! has_work {
    () => {
        "(EXISTS (SELECT 1 FROM parts WHERE model = name \
         AND state IN ('waiting', 'answering', 'forgotten')) \
         OR EXISTS (SELECT 1 FROM orders WHERE model = name AND state IN ('waiting', 'making')))"
    };
}
pub(super) use has_work;

pub(super) fn read(row: &Row) -> Result<ModelRow, ServiceError> {
    let policy = serde_json::from_str(&row.text(2)?).map_err(|_| unexpected("a policy"))?;
    let code = row.maybe_text(6)?;
    Ok(ModelRow {
        name: row.text(0)?,
        folder: row.text(1)?.into(),
        policy,
        registered_at: row.number(3)?,
        released_at: row.number(4)?,
        released: row.number(5)?,
        trouble: match code {
            Some(code) => Some((code, row.maybe_text(7)?.unwrap_or_default())),
            None => None,
        },
        attempts: row.number(8)?,
        next_try: row.number(9)?,
        worker: row.maybe_text(10)?,
        lease_until: row.number(11)?,
        outside: row.number(12)? != 0,
        withdrawn_at: row.maybe_number(13)?,
        identity: row.maybe_text(14)?,
        answered: row.number(15)?,
        ledger: match row.maybe_text(17)? {
            Some(head) => Some(LedgerAnchor {
                entries: row.number(16)? as u64,
                head: head.parse().map_err(|_| unexpected("a ledger's digest"))?,
            }),
            None => None,
        },
        woken: row.number(18)?,
    })
}

/// What the desk's key is known by, once remembered: this, where nothing was.
pub(crate) fn identity(connection: &mut Connection, key: &str) -> Result<String, ServiceError> {
    connection.change(
        "INSERT INTO desk VALUES ('key', $1) ON CONFLICT DO NOTHING",
        &[key.into()],
    )?;
    let known = connection.row("SELECT value FROM desk WHERE name = 'key'", &[])?;
    known
        .ok_or_else(|| unexpected("what its key is known by"))?
        .text(0)
}

/// What the database is called, once remembered: this, where it had no name.
pub(crate) fn name(connection: &mut Connection, fresh: &str) -> Result<String, ServiceError> {
    connection.change(
        "INSERT INTO desk VALUES ('database', $1) ON CONFLICT DO NOTHING",
        &[fresh.into()],
    )?;
    let known = connection.row("SELECT value FROM desk WHERE name = 'database'", &[])?;
    known.ok_or_else(|| unexpected("its name"))?.text(0)
}

/// Whether a key is remembered.
pub(crate) fn has_identity(connection: &mut Connection) -> Result<bool, ServiceError> {
    let known = connection.row("SELECT 1 FROM desk WHERE name = 'key'", &[])?;
    Ok(known.is_some())
}

/// What the desk remembers under a name of its own.
pub(crate) fn remembered(
    connection: &mut Connection,
    name: &str,
) -> Result<Option<String>, ServiceError> {
    let found = connection.row("SELECT value FROM desk WHERE name = $1", &[name.into()])?;
    found.map(|row| row.text(0)).transpose()
}

/// Has it remember this.
pub(crate) fn remember(
    connection: &mut Connection,
    name: &str,
    value: &str,
) -> Result<(), ServiceError> {
    let query =
        "INSERT INTO desk VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    connection
        .change(query, &[name.into(), value.into()])
        .map(drop)
}

/// A model by its name.
pub(crate) fn model(connection: &mut Connection, name: &str) -> Result<ModelRow, ServiceError> {
    const QUERY: &str = columns!("SELECT ", " FROM models WHERE name = $1");
    match connection.row(QUERY, &[name.into()])? {
        Some(row) => read(&row),
        None => Err(ServiceError::refused(
            Code::UnknownModel,
            "no model of this name is registered: GET /v1/models lists them",
        )),
    }
}

/// A model that was not taken away.
pub(crate) fn live_model(
    connection: &mut Connection,
    name: &str,
) -> Result<ModelRow, ServiceError> {
    let found = model(connection, name)?;
    match found.withdrawn_at {
        None => Ok(found),
        Some(_) => Err(ServiceError::refused(
            Code::UnknownModel,
            "this model was taken away: GET /v1/models lists those that are there",
        )),
    }
}

/// Refuses to go on with a model that was taken away or replaced since it was looked at.
pub(crate) fn expect_same(
    connection: &mut Connection,
    known: &ModelRow,
) -> Result<(), ServiceError> {
    let found = live_model(connection, &known.name)?;
    let other = known.identity.is_some() && found.identity != known.identity;
    match found.folder == known.folder && !other {
        true => Ok(()),
        false => Err(ServiceError::refused(
            Code::UnknownModel,
            "the model was replaced by another run meanwhile",
        )),
    }
}

/// All that were not taken away, by name.
pub(crate) fn list_models(connection: &mut Connection) -> Result<Vec<ModelRow>, ServiceError> {
    const QUERY: &str = columns!(
        "SELECT ",
        " FROM models WHERE withdrawn_at IS NULL ORDER BY name"
    );
    connection.rows(QUERY, &[])?.iter().map(read).collect()
}

/// Gives a model another policy. A batch that is being answered keeps the one it began with.
pub(crate) fn set_policy(
    connection: &mut Connection,
    secret: &Secret,
    actor: &str,
    name: &str,
    policy: &Policy,
) -> Result<ModelRow, ServiceError> {
    policy.check()?;
    live_model(connection, name)?;
    let text = serde_json::to_string(policy).map_err(rescind::Error::Document)?;
    // Looked at, at once, unless it rests because something went wrong.
    connection.change(
        "UPDATE models SET policy = $2, woken = woken + 1, next_try = CASE WHEN attempts = 0 AND next_try > $3 THEN $3 \
         ELSE next_try END WHERE name = $1",
        &[name.into(), (&text).into(), now().into()],
    )?;
    let found = model(connection, name)?;
    audit::append(connection, secret, actor, "policy_set", name, &text)?;
    // The first of what waits for a release that never comes.
    if waits_in_vain(connection, name)? {
        end_waiting(connection, secret, name)?;
    }
    Ok(found)
}

/// The requests that wait for an operator in a model: held, or forgotten and not to be released.
pub(crate) fn to_retry(
    connection: &mut Connection,
    name: &str,
) -> Result<Vec<String>, ServiceError> {
    live_model(connection, name)?;
    let rows = connection.rows(
        "SELECT request FROM parts WHERE model = $1 AND state = 'held' UNION ALL \
         SELECT request FROM parts WHERE model = $1 AND state = 'forgotten' AND code IS NOT NULL",
        &[name.into()],
    )?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// Whether somebody waits for a release of a model whose policy makes none.
pub(crate) fn waits_in_vain(connection: &mut Connection, name: &str) -> Result<bool, ServiceError> {
    let waits = is_waited_for(connection, name)?;
    Ok(waits && live_model(connection, name)?.policy.release.when == When::Never)
}

/// Has one of them tried again.
pub(crate) fn retry_part(
    connection: &mut Connection,
    secret: &Secret,
    name: &str,
    request: &str,
) -> Result<(), ServiceError> {
    connection.change(
        "UPDATE parts SET state = 'waiting', batch = NULL, code = NULL, detail = NULL, since = $3, \
         adds = 1, looked = NULL WHERE model = $1 AND request = $2 AND state = 'held'",
        &[name.into(), request.into(), now().into()],
    )?;
    connection.change(
        "UPDATE parts SET code = NULL, detail = NULL WHERE model = $1 AND request = $2 \
         AND state = 'forgotten' AND code IS NOT NULL",
        &[name.into(), request.into()],
    )?;
    settle(connection, secret, request)
}

/// Has a model looked at, at once, whatever went wrong, once what waited for an operator in it was made to
/// wait again: so many requests.
pub(crate) fn retry_held(
    connection: &mut Connection,
    secret: &Secret,
    actor: &str,
    name: &str,
    tried: usize,
) -> Result<(), ServiceError> {
    live_model(connection, name)?;
    connection.change(
        "UPDATE models SET woken = woken + 1, next_try = 0, attempts = 0, code = NULL, detail = NULL, told_at = NULL \
         WHERE name = $1",
        &[name.into()],
    )?;
    let detail = format!("{tried} requests");
    audit::append(connection, secret, actor, "tried_again", name, &detail)
}

/// Remembers what tells a model's run from others, where a desk of an earlier version did not know.
pub(crate) fn remember_run(
    connection: &mut Connection,
    name: &str,
    identity: &str,
) -> Result<(), ServiceError> {
    let query = "UPDATE models SET identity = $2 WHERE name = $1 AND identity IS NULL";
    connection
        .change(query, &[name.into(), identity.into()])
        .map(drop)
}

/// Remembers how far a model's ledger goes, where that is further than was known.
pub(crate) fn remember_ledger(
    connection: &mut Connection,
    name: &str,
    ledger: &LedgerAnchor,
) -> Result<(), ServiceError> {
    let query = "UPDATE models SET ledger_entries = $2, ledger_head = $3 WHERE name = $1 \
                 AND ledger_entries < $2";
    let (entries, head) = (ledger.entries as i64, ledger.head.to_string());
    connection
        .change(query, &[name.into(), entries.into(), head.into()])
        .map(drop)
}
