//! Runs registered as models.

use super::found_run::FoundRun;
use super::models::{ModelRow, model};
use super::settling::settle;
use super::subjects::Named;
use crate::audit;
use crate::clock::now;
use crate::error::ServiceError;
use crate::policy::Policy;
use crate::secret::Secret;
use crate::store::Connection;
use rescind::Code;

/// Whether this can be a model's name: it stands in addresses.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    (1..=64).contains(&name.len()) && name.chars().all(plain) && !name.starts_with('.')
}

/// Registers a run as a model. Requests that are not done yet are its to answer too.
pub(crate) fn register(
    connection: &mut Connection,
    secret: &Secret,
    actor: &str,
    name: &str,
    run: &FoundRun,
    policy: &Policy,
) -> Result<ModelRow, ServiceError> {
    policy.check()?;
    if !is_name(name) {
        let message = format!(
            "the model's name is {name:?}: expected 1 to 64 letters, digits, dots, dashes and \
             underscores"
        );
        return Err(ServiceError::refused(Code::Setting, message));
    }
    let place = place_of(run)?;
    let text = serde_json::to_string(policy).map_err(rescind::Error::Document)?;
    let ledger = run.history.head();
    let added = connection.change(
        "INSERT INTO models (name, folder, policy, registered_at, lease_until, next_try, attempts, \
         released_at, released, outside, identity, ledger_entries, ledger_head) \
         VALUES ($1, $2, $3, $4, 0, 0, 0, $4, 0, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        &[
            name.into(),
            place.into(),
            text.into(),
            now().into(),
            i64::from(run.outside).into(),
            (&run.identity).into(),
            (ledger.entries as i64).into(),
            ledger.head.to_string().into(),
        ],
    )?;
    if added == 0 {
        return Err(exists(name));
    }
    audit::append(connection, secret, actor, "model_registered", name, "")?;
    join_open_requests(connection, secret, name)?;
    model(connection, name)
}

/// The run's folder, as the database has it.
pub(super) fn place_of(run: &FoundRun) -> Result<&str, ServiceError> {
    run.folder.to_str().ok_or_else(|| {
        let message = "the run's folder has a name that is no text: rename it";
        ServiceError::refused(Code::Setting, message)
    })
}

pub(super) fn exists(name: &str) -> ServiceError {
    let message = format!(
        "a model named {name}, or of the same run, is registered already: GET /v1/models lists them; PUT \
         /v1/models/NAME/policy changes a policy; PUT /v1/models/NAME, or rescind serve --replace, puts \
         another run in its place; DELETE /v1/models/NAME takes it away"
    );
    ServiceError::refused(Code::ModelExists, message)
}

/// Whoever asked before the model was there is to be forgotten by it as well.
fn join_open_requests(
    connection: &mut Connection,
    secret: &Secret,
    name: &str,
) -> Result<(), ServiceError> {
    let open = connection.rows(
        "SELECT id, sealed, due_at FROM requests WHERE state IN ('pending', 'in_progress') \
         AND sealed IS NOT NULL",
        &[],
    )?;
    for row in open {
        let request = row.text(0)?;
        let named = Named::unsealed(secret, &request, &row.text(1)?)?;
        if named.subjects.is_empty() {
            continue;
        }
        connection.change(
            "INSERT INTO parts (request, model, state, due_at, since) \
             VALUES ($1, $2, 'waiting', $3, $4) ON CONFLICT DO NOTHING",
            &[
                (&request).into(),
                name.into(),
                row.number(2)?.into(),
                now().into(),
            ],
        )?;
        settle(connection, secret, &request)?;
    }
    Ok(())
}
