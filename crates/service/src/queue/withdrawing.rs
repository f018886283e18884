//! Models taken away, and runs put in place of others.
//!
//! What was done in a model that is taken away stays to be seen: its row goes on under `NAME@1`, a name
//! that nobody can register, with its requests and their answers, which are numbers in the ledger of that
//! run and no other. The name is free again.

use super::found_run::FoundRun;
use super::models::{ModelRow, live_model, model, set_policy};
use super::registering::{exists, place_of, register};
use super::settling::settle;
use super::subjects::Named;
use crate::audit;
use crate::clock::now;
use crate::error::ServiceError;
use crate::policy::Policy;
use crate::secret::Secret;
use crate::store::Connection;
use rescind::Code;

/// Takes a model away. What was open in it ends as `withdrawn`.
pub(crate) fn withdraw(
    connection: &mut Connection,
    secret: &Secret,
    actor: &str,
    name: &str,
) -> Result<ModelRow, ServiceError> {
    let (retired, open) = retire(connection, secret, actor, name)?;
    for request in &open {
        settle(connection, secret, request)?;
    }
    model(connection, &retired)
}

/// Puts another run in place of a model's, or registers it where there is no such model. Requests that
/// are not completed are asked of the new run too, where they name people: records are numbers in one
/// run. Another run may have the folder of the one before, and the same run another folder. Without a policy
/// the one before stays.
pub(crate) fn replace(
    connection: &mut Connection,
    secret: &Secret,
    actor: &str,
    name: &str,
    run: &FoundRun,
    policy: Option<&Policy>,
) -> Result<ModelRow, ServiceError> {
    let known = match live_model(connection, name) {
        Ok(known) => Some(known),
        Err(error) if error.code() == Code::UnknownModel => None,
        Err(error) => return Err(error),
    };
    let Some(known) = known else {
        let policy = policy.cloned().unwrap_or_default();
        return register(connection, secret, actor, name, run, &policy);
    };
    let policy = policy.unwrap_or(&known.policy);
    known.expect_current(run)?;
    if known.is_of(run) {
        return match *policy == known.policy {
            true => Ok(known),
            false => set_policy(connection, secret, actor, name, policy),
        };
    }
    if known.has_moved(run) {
        moved(connection, secret, actor, name, run)?;
        return match *policy == known.policy {
            true => model(connection, name),
            false => set_policy(connection, secret, actor, name, policy),
        };
    }
    let (_, open) = retire(connection, secret, actor, name)?;
    // Before they are settled: what is open is asked of it.
    let new = register(connection, secret, actor, name, run, policy)?;
    for request in &open {
        settle(connection, secret, request)?;
    }
    Ok(new)
}

/// The same run, in another folder: all that was done in it stands.
fn moved(
    connection: &mut Connection,
    secret: &Secret,
    actor: &str,
    name: &str,
    run: &FoundRun,
) -> Result<(), ServiceError> {
    let place = place_of(run)?;
    let taken = connection.row("SELECT 1 FROM models WHERE folder = $1", &[place.into()])?;
    if taken.is_some() {
        return Err(exists(name));
    }
    connection.change(
        "UPDATE models SET folder = $2, code = NULL, detail = NULL, attempts = 0, next_try = 0, \
         woken = woken + 1, told_at = NULL WHERE name = $1",
        &[name.into(), place.into()],
    )?;
    audit::append(connection, secret, actor, "model_moved", name, "")
}

/// Gives a model the name of one that is gone. That name, and the requests that were open in it, yet to be
/// settled.
fn retire(
    connection: &mut Connection,
    secret: &Secret,
    actor: &str,
    name: &str,
) -> Result<(String, Vec<String>), ServiceError> {
    live_model(connection, name)?;
    let retired = free_name(connection, name)?;
    connection.change(
        "INSERT INTO models (name, folder, policy, registered_at, lease_until, next_try, attempts, \
         released_at, released, outside, withdrawn_at, was_at, identity, answered, ledger_entries, \
         ledger_head) \
         SELECT CAST($2 AS TEXT), CAST($2 AS TEXT), policy, registered_at, 0, 0, 0, released_at, \
         released, outside, CAST($3 AS BIGINT), folder, identity, answered, ledger_entries, ledger_head \
         FROM models WHERE name = $1",
        &[name.into(), (&retired).into(), now().into()],
    )?;
    for moved in [
        "UPDATE parts SET model = $2 WHERE model = $1",
        "UPDATE batches SET model = $2 WHERE model = $1",
        "UPDATE orders SET model = $2 WHERE model = $1",
    ] {
        connection.change(moved, &[name.into(), (&retired).into()])?;
    }
    connection.change("DELETE FROM models WHERE name = $1", &[name.into()])?;
    rename_records(connection, secret, name, &retired)?;
    let open = connection.rows(
        "UPDATE parts SET state = 'withdrawn', code = NULL, detail = NULL, since = $2 WHERE model = $1 \
         AND state IN ('waiting', 'answering', 'forgotten', 'held') RETURNING request",
        &[(&retired).into(), now().into()],
    )?;
    connection.change(
        "UPDATE batches SET done_at = $2 WHERE model = $1 AND done_at IS NULL",
        &[(&retired).into(), now().into()],
    )?;
    connection.change(
        "UPDATE orders SET state = 'failed', code = $2, detail = 'the model was taken away' \
         WHERE model = $1 AND state IN ('waiting', 'making')",
        &[(&retired).into(), Code::UnknownModel.as_str().into()],
    )?;
    audit::append(connection, secret, actor, "model_withdrawn", name, &retired)?;
    let open = open.iter().map(|row| row.text(0));
    Ok((retired, open.collect::<Result<_, _>>()?))
}

fn free_name(connection: &mut Connection, name: &str) -> Result<String, ServiceError> {
    let mut number = 1_u64;
    loop {
        let retired = format!("{name}@{number}");
        let query = "SELECT 1 FROM models WHERE name = $1";
        if connection.row(query, &[(&retired).into()])?.is_none() {
            return Ok(retired);
        }
        number += 1;
    }
}

/// Records that open requests name of the model were its run's: of another run of this name, the same
/// numbers are other records.
fn rename_records(
    connection: &mut Connection,
    secret: &Secret,
    name: &str,
    retired: &str,
) -> Result<(), ServiceError> {
    let open = connection.rows(
        "SELECT id, sealed FROM requests JOIN parts ON request = id WHERE model = $1 \
         AND sealed IS NOT NULL",
        &[retired.into()],
    )?;
    for row in open {
        let request = row.text(0)?;
        let mut named = Named::unsealed(secret, &request, &row.text(1)?)?;
        let Some(records) = named.records.remove(name) else {
            continue;
        };
        named.records.insert(retired.to_owned(), records);
        connection.change(
            "UPDATE requests SET sealed = $2 WHERE id = $1",
            &[(&request).into(), named.sealed(secret, &request)?.into()],
        )?;
    }
    Ok(())
}
