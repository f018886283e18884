//! What becomes of those who are forgotten and wait for a release: covered by one, refused one, or waiting
//! for one that never comes. Many may, so that all is done in steps, each of which leaves what the next finds.

use super::TOGETHER;
use super::settling::settle;
use crate::audit;
use crate::clock::now;
use crate::error::ServiceError;
use crate::secret::Secret;
use crate::store::Connection;

/// A release is in the run's ledger: whoever was forgotten before it is covered by it, at most
/// [`TOGETHER`](super::TOGETHER) now. Whether that was all. Until then the release counts as news, and whoever
/// looks next goes on.
pub(crate) fn released(
    connection: &mut Connection,
    secret: &Secret,
    model: &str,
    release: u64,
) -> Result<bool, ServiceError> {
    let number = release as i64;
    let rows = connection.rows(
        "UPDATE parts SET state = 'done', release = $2, code = NULL, detail = NULL, since = $3 \
         WHERE model = $1 AND state = 'forgotten' AND request IN (SELECT request FROM parts \
         WHERE model = $1 AND state = 'forgotten' AND answer <= $2 LIMIT $4) RETURNING request",
        &[model.into(), number.into(), now().into(), TOGETHER.into()],
    )?;
    let all = (rows.len() as i64) < TOGETHER;
    if all {
        recorded(connection, secret, model, release)?;
    }
    for row in &rows {
        settle(connection, secret, &row.text(0)?)?;
    }
    Ok(all)
}

/// Remembers a release, and how many it covers.
fn recorded(
    connection: &mut Connection,
    secret: &Secret,
    model: &str,
    release: u64,
) -> Result<(), ServiceError> {
    let number = release as i64;
    let news = connection.change(
        "UPDATE models SET released = $2, released_at = $3 WHERE name = $1 AND released < $2",
        &[model.into(), number.into(), now().into()],
    )?;
    if news == 1 {
        let query = "SELECT count(*) FROM parts WHERE model = $1 AND release = $2";
        let covered = connection.row(query, &[model.into(), number.into()])?;
        let covered = covered.map_or(Ok(0), |row| row.number(0))?;
        let detail = format!("release {release}, for {covered} requests");
        audit::append(connection, secret, "desk", "released", model, &detail)?;
    }
    Ok(())
}

/// What is forgotten cannot be released, as things are: an operator has to see to it. At most
/// [`TOGETHER`](super::TOGETHER) now; whether that was all.
pub(crate) fn not_released(
    connection: &mut Connection,
    secret: &Secret,
    model: &str,
    code: &str,
    detail: &str,
) -> Result<bool, ServiceError> {
    let rows = connection.rows(
        "UPDATE parts SET code = $2, detail = $3 WHERE model = $1 AND state = 'forgotten' \
         AND code IS NULL AND request IN (SELECT request FROM parts WHERE model = $1 \
         AND state = 'forgotten' AND code IS NULL LIMIT $4) RETURNING request",
        &[model.into(), code.into(), detail.into(), TOGETHER.into()],
    )?;
    for row in &rows {
        settle(connection, secret, &row.text(0)?)?;
    }
    if rows.len() as i64 == TOGETHER {
        return Ok(false);
    }
    audit::append(connection, secret, "desk", "not_released", model, code)?;
    Ok(true)
}

/// Whether somebody waits for a release.
pub(super) fn is_waited_for(
    connection: &mut Connection,
    model: &str,
) -> Result<bool, ServiceError> {
    let query = "SELECT 1 FROM parts WHERE model = $1 AND state = 'forgotten' LIMIT 1";
    Ok(connection.row(query, &[model.into()])?.is_some())
}

/// No release will come that anybody could wait for: whoever does is done. At most
/// [`TOGETHER`](super::TOGETHER) now; whether that was all.
pub(crate) fn end_waiting(
    connection: &mut Connection,
    secret: &Secret,
    model: &str,
) -> Result<bool, ServiceError> {
    let rows = connection.rows(
        "UPDATE parts SET state = 'done', code = NULL, detail = NULL, since = $2 WHERE model = $1 \
         AND state = 'forgotten' AND request IN (SELECT request FROM parts WHERE model = $1 \
         AND state = 'forgotten' LIMIT $3) RETURNING request",
        &[model.into(), now().into(), TOGETHER.into()],
    )?;
    for row in &rows {
        settle(connection, secret, &row.text(0)?)?;
    }
    Ok((rows.len() as i64) < TOGETHER)
}

#[cfg(test)]
mod tests {
    use super::{TOGETHER, end_waiting, not_released, released};
    use crate::secret::Secret;
    use crate::store::{Connection, Place, Store};
    use std::sync::Arc;

    const MANY: i64 = 2 * TOGETHER + 10;

    /// A model with so many who wait for a release.
    fn waiting(folder: &std::path::Path) -> (Arc<Secret>, Store) {
        let secret = Secret::open_or_make(folder).unwrap();
        let store = Store::open(&Place::File(folder.join("d")), |_| Ok(())).unwrap();
        let made = store.write_here(|db| {
            db.batch(
                "INSERT INTO models (name, folder, policy, registered_at, lease_until, next_try, attempts, \
                 released_at, released) VALUES ('m', 'f', '{}', 0, 0, 0, 0, 0, 0)",
            )?;
            for at in 0..MANY {
                let id = format!("r{at}");
                db.change(
                    "INSERT INTO requests (id, owner, content_hash, regulation, state, attention, \
                     submitted_at, received_at, due_at) \
                     VALUES ($1, 'o', '', 'gdpr', 'in_progress', 0, 0, 0, 0)",
                    &[(&id).into()],
                )?;
                db.change(
                    "INSERT INTO parts (request, model, state, answer, due_at, since) \
                     VALUES ($1, 'm', 'forgotten', 1, 0, 0)",
                    &[(&id).into()],
                )?;
            }
            Ok(())
        });
        made.unwrap();
        (Arc::new(secret), store)
    }

    fn count(store: &Store, query: &'static str) -> i64 {
        let found = store.read_here(move |db: &mut Connection| db.row(query, &[]));
        found.unwrap().unwrap().number(0).unwrap()
    }

    const DONE: &str = "SELECT count(*) FROM requests WHERE state = 'completed'";
    const RELEASED: &str = "SELECT released FROM models";

    #[test]
    fn a_release_covers_many_in_steps_and_counts_once_all_are() {
        let place = tempfile::tempdir().unwrap();
        let (secret, store) = waiting(place.path());
        let step = || {
            let secret = Arc::clone(&secret);
            let done = store.write_here(move |db| released(db, &secret, "m", 1));
            done.unwrap()
        };
        assert!(!step());
        assert_eq!(
            (count(&store, DONE), count(&store, RELEASED)),
            (TOGETHER, 0)
        );
        // Whoever did it dies here; another goes on.
        assert!(!step());
        assert!(step());
        assert_eq!((count(&store, DONE), count(&store, RELEASED)), (MANY, 1));
        let told = store.read_here(|db: &mut Connection| {
            db.row("SELECT detail FROM audit WHERE action = 'released'", &[])
        });
        let told = told.unwrap().unwrap().text(0).unwrap();
        assert_eq!(told, format!("release 1, for {MANY} requests"));
    }

    #[test]
    fn what_is_not_released_and_what_never_is_goes_in_steps_too() {
        let place = tempfile::tempdir().unwrap();
        let (secret, store) = waiting(place.path());
        let steps = |work: fn(&mut Connection, &Secret) -> Result<bool, crate::ServiceError>| {
            let mut steps = 1;
            let step = || {
                let secret = Arc::clone(&secret);
                store.write_here(move |db| work(db, &secret)).unwrap()
            };
            while !step() {
                steps += 1;
            }
            steps
        };
        assert_eq!(
            steps(|db, secret| not_released(db, secret, "m", "budget", "b")),
            3
        );
        let audited = "SELECT count(*) FROM audit WHERE action = 'not_released'";
        assert_eq!(count(&store, audited), 1);
        assert_eq!(steps(|db, secret| end_waiting(db, secret, "m")), 3);
        assert_eq!(count(&store, DONE), MANY);
    }
}
