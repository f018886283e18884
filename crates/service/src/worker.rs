//! Workers: each takes a model that nobody works on, and does what waits for it.

mod answering;
mod endings;
mod lease;
mod releasing;
mod timing;

use crate::clock::now;
use crate::desk::Desk;
use crate::error::ServiceError;
use crate::queue::{self, Claim, ModelRow};
use lease::Heart;
use rescind::Run;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How long a worker sleeps where there is nothing to do.
const SLEEP: Duration = Duration::from_millis(50);
/// How long it goes on with one model while others wait.
const TURN: Duration = Duration::from_secs(10);
/// How long it keeps a run open that has nothing to do while no other has, as opening one may take
/// longer than an answer. Until then other programs are told that the run is in use.
const KEPT: Duration = Duration::from_secs(3);
/// How often it looks meanwhile.
const GLANCE: Duration = Duration::from_millis(15);

/// A worker of this process.
pub(crate) struct Worker {
    desk: Arc<Desk>,
    /// Unlike any other worker's.
    name: String,
    heart: Heart,
}

/// What is to be done with a model next.
enum Next {
    /// More at once.
    More,
    /// Nothing before this time.
    Rest(i64),
}

impl Worker {
    /// A worker of a desk.
    pub fn new(desk: &Arc<Desk>) -> Result<Self, ServiceError> {
        let name = crate::secret::fresh_name()?;
        Ok(Self {
            heart: Heart::start(desk, &name)?,
            desk: Arc::clone(desk),
            name,
        })
    }

    /// Works until the desk ends.
    pub fn work(self) {
        while !self.desk.is_ending() {
            match self.turn() {
                Ok(true) => {}
                Ok(false) => thread::sleep(SLEEP),
                Err(error) => {
                    self.desk.tell_of("desk", &error);
                    thread::sleep(20 * SLEEP);
                }
            }
        }
    }

    /// Takes a model, if one waits, and works on it for a while.
    fn turn(&self) -> Result<bool, ServiceError> {
        // Looked for without writing: an idle desk leaves the disk alone.
        if !self.others_wait()? {
            return Ok(false);
        }
        let name = self.name.clone();
        let claimed = self
            .desk
            .store
            .write_here(move |db| queue::claim(db, &name))?;
        let Some(claim) = claimed else {
            return Ok(false);
        };
        self.heart.holds(Some(&claim.model.name));
        // Closed on the way out, also where something went wrong: opened afresh, a run finishes or
        // undoes whatever was half done.
        let done = self.work_on(&claim);
        self.heart.holds(None);
        self.give_back(claim, done)?;
        Ok(true)
    }

    /// Whether there is a model that nobody works on and that has something to do.
    fn others_wait(&self) -> Result<bool, ServiceError> {
        self.desk.store.read_here(queue::is_work)
    }

    fn work_on(&self, claim: &Claim) -> Result<i64, ServiceError> {
        let (began, mut used) = (Instant::now(), Instant::now());
        let mut run = None;
        releasing::notice_releases(&self.desk, claim)?;
        while !self.desk.is_ending() {
            match self.step(&claim.model.name, &mut run)? {
                Next::More => {
                    used = Instant::now();
                    if began.elapsed() > TURN && self.others_wait()? {
                        return Ok(now());
                    }
                }
                Next::Rest(until) => {
                    if run.is_none() || used.elapsed() > KEPT || self.others_wait()? {
                        return Ok(until);
                    }
                    thread::sleep(GLANCE);
                }
            }
        }
        Ok(now())
    }

    /// The one thing that is most urgent.
    fn step(&self, name: &str, run: &mut Option<Run>) -> Result<Next, ServiceError> {
        let (name, secret) = (name.to_owned(), Arc::clone(&self.desk.secret));
        let (model, batch, order, found) = self.desk.store.read_here(move |db| {
            Ok((
                queue::model(db, &name)?,
                queue::open_batch(db, &secret, &name)?,
                queue::next_order(db, &name)?,
                queue::waiting(db, &name)?,
            ))
        })?;
        if let Some(batch) = batch {
            answering::answer(&self.desk, &model, opened(run, &model)?, &batch)?;
        } else if let Some(order) = order {
            releasing::make_ordered(&self.desk, &model, opened(run, &model)?, &order)?;
        } else if timing::answers_now(&model.policy, &found, now()) {
            answering::begin(&self.desk, &model, opened(run, &model)?)?;
        } else if timing::releases_now(&model, &found, now()) {
            releasing::make_due(&self.desk, &model, opened(run, &model)?)?;
        } else {
            return Ok(Next::Rest(timing::next_look(&model, &found, now())));
        }
        Ok(Next::More)
    }

    fn give_back(&self, claim: Claim, done: Result<i64, ServiceError>) -> Result<(), ServiceError> {
        let ending = self.desk.is_ending();
        if let (Err(error), false) = (&done, ending) {
            self.desk.tell_of(&claim.model.name, error);
        }
        let outcome = done.map_err(|error| (error.code().to_string(), error.to_string()));
        self.desk.store.write_here(move |db| {
            let (model, worker) = (&claim.model.name, &claim.worker);
            match &outcome {
                Ok(until) => queue::rest(db, model, worker, *until),
                Err(_) if ending => queue::yield_up(db, model, worker),
                Err((code, detail)) => queue::trouble(db, &claim, code, detail),
            }
        })
    }
}

/// The run of a model, opened unless it is.
fn opened<'a>(run: &'a mut Option<Run>, model: &ModelRow) -> Result<&'a mut Run, ServiceError> {
    match run {
        Some(run) => Ok(run),
        None => Ok(run.insert(Run::open(&model.folder)?)),
    }
}
