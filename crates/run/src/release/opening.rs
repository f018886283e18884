//! Requests as the ledger records them: by a commitment that reveals nothing.

use super::error::ReleaseError;
use super::order::RequestFacts;
use crate::ledger::{Entry, History, Ledger, RequestEntry, answer_digest};
use rand::TryRng;
use rand::rngs::SysRng;
use rescind_data::{Digest, commitment};

/// A salt that nobody can guess.
///
/// # Errors
/// [`ReleaseError::NoRandomness`].
pub fn fresh_salt() -> Result<Digest, ReleaseError> {
    let mut salt = [0; 32];
    SysRng
        .try_fill_bytes(&mut salt)
        .map_err(|error| ReleaseError::NoRandomness {
            reason: error.to_string(),
        })?;
    Ok(Digest::from(salt))
}

/// Records a request whose result stays private for now, such as one made during training. The next
/// release covers it. Recording is one atomic step; the caller holds the run's lock and has staged
/// the private state of digest `state`.
///
/// # Errors
/// [`ReleaseError`] if the request is out of turn or empty, or the ledger or disk refuses.
pub fn record_request(
    ledger: &mut Ledger,
    state: Digest,
    request: &RequestFacts,
) -> Result<RequestEntry, ReleaseError> {
    check_request(request, ledger.history())?;
    let entry = request_entry(request, state);
    let entries = vec![Entry::Request(entry.clone())];
    ledger.append(entries, Some(&request.private), None)?;
    Ok(entry)
}

pub(super) fn check_request(request: &RequestFacts, history: &History) -> Result<(), ReleaseError> {
    let number = request.number;
    let last = history.last_request().map_or(0, |request| request.number);
    if number <= last {
        return Err(ReleaseError::OutOfTurn { number, last });
    }
    if request.records.is_empty() {
        return Err(ReleaseError::NoRecords { number });
    }
    if humantime::parse_rfc3339(&request.requested_at).is_ok() {
        return Ok(());
    }
    Err(ReleaseError::Inconsistent {
        field: "requests".to_owned(),
        found: request.requested_at.clone(),
        expected: "a time such as 2026-03-01T12:00:00Z".to_owned(),
        why: "it says when the request was made".to_owned(),
    })
}

pub(super) fn request_entry(request: &RequestFacts, state: Digest) -> RequestEntry {
    RequestEntry {
        number: request.number,
        requested_at: request.requested_at.clone(),
        records: request.records.len() as u64,
        commitment: commitment(&request.records, request.salt.as_bytes()),
        state,
        answer: answer_digest(request.private.key.as_deref(), &request.private.body),
    }
}
