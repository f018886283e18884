//! Workers: each takes a model that nobody works on, and does what waits for it.

mod answering;
mod endings;
mod gathering;
mod holding;
mod lease;
mod looking;
mod outside;
mod releasing;
mod task;
mod timing;
mod turn;

pub use outside::{Claimed, OutsideWorker};
pub(crate) use releasing::notice_releases;

use crate::desk::Desk;
use crate::error::ServiceError;
use crate::known_run::expect_known;
use crate::queue::{Claim, ModelRow};
use crate::words::said;
use holding::{KEPT, claim, give_back};
use lease::Heart;
use rescind::Run;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use turn::Turn;

/// How long a worker sleeps where there is nothing to do.
const SLEEP: Duration = Duration::from_millis(50);

/// A worker of this process, for models that compute in it.
pub(crate) struct Worker {
    desk: Arc<Desk>,
    /// Unlike any other worker's.
    name: String,
    heart: Heart,
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
        let Some(claim) = claim(&self.desk, &self.name, None)? else {
            return Ok(false);
        };
        self.heart.holds(Some(&claim.model.name));
        // Closed on the way out, also where something went wrong: opened afresh, a run finishes or
        // undoes whatever was half done.
        let done = self.work_on(&claim);
        self.heart.holds(None);
        let went = done.map_err(|error| {
            if !self.desk.is_ending() {
                self.desk.tell_of(&claim.model.name, &error);
            }
            (error.code().to_string(), said(&error))
        });
        give_back(&self.desk, claim, went)?;
        Ok(true)
    }

    fn work_on(&self, claim: &Claim) -> Result<i64, ServiceError> {
        let mut turn = Turn::begin(&self.desk, claim, KEPT)?;
        let (mut run, mut known) = (None, None);
        while let Some((model, task)) = turn.next(run.is_some(), known, None)? {
            known = task::perform(&self.desk, &model, opened(&mut run, &model)?, task)?;
        }
        Ok(turn.rests_until())
    }
}

/// The run of a model, opened unless it is: no other that lies in its folder.
fn opened<'a>(run: &'a mut Option<Run>, model: &ModelRow) -> Result<&'a mut Run, ServiceError> {
    match run {
        Some(run) => Ok(run),
        None => {
            let opened = Run::open(&model.folder)?;
            expect_known(model, opened.ledger().history())?;
            Ok(run.insert(opened))
        }
    }
}
