//! Which of what waits makes up a batch: requests that each bring records to forget that no other brings.

use crate::desk::Desk;
use crate::error::ServiceError;
use crate::known_run::expect_identity;
use crate::queue::{self, Brings, Member, ModelRow};
use rescind::{Code, HeldNow, Holdings};
use rescind_data::{RecordRequest, Selection};
use std::sync::Arc;

/// How many requests are looked at, and written down, at once.
const CHUNK: i64 = 50;

/// Whether as many count as the policy gathers. Each request is looked at once, and again after an answer
/// of the run, as it may have taken out what the request names.
pub(super) fn is_full(desk: &Arc<Desk>, model: &ModelRow) -> Result<bool, ServiceError> {
    let holdings = Holdings::of_run(&model.folder)?;
    let Some(now) = holdings.now()? else {
        return Err(ServiceError::refused(
            Code::Busy,
            "the run's ledger is being written: it is looked at again in a moment",
        ));
    };
    expect_identity(model, &now.identity().to_string())?;
    let (answer, most) = (now.answers() as i64, i64::from(model.policy.batch.at_least));
    let (name, secret) = (model.name.clone(), Arc::clone(&desk.secret));
    let known = desk
        .store
        .read_here(move |db| queue::that_count(db, &secret, &name, answer, most))?;
    let mut count = known.len() as i64;
    let mut brought = None;
    for member in &known {
        add(&mut brought, brings(&now, model, member)?)?;
    }
    while count < most && !desk.is_ending() {
        let (name, secret) = (model.name.clone(), Arc::clone(&desk.secret));
        let members = desk
            .store
            .read_here(move |db| queue::to_be_looked_at(db, &secret, &name, answer, CHUNK))?;
        if members.is_empty() {
            break;
        }
        let mut found = Vec::new();
        for member in members {
            let records = brings(&now, model, &member)?;
            let what = match records.is_empty() {
                true => Brings::Nothing,
                false if add(&mut brought, records)? => Brings::New,
                false => Brings::Again,
            };
            count += i64::from(what == Brings::New);
            found.push((member.request, what));
        }
        let known = model.clone();
        desk.store.write_here(move |db| {
            queue::expect_same(db, &known)?;
            for (request, what) in &found {
                queue::looked_at(db, &known.name, request, answer, *what)?;
            }
            Ok(())
        })?;
    }
    Ok(count >= most)
}

/// The records a request names that are trained on; none where the run cannot say.
fn brings(now: &HeldNow<'_>, model: &ModelRow, member: &Member) -> Result<Selection, ServiceError> {
    let named = member.named.of_model(&model.name);
    // A draw is answered, and differs each time: it counts for nothing.
    let named = named.into_iter();
    let named: Vec<_> = named
        .filter(|asked| !matches!(asked, RecordRequest::Random { .. }))
        .collect();
    match now.trained_on(&named) {
        Ok(records) => Ok(records),
        // What it names is not there: nothing would be answered of it.
        Err(error) if error.code() != Code::Damaged && error.code() != Code::Io => {
            now.trained_on(&[]).map_err(ServiceError::from)
        }
        Err(error) => Err(error.into()),
    }
}

/// Adds records to those brought; whether any of them is new.
fn add(brought: &mut Option<Selection>, records: Selection) -> Result<bool, ServiceError> {
    let Some(before) = brought.take() else {
        *brought = Some(records);
        return Ok(true);
    };
    let all = before.union(&records).map_err(rescind::Error::from)?;
    let new = all.len() > before.len();
    *brought = Some(all);
    Ok(new)
}
