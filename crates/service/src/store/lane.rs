//! A thread with a connection, which does what waits for it in one transaction.

use super::connection::{Connection, Place};
use crate::error::ServiceError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::oneshot;

/// What the work of a lane may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// The most work done in one transaction: no more waits for a commit than takes about as long.
const MOST: usize = 256;
/// How often work is done again where the database was not to be had, and how long is waited
/// between: two seconds in all, besides what the database itself waits for a lock; then whoever asked is told.
const ATTEMPTS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(125);

/// Where to send work.
#[derive(Clone)]
pub(super) struct Lane {
    jobs: Sender<Box<dyn Job>>,
    fails: Arc<AtomicBool>,
    name: &'static str,
    thread: Arc<JoinHandle<()>>,
}

/// Work, and whom to tell.
trait Job: Send {
    /// Does it, inside a transaction. Whatever it did is undone where this fails.
    fn work(&mut self, connection: &mut Connection) -> Result<(), ServiceError>;
    /// Tells whoever asked: what the work gave, which is on the disk, or what went wrong.
    fn tell(self: Box<Self>, done: Result<(), ServiceError>);
}

struct Work<T, F> {
    work: F,
    given: Option<T>,
    asked: oneshot::Sender<Result<T, ServiceError>>,
}

impl<T: Send, F> Job for Work<T, F>
where
    F: Fn(&mut Connection) -> Result<T, ServiceError> + Send,
{
    fn work(&mut self, connection: &mut Connection) -> Result<(), ServiceError> {
        self.given = Some((self.work)(connection)?);
        Ok(())
    }

    fn tell(self: Box<Self>, done: Result<(), ServiceError>) {
        let given = match (done, self.given) {
            (Ok(()), Some(given)) => Ok(given),
            (Ok(()), None) => Err(gone()),
            (Err(error), _) => Err(error),
        };
        // Whoever asked may have gone.
        let _ = self.asked.send(given);
    }
}

/// The thread has ended, which it does only when the desk does.
pub(super) fn gone() -> ServiceError {
    ServiceError::Queue {
        action: "is closed",
        reason: "the desk is ending; ask again once it has started".to_owned(),
        passing: false,
    }
}

impl Lane {
    /// Starts a lane on an open connection; a lost one is opened again.
    pub fn start(
        place: &Place,
        connection: Connection,
        access: Access,
        name: &'static str,
    ) -> Result<Self, ServiceError> {
        let (sender, receiver) = channel();
        let place = place.clone();
        let fails = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&fails);
        let serve = move || serve(&place, connection, access, &receiver, &told);
        let started = thread::Builder::new().name(name.to_owned()).spawn(serve);
        let thread = Arc::new(started.map_err(|error| ServiceError::no_thread(&error))?);
        Ok(Self {
            jobs: sender,
            fails,
            name,
            thread,
        })
    }

    /// Its name, where it has ended by a fault of the program: otherwise it ends no sooner than the desk.
    pub fn lost(&self) -> Option<&'static str> {
        self.thread.is_finished().then_some(self.name)
    }

    /// Whether the database refused some of the last work.
    pub fn fails(&self) -> bool {
        self.fails.load(Ordering::Relaxed)
    }

    /// Sends work; what it gives comes back once it is on the disk.
    pub fn send<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Connection) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, ServiceError>>, ServiceError> {
        let (asked, answer) = oneshot::channel();
        let work = Work {
            work,
            given: None,
            asked,
        };
        self.jobs.send(Box::new(work)).map_err(|_| gone())?;
        Ok(answer)
    }
}

fn serve(
    place: &Place,
    first: Connection,
    access: Access,
    waiting: &Receiver<Box<dyn Job>>,
    fails: &AtomicBool,
) {
    let file = first.file().cloned();
    let mut connection = Some(first);
    while let Ok(job) = waiting.recv() {
        let mut jobs = vec![job];
        jobs.extend(waiting.try_iter().take(MOST - 1));
        let mut attempt = 1;
        let done = loop {
            let done = match &mut connection {
                Some(connection) => together(connection, access, &mut jobs),
                None => Connection::open_again(place, file.as_ref())
                    .and_then(|opened| together(connection.insert(opened), access, &mut jobs)),
            };
            match done {
                Err(ServiceError::Queue { passing: true, .. }) if attempt < ATTEMPTS => {
                    connection = None;
                    thread::sleep(PAUSE * attempt);
                    attempt += 1;
                }
                done => break done,
            }
        };
        let refused =
            |outcome: &Result<(), ServiceError>| matches!(outcome, Err(ServiceError::Queue { .. }));
        let failed = done.as_ref().map_or(true, |done| done.iter().any(refused));
        fails.store(failed, Ordering::Relaxed);
        match done {
            Ok(outcomes) => {
                for (job, outcome) in jobs.into_iter().zip(outcomes) {
                    job.tell(outcome);
                }
            }
            Err(error) => {
                connection = None;
                let (action, reason) = match &error {
                    ServiceError::Queue { action, reason, .. } => (*action, reason.clone()),
                    error => ("could not be used", error.to_string()),
                };
                for job in jobs {
                    let reason = reason.clone();
                    job.tell(Err(ServiceError::Queue {
                        action,
                        reason,
                        passing: true,
                    }));
                }
            }
        }
    }
}

/// Does all of it in one transaction, in which each part stands or falls by itself.
fn together(
    connection: &mut Connection,
    access: Access,
    jobs: &mut [Box<dyn Job>],
) -> Result<Vec<Result<(), ServiceError>>, ServiceError> {
    let begin = match (access, connection.is_of_server()) {
        (Access::Read, true) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        (Access::Read, false) => "BEGIN",
        // One writer at a time, as in a file: where a request stands follows from all its models, and
        // two processes that wrote side by side would each miss what the other did.
        (Access::Write, true) => "BEGIN; SELECT pg_advisory_xact_lock(72657364)",
        (Access::Write, false) => "BEGIN IMMEDIATE",
    };
    connection.expect_in_place()?;
    connection.batch(begin)?;
    let mut outcomes = Vec::new();
    for job in jobs {
        connection.batch("SAVEPOINT part")?;
        let outcome = job.work(connection);
        match outcome {
            Ok(()) => connection.batch("RELEASE part")?,
            // The transaction itself cannot go on.
            Err(error @ ServiceError::Queue { passing: true, .. }) => {
                let _ = connection.batch("ROLLBACK");
                return Err(error);
            }
            Err(_) => connection.batch("ROLLBACK TO part; RELEASE part")?,
        }
        outcomes.push(outcome);
    }
    let committed = connection
        .expect_in_place()
        .and_then(|()| connection.batch("COMMIT"));
    committed.inspect_err(|_| {
        let _ = connection.batch("ROLLBACK");
    })?;
    Ok(outcomes)
}
