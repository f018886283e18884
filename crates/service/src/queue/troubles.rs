//! What goes wrong with models: remembered, and told to operators once.

use super::alerts::enqueue_alert;
use super::models::has_work;
use crate::audit;
use crate::clock::now;
use crate::error::ServiceError;
use crate::policy::PromisePolicy;
use crate::secret::Secret;
use crate::store::Connection;
use rescind::Code;

/// How often what may pass is tried before operators are told: the pauses come to a quarter of a minute.
const TELLS_AFTER: i64 = 5;

/// Whether a trouble may pass by itself, as while another program has the run.
pub(crate) fn passes(code: &str) -> bool {
    let mut all = Code::ALL.iter();
    let known = all.find(|known| known.as_str() == code);
    !matches!(
        known,
        Some(
            Code::NoRun
                | Code::NothingTrained
                | Code::RunReplaced
                | Code::RunCopied
                | Code::LedgerMissing
                | Code::LedgerAltered
                | Code::ReleaseMissing
                | Code::StateAndLedgerDiffer
                | Code::Damaged
                | Code::Format
                | Code::NotPrivate
                | Code::KeyMissing
                | Code::KeyReplaced
                | Code::KeyNotPrivate
                | Code::KeyDamaged
        )
    )
}

/// Tells operators of what goes wrong with a model, once until it goes well: at once where it does not
/// pass, and otherwise once it was tried several times.
pub(super) fn tell(
    connection: &mut Connection,
    secret: &Secret,
    url: Option<&str>,
    model: &str,
    attempts: i64,
    (code, detail): (&str, &str),
) -> Result<bool, ServiceError> {
    if passes(code) && attempts < TELLS_AFTER {
        return Ok(false);
    }
    let first = connection.change(
        "UPDATE models SET told_at = $2 WHERE name = $1 AND told_at IS NULL",
        &[model.into(), now().into()],
    )?;
    if first == 0 {
        return Ok(false);
    }
    audit::append(connection, secret, "desk", "model_in_trouble", model, code)?;
    let detail = format!("{code}: {detail}");
    enqueue_alert(connection, secret, url, "model_in_trouble", model, &detail)?;
    Ok(true)
}

/// It went well again.
pub(super) fn is_well(
    connection: &mut Connection,
    secret: &Secret,
    model: &str,
) -> Result<(), ServiceError> {
    let told = connection.change(
        "UPDATE models SET told_at = NULL WHERE name = $1 AND told_at IS NOT NULL",
        &[model.into()],
    )?;
    if told == 1 {
        audit::append(connection, secret, "desk", "model_is_well", model, "")?;
    }
    Ok(())
}

/// Tells operators that a model's releases have spent more than its policy promises: once of each promise
/// and release. Whether that was now.
pub(crate) fn promise_broken(
    connection: &mut Connection,
    secret: &Secret,
    url: Option<&str>,
    model: &str,
    (promise, release): (&PromisePolicy, u64),
    detail: &str,
) -> Result<bool, ServiceError> {
    let told = format!("{} {} {release}", promise.epsilon, promise.delta);
    let first = connection.change(
        "UPDATE models SET promise_told = $2 WHERE name = $1 \
         AND (promise_told IS NULL OR promise_told <> $2)",
        &[model.into(), told.into()],
    )?;
    if first == 1 {
        audit::append(connection, secret, "desk", "promise_broken", model, detail)?;
        enqueue_alert(connection, secret, url, "promise_broken", model, detail)?;
    }
    Ok(first == 1)
}

/// Remembers what a look at a run's folder found (a code, and what), where a worker does not know worse.
/// Whether operators are told of it now.
pub(crate) fn watched(
    connection: &mut Connection,
    secret: &Secret,
    url: Option<&str>,
    model: &str,
    found: Option<(&str, &str)>,
) -> Result<bool, ServiceError> {
    let Some((code, detail)) = found else {
        // Where there is something to do, whoever does it finds out.
        let well = connection.change(
            concat!(
                "UPDATE models SET code = NULL, detail = NULL, attempts = 0 WHERE name = $1 \
                 AND code IS NOT NULL AND (attempts = 0 OR next_try <= $2 AND lease_until < $2 AND NOT ",
                has_work!(),
                ")"
            ),
            &[model.into(), now().into()],
        )?;
        if well == 1 {
            is_well(connection, secret, model)?;
        }
        return Ok(false);
    };
    connection.change(
        "UPDATE models SET code = $2, detail = $3 WHERE name = $1 AND code IS NULL",
        &[model.into(), code.into(), detail.into()],
    )?;
    tell(connection, secret, url, model, 0, (code, detail))
}

#[cfg(test)]
mod tests {
    use crate::queue;
    use crate::secret::Secret;
    use crate::store::{Connection, Place, Store};
    use std::path::Path;

    /// A desk's key and database, with a model.
    fn desk(folder: &Path) -> (Secret, Connection) {
        let secret = Secret::open_or_make(folder).unwrap();
        let at = Place::File(folder.join("desk.sqlite"));
        drop(Store::open(&at, |_| Ok(())).unwrap());
        let mut db = Connection::open(&at).unwrap();
        db.batch(
            "INSERT INTO models (name, folder, policy, registered_at, lease_until, next_try, attempts, \
             released_at, released) VALUES ('one', 'run', '{}', 0, 0, 0, 0, 0, 0)",
        )
        .unwrap();
        (secret, db)
    }

    /// Once an operator has had it tried again, it is news where it goes wrong again.
    #[test]
    fn a_run_that_is_lost_a_second_time_is_told_a_second_time() {
        let place = tempfile::tempdir().unwrap();
        let (secret, mut db) = desk(place.path());
        let watched = |db: &mut Connection, found| {
            queue::watched(db, &secret, Some("http://localhost/"), "one", found).unwrap()
        };
        let gone = Some(("no_run", "the run is gone"));
        for _ in 0..2 {
            assert!(watched(&mut db, gone));
            assert!(!watched(&mut db, gone));
            queue::retry_held(&mut db, &secret, "shop", "one", 0).unwrap();
            assert!(!watched(&mut db, None));
        }
    }

    /// What may pass is told once it did not pass for a while, and again only after it went well.
    #[test]
    fn what_does_not_pass_is_told_once() {
        let place = tempfile::tempdir().unwrap();
        let (secret, mut db) = desk(place.path());
        let told = |db: &mut Connection| {
            let query = "SELECT count(*) FROM callbacks WHERE request IS NULL";
            db.row(query, &[]).unwrap().unwrap().number(0).unwrap()
        };
        let trouble = |db: &mut Connection, code: &str| {
            let model = queue::model(db, "one").unwrap();
            let worker = "w".to_owned();
            let claim = queue::Claim { model, worker };
            db.change("UPDATE models SET worker = 'w'", &[]).unwrap();
            let url = Some("http://localhost/");
            queue::trouble(db, &secret, url, &claim, code, "the disk refuses").unwrap();
            told(db)
        };
        for attempt in 1..=7 {
            let expected = i64::from(attempt >= 5);
            assert_eq!(trouble(&mut db, "io"), expected, "{attempt}");
        }
        db.change("UPDATE models SET worker = 'w'", &[]).unwrap();
        let model = queue::model(&mut db, "one").unwrap();
        let worker = "w".to_owned();
        queue::rest(&mut db, &secret, &queue::Claim { model, worker }, 0).unwrap();
        assert_eq!(trouble(&mut db, "busy"), 1);
        // At once what stays as it is, whatever went wrong before.
        for _ in 0..2 {
            assert_eq!(trouble(&mut db, "run_replaced"), 2);
        }
        // Nobody has anything to do with the model any more: who looks now and then ends the trouble, once
        // it would have been tried again.
        let code = |db: &mut Connection| queue::model(db, "one").unwrap().trouble;
        let well = |db: &mut Connection| {
            queue::watched(db, &secret, None, "one", None).unwrap();
            code(db)
        };
        assert!(well(&mut db).is_some());
        db.change("UPDATE models SET next_try = 0", &[]).unwrap();
        assert_eq!(well(&mut db), None);
        // Again it is news: alerts are gathered, the log has each.
        let logged = |db: &mut Connection| {
            let query = "SELECT count(*) FROM audit WHERE action = 'model_in_trouble'";
            db.row(query, &[]).unwrap().unwrap().number(0).unwrap()
        };
        let before = logged(&mut db);
        trouble(&mut db, "run_replaced");
        assert_eq!(logged(&mut db), before + 1);
    }
}
