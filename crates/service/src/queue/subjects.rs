//! Whom a request names: sealed as long as a model has yet to be asked, and as keyed hashes for good.

use crate::error::ServiceError;
use crate::secret::{Of, Secret};
use crate::store::{Connection, unexpected};
use rescind_data::RecordRequest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that a request names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Named {
    /// Names of one person, under which any model may know them.
    pub subjects: Vec<String>,
    /// Records of single models, as `rescind forget` takes them.
    pub records: BTreeMap<String, Vec<RecordRequest>>,
}

impl Named {
    /// What it names of one model.
    pub fn of_model(&self, model: &str) -> Vec<RecordRequest> {
        let subjects = self.subjects.iter().cloned().map(RecordRequest::Subject);
        let records = self.records.get(model).into_iter().flatten().cloned();
        subjects.chain(records).collect()
    }

    /// Encrypted for a request.
    pub fn sealed(&self, secret: &Secret, request: &str) -> Result<String, ServiceError> {
        let bytes = serde_json::to_vec(self).map_err(rescind::Error::Document)?;
        secret.seal(request, &bytes)
    }

    /// Decrypted again.
    pub fn unsealed(secret: &Secret, request: &str, sealed: &str) -> Result<Self, ServiceError> {
        let bytes = secret.unseal(request, sealed);
        let named = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        named.ok_or_else(|| {
            unexpected("names sealed under the key beside it: is desk.key another desk's?")
        })
    }

    /// Remembers keyed hashes of its subjects.
    pub fn index(
        &self,
        connection: &mut Connection,
        secret: &Secret,
        request: &str,
    ) -> Result<(), ServiceError> {
        for subject in &self.subjects {
            connection.change(
                "INSERT INTO subjects VALUES ($1, $2) ON CONFLICT DO NOTHING",
                &[request.into(), hash_of(secret, subject).into()],
            )?;
        }
        Ok(())
    }
}

/// Two ways to write one name have one hash, as they have in a run.
fn hash_of(secret: &Secret, subject: &str) -> String {
    let identity = rescind_data::subject_hash(subject);
    secret.hash(Of::Subject, identity.as_bytes())
}

/// The newest requests that named a subject.
pub(crate) fn find(
    connection: &mut Connection,
    secret: &Secret,
    subject: &str,
    most: i64,
) -> Result<Vec<String>, ServiceError> {
    let rows = connection.rows(
        "SELECT request FROM subjects JOIN requests ON id = request WHERE hash = $1 \
         ORDER BY received_at DESC, id LIMIT $2",
        &[hash_of(secret, subject).into(), most.into()],
    )?;
    rows.iter().map(|row| row.text(0)).collect()
}
