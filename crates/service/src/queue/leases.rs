//! Which worker has which model: one at a time, for a while that it renews as it works. A worker that
//! dies renews nothing, and another takes its place.

use super::models::{ModelRow, columns, has_work, read};
use super::troubles;
use crate::clock::now;
use crate::error::ServiceError;
use crate::secret::Secret;
use crate::store::Connection;

/// How long a lease lasts, in seconds; it is renewed several times as often.
pub(crate) const LEASE: i64 = 20;
/// The longest that is waited before what went wrong is tried again, in seconds.
const LONGEST_PAUSE: i64 = 600;

/// A model that a worker has.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub model: ModelRow,
    /// The worker's name.
    pub worker: String,
}

/// Takes a model that nobody has and for which there may be something to do: this one, or any whose
/// model computes here.
pub(crate) fn claim(
    connection: &mut Connection,
    worker: &str,
    model: Option<&str>,
) -> Result<Option<Claim>, ServiceError> {
    let now = now();
    // Two that choose the same model meet at its row: the second finds it taken.
    const TAKE: &str = columns!(
        concat!(
            "UPDATE models SET worker = $1, lease_until = $2 WHERE name = (\
             SELECT name FROM models WHERE lease_until < $3 AND next_try <= $3 \
             AND withdrawn_at IS NULL AND (name = $4 OR ($4 IS NULL AND outside = 0)) AND ",
            has_work!(),
            " ORDER BY next_try, name LIMIT 1) AND lease_until < $3 RETURNING "
        ),
        ""
    );
    let taken = connection.row(
        TAKE,
        &[
            worker.into(),
            (now + LEASE).into(),
            now.into(),
            model.into(),
        ],
    )?;
    let model = taken.as_ref().map(read).transpose()?;
    Ok(model.map(|model| Claim {
        model,
        worker: worker.to_owned(),
    }))
}

/// Takes a model that nobody has, and for which there is nothing to do: to look at it. Where there is
/// something to do, whoever does it looks.
pub(crate) fn claim_idle(
    connection: &mut Connection,
    worker: &str,
    model: &str,
) -> Result<Option<Claim>, ServiceError> {
    let now = now();
    const TAKE: &str = columns!(
        concat!(
            "UPDATE models SET worker = $1, lease_until = $2 WHERE name = $4 AND lease_until < $3 \
             AND withdrawn_at IS NULL AND NOT ",
            has_work!(),
            " RETURNING "
        ),
        ""
    );
    let until = now + LEASE;
    let taken = connection.row(
        TAKE,
        &[worker.into(), until.into(), now.into(), model.into()],
    )?;
    let model = taken.as_ref().map(read).transpose()?;
    Ok(model.map(|model| Claim {
        model,
        worker: worker.to_owned(),
    }))
}

/// Goes on having it; whether it still was this worker's.
pub(crate) fn renew(
    connection: &mut Connection,
    model: &str,
    worker: &str,
) -> Result<bool, ServiceError> {
    let renewed = connection.change(
        "UPDATE models SET lease_until = $3 WHERE name = $1 AND worker = $2",
        &[model.into(), worker.into(), (now() + LEASE).into()],
    )?;
    Ok(renewed == 1)
}

/// Gives it back, once all went well; it is looked at again at this time, or at once where something came
/// for it since it was taken, which may be after the last look.
pub(crate) fn rest(
    connection: &mut Connection,
    secret: &Secret,
    claim: &Claim,
    until: i64,
) -> Result<(), ServiceError> {
    let (model, worker) = (&claim.model.name, &claim.worker);
    let rests = connection.change(
        "UPDATE models SET lease_until = 0, worker = NULL, attempts = 0, code = NULL, detail = NULL, \
         next_try = CASE WHEN woken = $4 THEN $3 ELSE 0 END WHERE name = $1 AND worker = $2",
        &[
            model.into(),
            worker.into(),
            until.into(),
            claim.model.woken.into(),
        ],
    )?;
    // Of one that another has meanwhile, or that is no more, there is nothing to say.
    match rests {
        0 => Ok(()),
        _ => troubles::is_well(connection, secret, model),
    }
}

/// Gives it back as it is, without a word on how it went: the desk is ending.
pub(crate) fn yield_up(
    connection: &mut Connection,
    model: &str,
    worker: &str,
) -> Result<(), ServiceError> {
    connection.change(
        "UPDATE models SET lease_until = 0, worker = NULL WHERE name = $1 AND worker = $2",
        &[model.into(), worker.into()],
    )?;
    Ok(())
}

/// Gives it back after something went wrong that may pass: it is tried again after a pause that
/// doubles each time. Operators are told of what does not pass.
pub(crate) fn trouble(
    connection: &mut Connection,
    secret: &Secret,
    alerts: Option<&str>,
    claim: &Claim,
    code: &str,
    detail: &str,
) -> Result<(), ServiceError> {
    let pause = 1_i64 << claim.model.attempts.clamp(0, 20);
    let next = now() + pause.min(LONGEST_PAUSE);
    let rests = connection.change(
        "UPDATE models SET lease_until = 0, worker = NULL, next_try = $3, attempts = attempts + 1, \
         code = $4, detail = $5 WHERE name = $1 AND worker = $2",
        &[
            (&claim.model.name).into(),
            (&claim.worker).into(),
            next.into(),
            code.into(),
            detail.into(),
        ],
    )?;
    if rests == 0 {
        return Ok(());
    }
    let (model, attempts) = (&claim.model.name, claim.model.attempts + 1);
    troubles::tell(connection, secret, alerts, model, attempts, (code, detail)).map(drop)
}

/// Ends the leases of the desk's own workers: whoever had one has died. Programs that have models of
/// their own may live.
pub(crate) fn end_leases(connection: &mut Connection) -> Result<(), ServiceError> {
    let ended = "UPDATE models SET lease_until = 0, worker = NULL \
                 WHERE worker IS NOT NULL AND outside = 0";
    connection.change(ended, &[]).map(drop)
}

/// Has a model looked at, at once, unless it rests because something went wrong.
pub(super) fn wake(connection: &mut Connection, model: &str) -> Result<(), ServiceError> {
    let now = now();
    connection.change(
        "UPDATE models SET woken = woken + 1, \
         next_try = CASE WHEN attempts = 0 AND next_try > $2 THEN $2 ELSE next_try END WHERE name = $1",
        &[model.into(), now.into()],
    )?;
    Ok(())
}

/// Whether there is a model that [`claim`] would take.
pub(crate) fn is_work(
    connection: &mut Connection,
    model: Option<&str>,
) -> Result<bool, ServiceError> {
    let found = connection.row(
        concat!(
            "SELECT 1 FROM models WHERE lease_until < $1 AND next_try <= $1 AND withdrawn_at IS NULL \
             AND (name = $2 OR ($2 IS NULL AND outside = 0)) AND ",
            has_work!(),
            " LIMIT 1"
        ),
        &[now().into(), model.into()],
    )?;
    Ok(found.is_some())
}

#[cfg(test)]
mod tests {
    use super::{claim, is_work, rest, wake};
    use crate::clock::now;
    use crate::secret::Secret;
    use crate::store::{Connection, Place, Store};

    /// Between a worker's last look and its letting go.
    #[test]
    fn what_comes_as_a_worker_lets_go_waits_for_no_schedule() {
        let place = tempfile::tempdir().unwrap();
        let secret = Secret::open_or_make(place.path()).unwrap();
        let at = Place::File(place.path().join("desk.sqlite"));
        drop(Store::open(&at, |_| Ok(())).unwrap());
        let mut db = Connection::open(&at).unwrap();
        db.batch(
            "INSERT INTO models (name, folder, policy, registered_at, lease_until, next_try, attempts, \
             released_at, released) VALUES ('one', 'f', '{}', 0, 0, 0, 0, 0, 0); \
             INSERT INTO requests (id, owner, content_hash, regulation, state, attention, submitted_at, \
             received_at, due_at) VALUES ('r', 'o', '', 'gdpr', 'pending', 0, 0, 0, 0); \
             INSERT INTO parts (request, model, state, due_at, since) VALUES ('r', 'one', 'waiting', 0, 0)",
        )
        .unwrap();
        let mut turn = |comes: bool| {
            let held = claim(&mut db, "w", None).unwrap().unwrap();
            if comes {
                wake(&mut db, "one").unwrap();
            }
            rest(&mut db, &secret, &held, now() + 1000).unwrap();
            is_work(&mut db, None).unwrap()
        };
        assert!(turn(true));
        assert!(!turn(false));
    }
}
