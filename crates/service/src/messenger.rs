//! The messenger: tells whom requests name when they stand otherwise, and operators what is due.

use crate::clock::now;
use crate::desk::Desk;
use crate::error::ServiceError;
use crate::queue::{self, Callback};
use crate::reach;
use crate::threads::beside;
use crate::watching::watch;
use std::collections::HashMap;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use ureq::Agent;

/// How often it looks for what is to be told, and for what will soon be due.
const LOOK: Duration = Duration::from_millis(500);
const DEADLINES: Duration = Duration::from_secs(30);
/// How much is told at once of the requests of one owner.
const SHARE: usize = 8;
/// How long one who is told may take to hear.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells those whom requests name, until the desk ends. Each owner of requests has a share of those who
/// tell, so that addresses that do not answer delay nobody but whoever named them.
pub(crate) fn tell(desk: &Arc<Desk>) {
    let agent = &reach::agent(PATIENCE, desk.settings.private_callbacks);
    let (tells, told) = channel::<String>();
    let mut busy: HashMap<String, usize> = HashMap::new();
    thread::scope(|scope| {
        while !desk.is_ending() {
            match take(desk, &busy) {
                Ok(taken) => {
                    for (owner, callback) in taken {
                        *busy.entry(owner.clone()).or_default() += 1;
                        let tells = tells.clone();
                        beside(scope, move || {
                            if let Err(error) = tell_one(desk, agent, &callback) {
                                desk.tell_of("desk", &error);
                            }
                            let _ = tells.send(owner.clone());
                        });
                    }
                }
                Err(error) => {
                    desk.tell_of("desk", &error);
                    thread::sleep(4 * LOOK);
                }
            }
            let first = told.recv_timeout(LOOK).ok();
            for owner in first.into_iter().chain(told.try_iter()) {
                let left = busy.get(&owner).copied().unwrap_or_default();
                match left.saturating_sub(1) {
                    0 => drop(busy.remove(&owner)),
                    left => drop(busy.insert(owner, left)),
                }
            }
        }
    });
}

/// What is told next, of owners who have room for it.
fn take(
    desk: &Desk,
    busy: &HashMap<String, usize>,
) -> Result<Vec<(String, Callback)>, ServiceError> {
    let busy = busy.clone();
    let due = desk.store.read_here(move |db| {
        let mut due = Vec::new();
        for owner in queue::owners(db)? {
            let room = SHARE - busy.get(&owner).copied().unwrap_or_default().min(SHARE);
            // Several at once: each time that some are taken is a wait for the disk.
            if 2 * room >= SHARE && queue::is_callback_due(db, Some(&owner))? {
                due.push((owner, room as i64));
            }
        }
        Ok(due)
    })?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let secret = Arc::clone(&desk.secret);
    desk.store.write_here(move |db| {
        let mut taken = Vec::new();
        for (owner, room) in &due {
            let some = queue::due_callbacks(db, &secret, Some(owner), *room)?;
            taken.extend(some.into_iter().map(|callback| (owner.clone(), callback)));
        }
        Ok(taken)
    })
}

fn tell_one(desk: &Desk, agent: &Agent, callback: &Callback) -> Result<(), ServiceError> {
    let told = send(desk, agent, callback);
    let (secret, id, attempts) = (
        Arc::clone(&desk.secret),
        callback.id.clone(),
        callback.attempts,
    );
    desk.store
        .write_here(move |db| queue::settle_callback(db, &secret, &id, attempts, told))
}

/// Tells operators, whom nobody keeps waiting by naming addresses that do not answer.
pub(crate) fn alert(desk: &Arc<Desk>) {
    // Where alerts go is the operator's own choice.
    let agent = reach::agent(PATIENCE, true);
    let mut looked: Option<Instant> = None;
    while !desk.is_ending() {
        if looked.is_none_or(|at| at.elapsed() >= DEADLINES) {
            looked = Some(Instant::now());
            for look in [look_at_deadlines, watch] {
                if let Err(error) = look(desk) {
                    desk.tell_of("desk", &error);
                }
            }
        }
        match alert_of_what_is_due(desk, &agent) {
            Ok(true) => {}
            Ok(false) => thread::sleep(LOOK),
            Err(error) => {
                desk.tell_of("desk", &error);
                thread::sleep(4 * LOOK);
            }
        }
    }
}

fn alert_of_what_is_due(desk: &Desk, agent: &Agent) -> Result<bool, ServiceError> {
    if !desk
        .store
        .read_here(|db| queue::is_callback_due(db, None))?
    {
        return Ok(false);
    }
    let secret = Arc::clone(&desk.secret);
    let due = desk
        .store
        .write_here(move |db| queue::due_callbacks(db, &secret, None, SHARE as i64))?;
    let failed = Mutex::new(None);
    thread::scope(|scope| {
        for callback in &due {
            let failed = &failed;
            beside(scope, move || {
                if let Err(error) = tell_one(desk, agent, callback) {
                    *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.map_or(Ok(true), Err)
}

/// Sends it, signed: `Rescind-Signature: t=TIME,v1=HMAC`, the HMAC-SHA256 of the time, a dot and the
/// body under the desk's callback key.
fn send(desk: &Desk, agent: &Agent, callback: &Callback) -> Result<(), &'static str> {
    let at = now();
    let signed = format!("{at}.{}", callback.body);
    let signature = desk.secret.sign_callback(signed.as_bytes());
    let sent = agent
        .post(&callback.url)
        .header("Content-Type", "application/json")
        .header("Rescind-Callback", &callback.id)
        .header("Rescind-Signature", format!("t={at},v1={signature}"))
        .send(&callback.body);
    // What went wrong in full may quote the address.
    match sent {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(_) => Err("another status than 2xx"),
        Err(ureq::Error::StatusCode(_)) => Err("another status than 2xx"),
        Err(ureq::Error::Timeout(_)) => Err("no answer in time"),
        Err(error) if reach::is_refused(&error) => Err("a private address"),
        Err(_) => Err("not reached"),
    }
}

/// Tells operators of what will soon be due, once.
fn look_at_deadlines(desk: &Arc<Desk>) -> Result<(), ServiceError> {
    for model in desk.store.read_here(queue::list_models)? {
        let within = i64::from(model.policy.deadline.tell_seconds);
        let (secret, alerts) = (Arc::clone(&desk.secret), desk.settings.alerts.clone());
        let name = model.name.clone();
        // Few at a time: those who ask meanwhile wait as long as one of these transactions.
        while desk.store.read_here({
            let name = name.clone();
            move |db| queue::is_due_soon(db, &name, within)
        })? {
            let (secret, alerts, name) = (Arc::clone(&secret), alerts.clone(), name.clone());
            desk.store.write_here(move |db| {
                for request in queue::due_soon(db, &name, within)? {
                    let due = crate::clock::rfc3339(request.due_at);
                    let (id, url) = (&request.id, alerts.as_deref());
                    crate::audit::append(db, &secret, "desk", "due_soon", id, &due)?;
                    queue::enqueue_alert(db, &secret, url, "due_soon", id, &due)?;
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}
