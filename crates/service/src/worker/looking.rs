//! Looking at what waits, one by one: what of it makes a batch, and how the rest ends.

use crate::policy::When;
use crate::queue::{Asked, Gone, Joins, Member, ModelRow, Outcome, Taken};
use crate::words::said_by_run;
use rescind::{Code, CodeKind, Run};
use rescind_data::{RecordRequest, RequestError, Selection};

/// A part that is in no batch: the request, how it ends, and why.
type Dropped = (String, Outcome, Code, String);

/// What waits, looked at: a batch to be, and what is not in it.
pub(super) struct Seen {
    pub asked: Asked,
    /// Requests that are answered together.
    pub found: Vec<Joins>,
    pub dropped: Vec<Dropped>,
}

/// Looks at requests. Those for records that were forgotten before go along with a batch, if there is one.
pub(super) fn see(
    model: &ModelRow,
    run: &Run,
    members: Vec<Member>,
) -> Result<Seen, rescind::Error> {
    let mut seen = Seen {
        asked: Asked {
            method: model.policy.method.clone(),
            release: match model.policy.release.when {
                When::Each => model.policy.release(),
                _ => None,
            },
        },
        found: Vec::new(),
        dropped: Vec::new(),
    };
    let mut gone = Vec::new();
    for member in members {
        let asked = known(run, model, &member)?;
        match look(run, &member, &asked)? {
            Ok(joins) => seen.found.push(joins),
            Err(dropped) if matches!(dropped.1, Outcome::Gone(_)) => gone.push(dropped),
            Err(dropped) => seen.dropped.push(dropped),
        }
    }
    let alone = seen.found.is_empty();
    for dropped in gone {
        match dropped.1 {
            Outcome::Gone(gone) if !alone => seen.found.push(Joins {
                request: dropped.0,
                records: gone.records,
                taken: Some(gone.taken),
            }),
            _ => seen.dropped.push(dropped),
        }
    }
    Ok(seen)
}

/// A request that takes records out, or how it ends without.
fn look(
    run: &Run,
    member: &Member,
    asked: &[RecordRequest],
) -> Result<Result<Joins, Dropped>, rescind::Error> {
    let request = member.request.clone();
    if asked.is_empty() {
        let manifest = run.manifest();
        let subjects = &member.named.subjects;
        if !manifest.names_subjects() {
            let detail = "the run's records do not say whose they are: find out which are this \
                          person's, and ask for those by a request of their own; then dismiss this \
                          part";
            let held = (request, Outcome::Held, Code::NoSubjects, detail.to_owned());
            return Ok(Err(held));
        }
        let mut tests = 0;
        for name in subjects {
            tests += manifest.tests_of_subject(name)?;
        }
        let code = match tests {
            0 => Code::UnknownSubject,
            _ => Code::NeverTrainedOn,
        };
        let meaning = code.meaning().to_owned();
        let nothing = (request, Outcome::NothingHeld, code, meaning);
        return Ok(Err(nothing));
    }
    match run.resolve(asked) {
        // Those forgotten before count as those forgotten now: nobody is told that another has asked.
        Ok(resolved) => {
            let records = resolved.forget.len() + resolved.already.len();
            // Those that are left go by the answer to come.
            let taken = run.ledger().answers_to(resolved.already.positions())?;
            Ok(Ok(Joins {
                request,
                records: records as i64,
                taken: taken.map(|taken| Taken {
                    first: *taken.start() as i64,
                    last: None,
                }),
            }))
        }
        Err(error) if error.code().kind() == CodeKind::Nothing => {
            let (outcome, code) = nothing(run, asked, error.code())?;
            Ok(Err((request, outcome, code, code.meaning().to_owned())))
        }
        Err(error) => {
            let detail = said_by_run(&error);
            Ok(Err((request, Outcome::Held, error.code(), detail)))
        }
    }
}

/// How a request ends of which the run says with this code that there is nothing to forget: where records
/// that it names were trained on, they are gone.
pub(super) fn nothing(
    run: &Run,
    asked: &[RecordRequest],
    code: Code,
) -> Result<(Outcome, Code), rescind::Error> {
    let records = trained_at_first(run, asked)?;
    let Some(taken) = run.ledger().answers_to(records.positions())? else {
        return Ok((Outcome::NothingHeld, code));
    };
    let gone = Outcome::Gone(Gone {
        records: records.len() as i64,
        answer: run.ledger().history().request_count() as i64,
        taken: Taken {
            first: *taken.start() as i64,
            last: Some(*taken.end() as i64),
        },
    });
    Ok((gone, Code::AlreadyForgotten))
}

/// The records named that training used, whatever was forgotten since.
fn trained_at_first(run: &Run, asked: &[RecordRequest]) -> Result<Selection, rescind::Error> {
    let manifest = run.manifest();
    let all = Selection::all(manifest.len());
    let mut named = Selection::none(manifest.len());
    for request in asked {
        match request.resolve(manifest, &all) {
            Ok(found) => named = named.union(&found)?,
            // Kept for testing, or added since.
            Err(RequestError::NeverTrainedOn { .. } | RequestError::UnknownSubject) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(named.difference(&run.split().validation)?)
}

/// What a request names of a run, without subjects whom the run does not know. It is always the same:
/// who the records of a run are never changes.
pub(super) fn known(
    run: &Run,
    model: &ModelRow,
    member: &Member,
) -> Result<Vec<RecordRequest>, rescind::Error> {
    let mut known = Vec::new();
    for asked in member.named.of_model(&model.name) {
        let is_known = match &asked {
            RecordRequest::Subject(name) => {
                let found = run.manifest().of_subject(name)?;
                found.is_some_and(|found| !found.is_empty())
            }
            _ => true,
        };
        if is_known {
            known.push(asked);
        }
    }
    Ok(known)
}
