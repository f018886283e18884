//! Models taken and given back: one worker has one at a time.

use crate::desk::Desk;
use crate::error::ServiceError;
use crate::queue::{self, Claim};
use std::sync::Arc;
use std::time::Duration;

/// How long a worker keeps a run open that has nothing to do while no other has, as opening one may
/// take longer than an answer. Until then other programs are told that the run is in use.
pub(super) const KEPT: Duration = Duration::from_secs(3);

/// Takes a model that waits, this one or any whose model computes here.
pub(super) fn claim(
    desk: &Desk,
    worker: &str,
    model: Option<&str>,
) -> Result<Option<Claim>, ServiceError> {
    // Looked for without writing: an idle desk leaves the disk alone.
    if !is_work(desk, model)? {
        return Ok(None);
    }
    let (name, model) = (worker.to_owned(), model.map(str::to_owned));
    let claimed =
        move |db: &mut crate::store::Connection| queue::claim(db, &name, model.as_deref());
    desk.store.write_here(claimed)
}

/// Whether there is a model that nobody works on and that has something to do.
pub(super) fn is_work(desk: &Desk, model: Option<&str>) -> Result<bool, ServiceError> {
    let model = model.map(str::to_owned);
    desk.store
        .read_here(move |db| queue::is_work(db, model.as_deref()))
}

/// Gives a model back: it rests until a time, or something went wrong (a code, and what).
pub(super) fn give_back(
    desk: &Desk,
    claim: Claim,
    went: Result<i64, (String, String)>,
) -> Result<(), ServiceError> {
    let ending = desk.is_ending();
    let (secret, alerts) = (Arc::clone(&desk.secret), desk.settings.alerts.clone());
    desk.store.write_here(move |db| {
        let (model, worker) = (&claim.model.name, &claim.worker);
        match &went {
            Ok(until) => queue::rest(db, &secret, &claim, *until),
            Err(_) if ending => queue::yield_up(db, model, worker),
            Err((code, detail)) => {
                queue::trouble(db, &secret, alerts.as_deref(), &claim, code, detail)
            }
        }
    })
}
