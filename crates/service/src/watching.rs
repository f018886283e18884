//! Looking at the runs of models, however little is asked of them.

use crate::desk::Desk;
use crate::error::ServiceError;
use crate::known_run::expect_known;
use crate::notice::Notice;
use crate::promise_kept::note_promise;
use crate::queue::{self, ModelRow};
use crate::registering::trained;
use crate::secret::fresh_name;
use crate::store::Connection;
use crate::words::said;
use crate::worker::notice_releases;
use rescind::Error;
use rescind::ledger::{History, Ledger};
use std::sync::Arc;

/// Looks at the runs of the models that this process works on. Of one that is gone, or that another has
/// taken the place of, operators are told, once; and so where the policy's promise is broken, by a release
/// that was made beside the desk, or as the policy became another.
pub(crate) fn watch(desk: &Arc<Desk>) -> Result<(), ServiceError> {
    if desk.settings.workers == 0 {
        return Ok(());
    }
    let mut all = Ok(());
    for model in desk.store.read_here(queue::list_models)? {
        // What is wrong with one keeps nobody from looking at the next.
        all = watch_one(desk, &model).and(all);
    }
    all
}

fn watch_one(desk: &Arc<Desk>, model: &ModelRow) -> Result<(), ServiceError> {
    let looked = look(model);
    // Its own program finds out what is wrong with its run, which may lie on another machine.
    if model.outside {
        return match looked {
            Ok(Some(history)) => note_promise(desk, &model.name, &history),
            _ => Ok(()),
        };
    }
    let gone = match looked {
        Ok(Some(history)) => {
            let newest = history.releases().last();
            if newest.is_some_and(|newest| newest.number > model.released as u64) {
                notice(desk, model)?;
            }
            note_promise(desk, &model.name, &history)?;
            None
        }
        // Being written: the next look is soon.
        Ok(None) => return Ok(()),
        Err(error) if queue::passes(error.code().as_str()) => return Ok(()),
        Err(error) => Some((error.code().to_string(), said(&error))),
    };
    if gone.is_none() && model.trouble.is_none() {
        return Ok(());
    }
    let (secret, alerts) = (Arc::clone(&desk.secret), desk.settings.alerts.clone());
    let (name, found) = (model.name.clone(), gone.clone());
    let news = desk.store.write_here(move |db| {
        let found = found.as_ref();
        let found = found.map(|(code, detail)| (&**code, &**detail));
        queue::watched(db, &secret, alerts.as_deref(), &name, found)
    })?;
    if let Some((code, detail)) = gone.filter(|_| news) {
        let of = model.name.clone();
        desk.tell(&Notice::Trouble { of, code, detail });
    }
    Ok(())
}

/// What a run's ledger has; none where it is being written.
fn look(model: &ModelRow) -> Result<Option<History>, ServiceError> {
    trained(&model.folder)?;
    let ledger = Ledger::open_as_it_lies(&model.folder).map_err(Error::from)?;
    let Some(ledger) = ledger else {
        return Ok(None);
    };
    expect_known(model, ledger.history())?;
    Ok(Some(ledger.history().clone()))
}

/// Writes down what was released beside the desk, as whoever works on the model would: one process at a
/// time, so that it is told once.
fn notice(desk: &Arc<Desk>, model: &ModelRow) -> Result<(), ServiceError> {
    let (worker, name) = (fresh_name()?, model.name.clone());
    let claimed = move |db: &mut Connection| queue::claim_idle(db, &worker, &name);
    let Some(claim) = desk.store.write_here(claimed)? else {
        return Ok(());
    };
    let noticed = notice_releases(desk, &claim);
    desk.store
        .write_here(move |db| queue::yield_up(db, &claim.model.name, &claim.worker))?;
    noticed
}
