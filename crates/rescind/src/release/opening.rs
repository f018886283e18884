//! What opens the commitment of a request: kept in the run, never published.

use super::error::ReleaseError;
use super::order::RequestFacts;
use crate::disk::{self, Access};
use crate::ledger::{Entry, History, Ledger, RequestEntry, recover};
use rand::TryRng;
use rand::rngs::SysRng;
use rescind_data::{Digest, commitment};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The salt and hashes behind a commitment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Opening {
    pub(crate) request: u64,
    pub(crate) salt: Digest,
    pub(crate) records: Vec<Digest>,
}

impl Opening {
    /// A fresh salt for a request.
    pub(super) fn new(request: &RequestFacts) -> Result<Self, ReleaseError> {
        let mut salt = [0; 32];
        SysRng
            .try_fill_bytes(&mut salt)
            .map_err(|error| ReleaseError::NoRandomness {
                reason: error.to_string(),
            })?;
        Ok(Self {
            request: request.number,
            salt: Digest::from(salt),
            records: request.records.clone(),
        })
    }

    pub(crate) fn commitment(&self) -> Digest {
        commitment(&self.records, self.salt.as_bytes())
    }

    pub(super) fn write(&self, run: &Path) -> Result<(), ReleaseError> {
        let path = crate::ledger::opening_file(run, self.request);
        disk::folder(&run.join("private"), Access::Private)?;
        disk::folder(&run.join("private/openings"), Access::Private)?;
        disk::replace(&path, &serde_json::to_vec_pretty(self)?, Access::Private)?;
        Ok(())
    }
}

/// Records a request whose result stays private for now, such as one made during training. The next
/// release covers it. Recording is one atomic step; the caller holds the run's lock and has staged
/// the private state of digest `state`.
///
/// # Errors
/// [`ReleaseError`] if the request is out of turn or empty, or the ledger or disk refuses.
pub fn record_request(
    run: &Path,
    state: Digest,
    request: &RequestFacts,
) -> Result<RequestEntry, ReleaseError> {
    let history = recover(run)?.history;
    check_request(request, &history)?;
    let opening = Opening::new(request)?;
    opening.write(run)?;
    let entry = request_entry(request, &opening, state);
    Ledger::open(run)?.append(&history.head(), &[Entry::Request(entry.clone())])?;
    Ok(entry)
}

pub(super) fn check_request(request: &RequestFacts, history: &History) -> Result<(), ReleaseError> {
    let number = request.number;
    let last = history
        .requests()
        .last()
        .map_or(0, |request| request.number);
    if number <= last {
        return Err(ReleaseError::OutOfTurn { number, last });
    }
    if request.records.is_empty() {
        return Err(ReleaseError::NoRecords { number });
    }
    let made = humantime::parse_rfc3339(&request.requested_at);
    if made.is_ok_and(|made| made <= std::time::SystemTime::now()) {
        return Ok(());
    }
    Err(ReleaseError::Inconsistent {
        field: "requests".to_owned(),
        found: request.requested_at.clone(),
        expected: "a time that has passed, such as 2026-03-01T12:00:00Z".to_owned(),
        why: "a request is made before it is answered".to_owned(),
    })
}

pub(super) fn request_entry(
    request: &RequestFacts,
    opening: &Opening,
    state: Digest,
) -> RequestEntry {
    RequestEntry {
        number: request.number,
        requested_at: request.requested_at.clone(),
        records: request.records.len() as u64,
        commitment: opening.commitment(),
        state,
    }
}
