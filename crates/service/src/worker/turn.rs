//! A worker's turn at a model: until nothing is left to do, or others wait.

use super::holding::is_work;
use super::task::Task;
use super::{gathering, releasing, timing};
use crate::clock::now;
use crate::desk::Desk;
use crate::error::ServiceError;
use crate::queue::{self, Claim, ModelRow, Which};
use rescind::Code;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How long a worker goes on with one model while others wait.
const TURN: Duration = Duration::from_secs(10);
/// How often it looks while it keeps a run open that has nothing to do.
const GLANCE: Duration = Duration::from_millis(15);

/// What waits for a release that never comes is done, also where whoever set the policy died before all was.
fn end_waiting(desk: &Desk, name: &str) -> Result<(), ServiceError> {
    let of = name.to_owned();
    while desk.store.read_here({
        let of = of.clone();
        move |db| queue::waits_in_vain(db, &of)
    })? {
        let (of, secret) = (of.clone(), Arc::clone(&desk.secret));
        desk.store
            .write_here(move |db| queue::end_waiting(db, &secret, &of))?;
    }
    Ok(())
}

/// A model as it is now, what waits for it, and what is to be done first.
type Looked = (ModelRow, queue::Found, Option<Task>);

/// A turn.
pub(super) struct Turn {
    desk: Arc<Desk>,
    model: ModelRow,
    kept: Duration,
    began: Instant,
    used: Instant,
    until: i64,
}

impl Turn {
    /// Begins it. An open run that has nothing to do is kept for so long.
    pub fn begin(desk: &Arc<Desk>, claim: &Claim, kept: Duration) -> Result<Self, ServiceError> {
        releasing::notice_releases(desk, claim)?;
        end_waiting(desk, &claim.model.name)?;
        let began = Instant::now();
        Ok(Self {
            desk: Arc::clone(desk),
            model: claim.model.clone(),
            kept,
            began,
            used: began,
            until: 0,
        })
    }

    /// What is to be done next; where there is nothing and the run is open, waits for a while. `None`
    /// at its end. `known` is what comes next where that is known; `among` are the models that wait for
    /// the same worker, all that compute here if absent.
    pub fn next(
        &mut self,
        is_open: bool,
        mut known: Option<(ModelRow, Task)>,
        among: Option<&[String]>,
    ) -> Result<Option<(ModelRow, Task)>, ServiceError> {
        // What was done since the last look.
        self.used = Instant::now();
        let others_wait = || match among {
            None => is_work(&self.desk, None),
            Some(models) => models.iter().try_fold(false, |waits, model| {
                Ok(waits || is_work(&self.desk, Some(model))?)
            }),
        };
        while !self.desk.is_ending() {
            if self.began.elapsed() > TURN.max(self.kept) && others_wait()? {
                break;
            }
            if let Some(known) = known.take() {
                return Ok(Some(known));
            }
            let Some((model, found, task)) = self.look()? else {
                break;
            };
            if let Some(task) = task {
                return Ok(Some((model, task)));
            }
            if !is_open || self.used.elapsed() >= self.kept || others_wait()? {
                self.until = timing::next_look(&model, &found, now());
                return Ok(None);
            }
            thread::sleep(GLANCE);
        }
        self.until = now();
        Ok(None)
    }

    /// An open run that has nothing to do is kept for so long.
    pub fn keep(&mut self, kept: Duration) {
        self.kept = kept;
    }

    /// When the model is to be looked at again, once the turn has ended.
    pub fn rests_until(&self) -> i64 {
        self.until
    }

    /// The one thing that is most urgent; `None` where the model was taken away, or is another run now.
    fn look(&self) -> Result<Option<Looked>, ServiceError> {
        let (known, secret) = (self.model.clone(), Arc::clone(&self.desk.secret));
        let looked = self.desk.store.read_here(move |db| {
            if queue::expect_same(db, &known).is_err_and(|error| error.code() == Code::UnknownModel)
            {
                return Ok(None);
            }
            let name = &known.name;
            let model = queue::model(db, name)?;
            let most = timing::counted_to(&model.policy);
            Ok(Some((
                queue::open_batch(db, &secret, name)?,
                queue::next_order(db, name)?,
                queue::waiting(db, name, most, timing::gathers(&model.policy))?,
                model,
            )))
        })?;
        let Some((batch, order, mut found, model)) = looked else {
            return Ok(None);
        };
        let policy = &model.policy;
        let task = if let Some(batch) = batch {
            Some(Task::Answer(batch))
        } else if let Some(order) = order {
            Some(Task::Order(order))
        } else if let Some(which) = self.begins(&model, &mut found)? {
            Some(Task::Begin(which))
        } else if let Some(idle) = timing::idle_now(policy, &found, now()) {
            Some(Task::Begin(idle))
        } else if timing::releases_now(&model, &found, now()) {
            Some(Task::Release)
        } else {
            None
        };
        Ok(Some((model, found, task)))
    }

    /// Whether a batch is begun now, and of which. What is gathered is counted, where that decides, and
    /// found anew.
    fn begins(
        &self,
        model: &ModelRow,
        found: &mut queue::Found,
    ) -> Result<Option<Which>, ServiceError> {
        let policy = &model.policy;
        if !timing::answers_now(policy, found, now()) {
            return Ok(None);
        }
        if !timing::gathers(policy) {
            return Ok(Some(Which::All));
        }
        let full = gathering::is_full(&self.desk, model)?;
        let (name, most) = (model.name.clone(), timing::counted_to(policy));
        *found = self
            .desk
            .store
            .read_here(move |db| queue::waiting(db, &name, most, true))?;
        let begins = full || timing::is_time(policy, found, now());
        Ok(begins.then_some(Which::Gathered))
    }
}
