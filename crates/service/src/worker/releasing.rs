//! Making releases, and noticing those that were made beside the desk.

use super::endings::{Ending, ending};
use crate::audit;
use crate::desk::Desk;
use crate::error::ServiceError;
use crate::known_run::expect_known;
use crate::notice::Notice;
use crate::promise_kept::note_promise;
use crate::queue::{self, Claim, ModelRow, Order, OrderState};
use crate::words::said;
use rescind::ledger::{History, Ledger};
use rescind::{Code, ReleaseChoice, Run};
use std::sync::Arc;

/// What the run's ledger has that the desk does not know: releases of `rescind release`, or of a
/// worker that died before it could tell. Refuses another run than the model's.
pub(crate) fn notice_releases(desk: &Arc<Desk>, claim: &Claim) -> Result<(), ServiceError> {
    let model = &claim.model;
    let ledger = Ledger::open_as_it_lies(&model.folder).map_err(rescind::Error::from)?;
    // Being written now: the next look is soon.
    let Some(ledger) = ledger else {
        return Ok(());
    };
    let history = ledger.history();
    expect_known(model, history)?;
    if let (None, Some(made)) = (&model.identity, history.made()) {
        let (name, identity) = (model.name.clone(), made.identity().to_string());
        desk.store
            .write_here(move |db| queue::remember_run(db, &name, &identity))?;
    }
    let ledger = history.head();
    if model
        .ledger
        .as_ref()
        .is_none_or(|known| known.entries < ledger.entries)
    {
        let name = model.name.clone();
        desk.store
            .write_here(move |db| queue::remember_ledger(db, &name, &ledger))?;
    }
    let known = model.released as u64;
    let releases = history.releases().map(|release| release.number);
    let news: Vec<u64> = releases.filter(|&number| number > known).collect();
    match news.is_empty() {
        // The promise may have become another.
        true => note_promise(desk, &model.name, history),
        false => note(desk, model, &news, history),
    }
}

/// Writes releases down, and tells of them and of what they leave of the policy's promise.
pub(super) fn note(
    desk: &Arc<Desk>,
    model: &ModelRow,
    releases: &[u64],
    history: &History,
) -> Result<(), ServiceError> {
    for &release in releases {
        // Few at a time: those who ask meanwhile wait as long as one of these transactions.
        loop {
            let (known, secret) = (model.clone(), Arc::clone(&desk.secret));
            let ledger = history.head();
            let all = desk.store.write_here(move |db| {
                queue::expect_same(db, &known)?;
                queue::remember_ledger(db, &known.name, &ledger)?;
                queue::released(db, &secret, &known.name, release)
            })?;
            if all {
                break;
            }
        }
        let model = model.name.clone();
        desk.tell(&Notice::Released { model, release });
    }
    note_promise(desk, &model.name, history)
}

/// Makes the release that the policy has made now. A refusal is the operator's to see to.
pub(super) fn make_due(
    desk: &Arc<Desk>,
    model: &ModelRow,
    run: &mut Run,
) -> Result<(), ServiceError> {
    let Some(choice) = model.policy.release() else {
        return refuse(
            desk,
            model,
            Code::NoNoise,
            "the policy says nothing of noise",
        );
    };
    match release(desk, model, run, &choice) {
        Ok(_) => Ok(()),
        Err(error) => match ending(error.code()) {
            Ending::AskAgain | Ending::Later => Err(error),
            _ => {
                desk.tell_of(&model.name, &error);
                refuse(desk, model, error.code(), &said(&error))
            }
        },
    }
}

fn refuse(
    desk: &Arc<Desk>,
    model: &ModelRow,
    code: Code,
    detail: &str,
) -> Result<(), ServiceError> {
    loop {
        let (known, secret, detail) = (model.clone(), Arc::clone(&desk.secret), detail.to_owned());
        let alerts = desk.settings.alerts.clone();
        let all = desk.store.write_here(move |db| {
            queue::expect_same(db, &known)?;
            let (name, url) = (&known.name, alerts.as_deref());
            let all = queue::not_released(db, &secret, name, code.as_str(), &detail)?;
            if all {
                queue::enqueue_alert(db, &secret, url, "not_released", name, &detail)?;
            }
            Ok(all)
        })?;
        if all {
            return Ok(());
        }
    }
}

/// Makes the release that an operator has ordered; after a crash, finds out whether it was made.
pub(super) fn make_ordered(
    desk: &Arc<Desk>,
    model: &ModelRow,
    run: &mut Run,
    order: &Order,
) -> Result<(), ServiceError> {
    let newest = run.ledger().history().releases().last();
    let newest = newest.map_or(0, |release| release.number);
    let begun = order.state == OrderState::Making;
    let made = match begun && order.before.is_some_and(|before| newest > before as u64) {
        true => {
            note(desk, model, &[newest], run.ledger().history())?;
            Ok(newest)
        }
        false => {
            let id = order.id.clone();
            desk.store
                .write_here(move |db| queue::begin_order(db, &id, newest))?;
            // It may have waited while the promise became another.
            release(desk, model, run, &model.policy.holding(order.asked))
        }
    };
    let made = match made {
        Err(error) if matches!(ending(error.code()), Ending::AskAgain | Ending::Later) => {
            return Err(error);
        }
        made => made.map_err(|error| (error.code(), said(&error))),
    };
    let (order, name) = (order.id.clone(), model.name.clone());
    let (secret, alerts) = (Arc::clone(&desk.secret), desk.settings.alerts.clone());
    desk.store.write_here(move |db| {
        let made = match &made {
            Ok(release) => Ok(*release),
            Err((code, detail)) => {
                let said = format!("order {order}: {code}: {detail}");
                audit::append(db, &secret, "desk", "not_released", &name, &said)?;
                let url = alerts.as_deref();
                queue::enqueue_alert(db, &secret, url, "not_released", &name, &said)?;
                Err((code.as_str(), &**detail))
            }
        };
        queue::end_order(db, &order, made)
    })
}

fn release(
    desk: &Arc<Desk>,
    model: &ModelRow,
    run: &mut Run,
    choice: &ReleaseChoice,
) -> Result<u64, ServiceError> {
    let made = run.release(choice, &mut ())?;
    let release = made.certificate.release;
    note(desk, model, &[release], run.ledger().history())?;
    Ok(release)
}
