//! A worker in a program that has models which the desk's own processes do not: the same queue, the
//! same rules, and the program opens the runs.

use super::holding::{KEPT, claim, give_back};
use super::lease::Heart;
use super::task::{self, Task};
use super::turn::Turn;
use crate::desk::Desk;
use crate::error::ServiceError;
use crate::known_run::expect_known;
use crate::queue::{self, Claim, ModelRow};
use crate::settings::Settings;
use crate::words::{said, told};
use rescind::{Code, Run};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A run is kept open for so many times as long as it took to open,
const KEPT_PER_OPENING: u32 = 10;
/// and no longer than this.
const LONGEST_KEPT: Duration = Duration::from_secs(300);

/// A model that the worker has, until it gives it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Its name.
    pub model: String,
    /// Its run's folder.
    pub folder: PathBuf,
}

/// A worker for models that the caller opens the runs of. One model at a time:
/// [`claim`](Self::claim), then [`look`](Self::look) and [`step`](Self::step) by turns until nothing is
/// next, then [`give_back`](Self::give_back). Its lease is renewed meanwhile, by a thread of its own; of
/// one that dies another takes the place.
pub struct OutsideWorker {
    desk: Arc<Desk>,
    name: String,
    heart: Heart,
    models: Vec<String>,
    stays: bool,
    holds: Option<Held>,
}

struct Held {
    claim: Claim,
    turn: Turn,
    claimed: Instant,
    is_open: bool,
    next: Option<(ModelRow, Task)>,
}

impl OutsideWorker {
    /// A worker of the desk that `settings` name, which may be running, for these models. With `stays`
    /// it keeps a run open for a while where nothing is left to do.
    ///
    /// # Errors
    /// No desk there; a model that is not registered; a key or a database that cannot be used.
    pub fn open(
        settings: Settings,
        models: Vec<String>,
        stays: bool,
    ) -> Result<Self, ServiceError> {
        let desk = Desk::open_beside(settings)?;
        let known = desk.store.read_here(queue::list_models)?;
        let is_known = |name: &String| known.iter().any(|model| model.name == *name);
        if let Some(unknown) = models.iter().find(|name| !is_known(name)) {
            let message = format!(
                "the desk has no model {unknown:?}: register its run first, by rescind serve --model \
                 {unknown}=RUN or POST /v1/models"
            );
            return Err(ServiceError::refused(Code::UnknownModel, message));
        }
        let name = crate::secret::fresh_name()?;
        Ok(Self {
            heart: Heart::start(&desk, &name)?,
            desk,
            name,
            models,
            stays,
            holds: None,
        })
    }

    /// Takes one of its models that nobody works on and for which there is something to do, if there is
    /// one. Of a run that is gone, or is another, operators are told, and the next model is taken.
    ///
    /// # Errors
    /// The database.
    pub fn claim(&mut self) -> Result<Option<Claimed>, ServiceError> {
        for model in &self.models {
            let Some(claim) = claim(&self.desk, &self.name, Some(model))? else {
                continue;
            };
            self.heart.holds(Some(&claim.model.name));
            let kept = match self.stays {
                true => KEPT,
                false => Duration::ZERO,
            };
            let turn = match Turn::begin(&self.desk, &claim, kept) {
                Ok(turn) => turn,
                Err(error) => {
                    self.heart.holds(None);
                    self.desk.tell_of(&claim.model.name, &error);
                    let went = (error.code().to_string(), said(&error));
                    give_back(&self.desk, claim, Err(went))?;
                    continue;
                }
            };
            let claimed = Claimed {
                model: claim.model.name.clone(),
                folder: claim.model.folder.clone(),
            };
            self.holds = Some(Held {
                claim,
                turn,
                claimed: Instant::now(),
                is_open: false,
                next: None,
            });
            return Ok(Some(claimed));
        }
        Ok(None)
    }

    /// Whether there is something to do with the model it has, which [`step`](Self::step) does. Waits
    /// for a while where its run is open and nothing is left to do.
    ///
    /// # Errors
    /// It has no model; the database.
    pub fn look(&mut self) -> Result<bool, ServiceError> {
        let held = self.holds.as_mut().ok_or_else(has_none)?;
        let known = held.next.take();
        held.next = held.turn.next(held.is_open, known, Some(&self.models))?;
        Ok(held.next.is_some())
    }

    /// Does what is next, with the model's run.
    ///
    /// # Errors
    /// The run of another folder, or another run than the desk knows; whatever the run says that may pass: the caller closes the run, and
    /// gives the model back with it. What it says for good is written down, and no error.
    pub fn step(&mut self, run: &mut Run) -> Result<(), ServiceError> {
        let held = self.holds.as_mut().ok_or_else(has_none)?;
        let Some((model, task)) = held.next.take() else {
            return Ok(());
        };
        if !held.is_open {
            let is_own = run.root().canonicalize().is_ok_and(|at| at == model.folder);
            if !is_own {
                let message = format!(
                    "the run in {} was opened for model {}, whose run is in {}: open that one",
                    run.root().display(),
                    model.name,
                    model.folder.display()
                );
                return Err(ServiceError::refused(Code::OtherModel, message));
            }
            expect_known(&model, run.ledger().history())?;
            held.is_open = true;
            if self.stays {
                let opening = held.claimed.elapsed() * KEPT_PER_OPENING;
                held.turn.keep(opening.clamp(KEPT, LONGEST_KEPT));
            }
        }
        held.next = task::perform(&self.desk, &model, run, task)?;
        Ok(())
    }

    /// Gives the model back: all went well, or something went wrong, by a stable code and in words. It is
    /// tried again after a pause then, unless the desk is [`end`](Self::end)ing. Words that may carry what
    /// weights or records decided are left out: those of `model_failed` are the caller's to choose.
    ///
    /// # Errors
    /// The database.
    pub fn give_back(&mut self, went: Result<(), (String, String)>) -> Result<(), ServiceError> {
        let Some(held) = self.holds.take() else {
            return Ok(());
        };
        self.heart.holds(None);
        let until = held.turn.rests_until();
        give_back(&self.desk, held.claim, went.map(|()| until).map_err(public))
    }

    /// Has it end: what goes wrong from here on is no trouble of a model's.
    pub fn end(&self) {
        self.desk.end();
    }
}

/// What of a code and words goes out. Of what a model raised, the caller says what may.
fn public((code, words): (String, String)) -> (String, String) {
    let mut all = Code::ALL.iter();
    let words = match all.find(|known| known.as_str() == code) {
        Some(Code::ModelFailed) => words,
        Some(&known) => told(known, &words),
        None => Code::ModelFailed.meaning().to_owned(),
    };
    (code, words)
}

fn has_none() -> ServiceError {
    ServiceError::refused(
        Code::Setting,
        "the worker has no model: claim one before anything is done",
    )
}
