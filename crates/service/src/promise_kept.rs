//! Whether a model's releases keep what its policy promises.

use crate::desk::Desk;
use crate::error::ServiceError;
use crate::notice::Notice;
use crate::queue;
use rescind::Code;
use rescind::certificate::upward;
use rescind::ledger::History;
use rescind_privacy::Delta;
use rescind_privacy::accounting::Accountant;
use std::sync::Arc;

/// Tells operators where releases leave somebody with less than the policy promises, as it is now: it may
/// have become another while a release was made.
pub(crate) fn note_promise(
    desk: &Arc<Desk>,
    name: &str,
    history: &History,
) -> Result<(), ServiceError> {
    let of = name.to_owned();
    let model = desk.store.read_here(move |db| queue::model(db, &of))?;
    // Replaced since its ledger was read.
    let found = history.made().map(|made| made.identity().to_string());
    if model.withdrawn_at.is_some() || model.identity.is_some() && model.identity != found {
        return Ok(());
    }
    let newest = history.releases().last();
    let (Some(promise), Some(newest)) = (model.policy.promise, newest) else {
        return Ok(());
    };
    let delta = Delta::new(promise.delta).map_err(rescind::Error::from)?;
    // The oldest request was in every release since: nobody has less left.
    let spent = history.spent().epsilon(delta);
    let spent = spent.map_or(f64::INFINITY, |epsilon| epsilon.value());
    if spent <= promise.epsilon {
        return Ok(());
    }
    let detail = format!(
        "the first request stands at epsilon {} at delta {}, the policy promises {}: release \
         less often, or with more noise; a run trained anew without the records owes nothing",
        upward(spent),
        promise.delta,
        promise.epsilon
    );
    let (secret, alerts) = (Arc::clone(&desk.secret), desk.settings.alerts.clone());
    let (of, told, release) = (name.to_owned(), detail.clone(), newest.number);
    let news = desk.store.write_here(move |db| {
        let broken = (&promise, release);
        queue::promise_broken(db, &secret, alerts.as_deref(), &of, broken, &told)
    })?;
    if news {
        desk.tell(&Notice::Trouble {
            of: name.to_owned(),
            code: Code::Budget.to_string(),
            detail,
        });
    }
    Ok(())
}
