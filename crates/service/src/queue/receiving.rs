//! Receiving a request: from the moment it is acknowledged it is on the disk.

use super::callbacks::place_of;
use super::leases::wake;
use super::requests::{RequestRow, request};
use super::subjects::Named;
use crate::audit;
use crate::clock::now;
use crate::error::ServiceError;
use crate::secret::{Of, Secret};
use crate::store::Connection;
use rescind::Code;

/// A request as it came, its form checked.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// The name that the desk gives it.
    pub id: String,
    /// Whose token it came with.
    pub owner: String,
    /// What the audit log calls whoever sent it.
    pub actor: String,
    pub subject_request_id: Option<String>,
    /// The caller's own key: asked again under the same, the same request is not received twice.
    pub key: Option<String>,
    /// What was asked, in one way of writing: two contents are compared by it.
    pub content: Vec<u8>,
    pub regulation: String,
    pub submitted_at: i64,
    pub due_at: i64,
    pub named: Named,
    pub callbacks: Vec<String>,
}

/// Writes it down, a part for every model that is concerned. Whether it is new: under a key that was
/// used before for the same, what is there is given.
pub(crate) fn receive(
    connection: &mut Connection,
    secret: &Secret,
    received: &Received,
) -> Result<(RequestRow, bool), ServiceError> {
    let key = received
        .key
        .as_ref()
        .map(|key| secret.hash(Of::Request, key.as_bytes()));
    let content = secret.hash(Of::Request, &received.content);
    // Whatever became of the models since, it was received.
    if let Some(found) = earlier(connection, received, key.as_deref(), &content)? {
        return Ok(found);
    }
    let models = concerned(connection, &received.named)?;
    let callbacks = match &received.callbacks[..] {
        [] => None,
        urls => {
            let urls = serde_json::to_vec(urls).map_err(rescind::Error::Document)?;
            Some(secret.seal(&place_of(&received.id), &urls)?)
        }
    };
    let now = now();
    connection.change(
        "INSERT INTO requests VALUES ($1, $2, $3, $4, $5, $6, 'pending', 0, $7, $8, $9, NULL, NULL, \
         $10, $11)",
        &[
            (&received.id).into(),
            (&received.owner).into(),
            received.subject_request_id.clone().into(),
            key.into(),
            (&content).into(),
            (&received.regulation).into(),
            received.submitted_at.into(),
            now.into(),
            received.due_at.into(),
            received.named.sealed(secret, &received.id)?.into(),
            callbacks.into(),
        ],
    )?;
    received.named.index(connection, secret, &received.id)?;
    for model in &models {
        connection.change(
            "INSERT INTO parts (request, model, state, due_at, since) \
             VALUES ($1, $2, 'waiting', $3, $4)",
            &[
                (&received.id).into(),
                model.into(),
                received.due_at.into(),
                now.into(),
            ],
        )?;
        wake(connection, model)?;
    }
    audit::append(
        connection,
        secret,
        &received.actor,
        "request_received",
        &received.id,
        "",
    )?;
    Ok((request(connection, &received.id)?, true))
}

/// What there is under the same key, or under the same name where work was done twice.
fn earlier(
    connection: &mut Connection,
    received: &Received,
    key: Option<&str>,
    content: &str,
) -> Result<Option<(RequestRow, bool)>, ServiceError> {
    let found = connection.row(
        "SELECT id, content_hash FROM requests WHERE id = $1 OR (owner = $2 AND key_hash = $3)",
        &[
            (&received.id).into(),
            (&received.owner).into(),
            key.map(str::to_owned).into(),
        ],
    )?;
    let Some(found) = found else {
        return Ok(None);
    };
    let id = found.text(0)?;
    if found.text(1)? != content {
        return Err(ServiceError::refused(
            Code::KeyReused,
            format!(
                "the idempotency key was used for request {id}, which asked for something else: give \
                 every request a key of its own"
            ),
        ));
    }
    let new = id == received.id;
    Ok(Some((request(connection, &id)?, new)))
}

/// The models that have to answer: all of them for a subject, as each knows whom it learned from.
fn concerned(connection: &mut Connection, named: &Named) -> Result<Vec<String>, ServiceError> {
    let rows = connection.rows(
        "SELECT name FROM models WHERE withdrawn_at IS NULL ORDER BY name",
        &[],
    )?;
    let known = rows
        .iter()
        .map(|row| row.text(0))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(unknown) = named.records.keys().find(|&model| !known.contains(model)) {
        return Err(ServiceError::refused(
            Code::UnknownModel,
            format!("records are named of the model {unknown:?}, which is not registered"),
        ));
    }
    if known.is_empty() {
        return Err(ServiceError::refused(
            Code::UnknownModel,
            "no model is registered yet, so nothing could be done: register one \
             (POST /v1/models, or rescind serve --model NAME=RUN)",
        ));
    }
    let concerned = known.into_iter();
    let concerned =
        concerned.filter(|model| !named.subjects.is_empty() || named.records.contains_key(model));
    Ok(concerned.collect())
}
