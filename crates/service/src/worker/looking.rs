//! Looking at what waits, one by one: what of it makes a batch, and how the rest ends.

use crate::policy::When;
use crate::queue::{Asked, Member, ModelRow, Outcome};
use crate::words::said_by_run;
use rescind::{Code, CodeKind, Run};
use rescind_data::{RecordRequest, RequestError, Selection};

/// A part that is in no batch: the request, how it ends, and why.
type Dropped = (String, Outcome, Code, String);

/// What waits, looked at: a batch to be, and what is not in it.
pub(super) struct Seen {
    pub asked: Asked,
    /// Requests, and how many records that were trained on each names.
    pub found: Vec<(String, usize)>,
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
            Ok(records) => seen.found.push((member.request, records)),
            Err((outcome @ Outcome::Gone { records, .. }, code, _)) => {
                gone.push((member.request, records, outcome, code));
            }
            Err((outcome, code, detail)) => {
                seen.dropped.push((member.request, outcome, code, detail));
            }
        }
    }
    let alone = seen.found.is_empty();
    for (request, records, outcome, code) in gone {
        match alone {
            true => {
                let detail = code.meaning().to_owned();
                seen.dropped.push((request, outcome, code, detail));
            }
            false => seen.found.push((request, records as usize)),
        }
    }
    Ok(seen)
}

/// How many records that were trained on a request names, where it takes some out; or how it ends without.
fn look(
    run: &Run,
    member: &Member,
    asked: &[RecordRequest],
) -> Result<Result<usize, (Outcome, Code, String)>, rescind::Error> {
    let held = |code: Code, detail: String| (Outcome::Held, code, detail);
    if asked.is_empty() {
        let manifest = run.manifest();
        let subjects = &member.named.subjects;
        if !manifest.names_subjects() {
            let detail = "the run's records do not say whose they are: find out which are this \
                          person's, and ask for those by a request of their own; then dismiss this \
                          part";
            return Ok(Err(held(Code::NoSubjects, detail.to_owned())));
        }
        let mut tests = 0;
        for name in subjects {
            tests += manifest.tests_of_subject(name)?;
        }
        let code = match tests {
            0 => Code::UnknownSubject,
            _ => Code::NeverTrainedOn,
        };
        let nothing = (Outcome::NothingHeld, code, code.meaning().to_owned());
        return Ok(Err(nothing));
    }
    match run.resolve(asked) {
        // Those forgotten before count as those forgotten now: nobody is told that another has asked.
        Ok(resolved) => Ok(Ok(resolved.forget.len() + resolved.already.len())),
        Err(error) if error.code().kind() == CodeKind::Nothing => {
            let (outcome, code) = nothing(run, asked, error.code())?;
            Ok(Err((outcome, code, code.meaning().to_owned())))
        }
        Err(error) => Ok(Err(held(error.code(), said_by_run(&error)))),
    }
}

/// How a request ends of which the run says with this code that there is nothing to forget: where records
/// that it names were trained on, they are gone.
pub(super) fn nothing(
    run: &Run,
    asked: &[RecordRequest],
    code: Code,
) -> Result<(Outcome, Code), rescind::Error> {
    let records = trained_at_first(run, asked)?.len();
    if records == 0 {
        return Ok((Outcome::NothingHeld, code));
    }
    let gone = Outcome::Gone {
        records: records as i64,
        answer: run.ledger().history().request_count() as i64,
    };
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
