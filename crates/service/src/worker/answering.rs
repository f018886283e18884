//! Answering requests: a batch is written down, asked of the run, and its answer written down.

use super::endings::{Ending, ending, splits};
use super::looking::{Seen, known, nothing, see};
use super::releasing::note;
use super::timing;
use crate::clock::now;
use crate::desk::Desk;
use crate::error::ServiceError;
use crate::notice::Notice;
use crate::policy::{Fallback, When};
use crate::promise_kept::note_promise;
use crate::queue::{self, Asked, Batch, ModelRow, Outcome, Which};
use crate::words::said_by_run;
use rescind::methods::MethodChoice;
use rescind::{Progress, Request, Run};
use std::ops::ControlFlow;
use std::sync::Arc;

/// How many parts are written down in one transaction.
const CHUNK: usize = 50;

/// Looks at what waits, one by one: what the run has nothing of is done, the rest becomes a batch.
pub(super) fn begin(
    desk: &Arc<Desk>,
    model: &ModelRow,
    run: &Run,
    which: Which,
) -> Result<(), ServiceError> {
    let (name, secret) = (model.name.clone(), Arc::clone(&desk.secret));
    let most = i64::from(model.policy.batch.at_most);
    let members = desk
        .store
        .read_here(move |db| queue::next(db, &secret, &name, most, which))?;
    let seen = see(model, run, members)?;
    // Few at a time: those who ask meanwhile wait as long as one of these transactions.
    for some in seen.dropped.chunks(CHUNK) {
        let (name, secret) = (model.name.clone(), Arc::clone(&desk.secret));
        let (some, url, known) = (some.to_vec(), desk.settings.alerts.clone(), model.clone());
        // What is gone is so by the ledger as it is now.
        let ledger = run.ledger().history().head();
        desk.store.write_here(move |db| {
            queue::expect_same(db, &known)?;
            queue::remember_ledger(db, &name, &ledger)?;
            for (request, outcome, code, detail) in &some {
                let why = (code.as_str(), &**detail);
                queue::drop_part(db, &secret, request, &name, *outcome, why)?;
                if *outcome == Outcome::Held {
                    let detail = format!("request {request}: {detail}");
                    queue::enqueue_alert(db, &secret, url.as_deref(), "held", &name, &detail)?;
                }
            }
            Ok(())
        })?;
    }
    if seen.found.is_empty() {
        return Ok(());
    }
    let (known, secret) = (model.clone(), Arc::clone(&desk.secret));
    let id = crate::secret::fresh_name()?;
    let composed = desk.store.write_here(move |db| {
        queue::expect_same(db, &known)?;
        queue::compose(db, &secret, &id, &known.name, &seen.asked, &seen.found)
    });
    composed.map(drop)
}

/// The batch that follows another at once, with the model as it is now: written down with the answer
/// before it, it costs no wait for the disk of its own. None where something else comes first.
fn following(
    desk: &Arc<Desk>,
    model: &ModelRow,
    run: &Run,
) -> Result<Option<(ModelRow, Seen)>, ServiceError> {
    let (known, secret) = (model.clone(), Arc::clone(&desk.secret));
    let found = desk.store.read_here(move |db| {
        let name = &known.name;
        queue::expect_same(db, &known)?;
        let model = queue::model(db, name)?;
        // Whose count is yet to be found out waits for the next look.
        if timing::gathers(&model.policy) {
            return Ok(None);
        }
        let found = queue::waiting(db, name, timing::counted_to(&model.policy), false)?;
        let answers = timing::answers_now(&model.policy, &found, now());
        let others = queue::next_order(db, name)?.is_some() || queue::open_batches(db, name)? > 1;
        if !answers || others {
            return Ok(None);
        }
        let most = i64::from(model.policy.batch.at_most);
        let members = queue::next(db, &secret, name, most, Which::All)?;
        Ok(Some((model, members)))
    })?;
    let Some((model, members)) = found.filter(|_| !desk.is_ending()) else {
        return Ok(None);
    };
    let seen = see(&model, run, members)?;
    let whole = seen.dropped.is_empty() && !seen.found.is_empty();
    Ok(whole.then_some((model, seen)))
}

/// Asks the run what a batch asks, under the batch's name: asked again after a crash it gives the same
/// answer. The batch that follows, where it is made already.
pub(super) fn answer(
    desk: &Arc<Desk>,
    model: &ModelRow,
    run: &mut Run,
    batch: &Batch,
) -> Result<Option<(ModelRow, Batch)>, ServiceError> {
    let batch = &by_policy_now(desk, model, run, batch)?;
    let mut records = Vec::new();
    for member in &batch.members {
        records.extend(known(run, model, member)?);
    }
    let request = Request {
        records,
        method: batch.asked.method.clone(),
        release: batch.asked.release,
        key: Some(batch.id.clone()),
    };
    let mut watch = |_: &Progress| match desk.is_ending() {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    };
    let answer = match run.forget(&request, &mut watch) {
        Ok(answer) => answer,
        Err(error) => return go_on(desk, model, run, batch, error).map(|()| None),
    };
    let (record, release) = (
        answer.record,
        answer.release.map(|made| made.certificate.release),
    );
    let (known, secret, told) = (model.clone(), Arc::clone(&desk.secret), batch.clone());
    let ledger = run.ledger().history().head();
    // Where it cannot be told what follows, the next look tells why.
    let next = following(desk, model, run).ok().flatten();
    let id = crate::secret::fresh_name()?;
    let (covered, next) = desk.store.write_here(move |db| {
        queue::expect_same(db, &known)?;
        let name = &known.name;
        queue::answered(db, &secret, name, &told, record.number)?;
        queue::remember_ledger(db, name, &ledger)?;
        let covered = match release {
            Some(release) => queue::released(db, &secret, name, release)?,
            None => true,
        };
        let Some((model, next)) = &next else {
            return Ok((covered, None));
        };
        let batch = queue::compose(db, &secret, &id, name, &next.asked, &next.found)?;
        Ok((covered, batch.map(|batch| (model.clone(), batch))))
    })?;
    desk.tell(&Notice::Answered {
        model: model.name.clone(),
        requests: batch.members.len(),
        records: record.forgotten.len(),
        seconds: record.seconds,
    });
    match release {
        Some(release) if !covered => note(desk, model, &[release], run.ledger().history())?,
        Some(release) => {
            let name = model.name.clone();
            desk.tell(&Notice::Released {
                model: name,
                release,
            });
            note_promise(desk, &model.name, run.ledger().history())?;
        }
        None => {}
    }
    Ok(next)
}

/// A batch that releases as the policy says now, which may have become another since the batch was written
/// down. What the run has answered already is asked as it was.
fn by_policy_now(
    desk: &Arc<Desk>,
    model: &ModelRow,
    run: &Run,
    batch: &Batch,
) -> Result<Batch, ServiceError> {
    let now = match model.policy.release.when {
        When::Each => model.policy.release(),
        _ => None,
    };
    // One that was refused stays refused.
    let release = batch.asked.release.and(now);
    let ledger = run.ledger();
    let is_so = release == batch.asked.release;
    if is_so
        || ledger
            .answer_to_key(&batch.id)
            .map_err(rescind::Error::from)?
            .is_some()
    {
        return Ok(batch.clone());
    }
    let mut batch = batch.clone();
    batch.asked.release = release;
    let (id, asked) = (batch.id.clone(), batch.asked.clone());
    desk.store
        .write_here(move |db| queue::set_asked(db, &id, &asked))?;
    Ok(batch)
}

/// What follows where the run did not answer.
fn go_on(
    desk: &Arc<Desk>,
    model: &ModelRow,
    run: &Run,
    batch: &Batch,
    error: rescind::Error,
) -> Result<(), ServiceError> {
    let code = error.code();
    let (name, secret, told) = (model.name.clone(), Arc::clone(&desk.secret), batch.clone());
    let releases = batch.asked.release.is_some();
    match ending(code) {
        Ending::AskAgain | Ending::Later => Err(error.into()),
        // Of one that is alone it is known why; the others may each have a reason of their own.
        Ending::LookAgain if batch.members.len() == 1 => {
            let mut dropped = Vec::new();
            for member in &batch.members {
                let (outcome, code) = nothing(run, &known(run, model, member)?, code)?;
                dropped.push((member.request.clone(), outcome, code));
            }
            let model = model.clone();
            desk.store.write_here(move |db| {
                queue::expect_same(db, &model)?;
                queue::undo(db, &secret, &told)?;
                for (request, outcome, code) in &dropped {
                    let why = (code.as_str(), code.meaning());
                    queue::drop_part(db, &secret, request, &name, *outcome, why)?;
                }
                Ok(())
            })
        }
        Ending::WithoutRelease if releases => {
            // Once it is forgotten the release is tried by itself, and operators are told.
            let asked = Asked {
                release: None,
                ..batch.asked.clone()
            };
            desk.store.write_here(move |db| {
                queue::set_asked(db, &told.id, &asked)?;
                crate::audit::append(db, &secret, "desk", "release_refused", &name, code.as_str())
            })
        }
        Ending::OtherMethod if may_retrain(model, batch) => {
            let asked = Asked {
                method: Some(MethodChoice::named("retrain")),
                ..batch.asked.clone()
            };
            desk.store.write_here(move |db| {
                queue::set_asked(db, &told.id, &asked)?;
                crate::audit::append(db, &secret, "desk", "retrains", &name, code.as_str())
            })
        }
        Ending::LookAgain | Ending::Hold if batch.members.len() > 1 && splits(code) => {
            // One request may rule out all of them.
            let ids = [crate::secret::fresh_name()?, crate::secret::fresh_name()?];
            desk.store.write_here(move |db| {
                queue::split(db, &told, &ids)?;
                crate::audit::append(db, &secret, "desk", "batch_split", &name, code.as_str())
            })
        }
        Ending::LookAgain | Ending::WithoutRelease | Ending::OtherMethod | Ending::Hold => {
            let (detail, alerts) = (said_by_run(&error), desk.settings.alerts.clone());
            desk.tell(&Notice::Trouble {
                of: name.clone(),
                code: code.to_string(),
                detail: detail.clone(),
            });
            desk.store.write_here(move |db| {
                queue::held(db, &secret, &name, &told, code.as_str(), &detail)?;
                let which = match &told.members[..] {
                    [member] => format!("request {}: {detail}", member.request),
                    members => format!("{} requests: {detail}", members.len()),
                };
                queue::enqueue_alert(db, &secret, alerts.as_deref(), "held", &name, &which)
            })
        }
    }
}

fn may_retrain(model: &ModelRow, batch: &Batch) -> bool {
    let retrains = batch
        .asked
        .method
        .as_ref()
        .is_some_and(|method| method.name == "retrain");
    model.policy.fallback == Fallback::Retrain && !retrains
}
