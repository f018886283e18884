//! What a desk is started with, beside what operators did since.
//!
//! The desk remembers what its start line last said of each name. What it says again is nothing new, and
//! what operators did since stands; what it says otherwise is done.

use crate::desk::Desk;
use crate::error::ServiceError;
use crate::notice::Notice;
use crate::policy::Policy;
use crate::queue::{self, FoundRun, ModelRow};
use crate::registering::{as_found, check_run};
use crate::secret::Secret;
use crate::settings::ModelGiven;
use crate::store::Connection;
use rescind::Error;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;

/// What a start line said of a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Said {
    folder: PathBuf,
    identity: String,
    policy: Option<Policy>,
}

/// What was done about what a start line says.
enum Done {
    /// It is as it was, or its policy is another now.
    Kept,
    /// A run was registered, or put in place of another.
    Registered,
    /// An operator took the model away since, or put another run in its place.
    SetAside(&'static str),
}

/// Registers what the desk was started with, where it is not registered yet. A policy given anew takes
/// the place of the old one, and another run that of the old one where that is wanted. A run that is gone
/// stops nothing but itself: operators are told.
pub(crate) fn register_given(desk: &Arc<Desk>) -> Result<(), ServiceError> {
    for given in &desk.settings.models {
        let model = given.name.clone();
        let is_there = Cell::new(false);
        let look = || {
            let found = folder(given).and_then(|folder| check_run(&folder));
            is_there.set(found.is_ok());
            found
        };
        match register_one(desk, given, look) {
            Ok(Done::Kept) => {}
            Ok(Done::Registered) => desk.tell(&Notice::Registered { model }),
            Ok(Done::SetAside(why)) => desk.tell(&Notice::SetAside { model, why }),
            Err(error) if !is_there.get() && is_known(desk, &model)? => {
                desk.tell_of(&model, &error);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether there is such a model, or a start line named one before.
fn is_known(desk: &Desk, name: &str) -> Result<bool, ServiceError> {
    let name = name.to_owned();
    desk.store.read_here(move |db| {
        let models = queue::list_models(db)?;
        let there = models.iter().any(|model| model.name == name);
        Ok(there || queue::remembered(db, &place(&name))?.is_some())
    })
}

fn place(name: &str) -> String {
    format!("given {name}")
}

fn folder(given: &ModelGiven) -> Result<PathBuf, ServiceError> {
    let folder = given.run.canonicalize();
    folder.map_err(|_| {
        let path = given.run.clone();
        Error::NoRun { path }.into()
    })
}

fn register_one(
    desk: &Desk,
    given: &ModelGiven,
    look: impl Fn() -> Result<FoundRun, ServiceError>,
) -> Result<Done, ServiceError> {
    let (secret, own) = (Arc::clone(&desk.secret), given.clone());
    let replaces = desk.settings.replaces;
    as_found(desk, &given.name, look, move |db, run| {
        let given = &own;
        let before = queue::remembered(db, &place(&given.name))?;
        let before = before.and_then(|text| serde_json::from_str::<Said>(&text).ok());
        let done = reconciled(db, &secret, given, run, before.as_ref(), replaces)?;
        let said = Said {
            folder: run.folder.clone(),
            identity: run.identity.clone(),
            policy: given.policy.clone(),
        };
        let said = serde_json::to_string(&said).map_err(Error::Document)?;
        queue::remember(db, &place(&given.name), &said)?;
        Ok(done)
    })
}

fn reconciled(
    db: &mut Connection,
    secret: &Secret,
    given: &ModelGiven,
    run: &FoundRun,
    before: Option<&Said>,
    replaces: bool,
) -> Result<Done, ServiceError> {
    const BY: &str = "desk";
    let name = &given.name;
    let again = before.is_some_and(|said| said.folder == run.folder);
    let known = queue::list_models(db)?
        .into_iter()
        .find(|model| model.name == *name);
    let Some(known) = known else {
        if again {
            return Ok(Done::SetAside("was taken away by an operator"));
        }
        let policy = given.policy.clone().unwrap_or_default();
        queue::register(db, secret, BY, name, run, &policy)?;
        return Ok(Done::Registered);
    };
    known.expect_current(run)?;
    if known.is_of(run) {
        set_policy(db, secret, given, &known, before)?;
        return Ok(Done::Kept);
    }
    if known.folder != run.folder && again {
        return Ok(Done::SetAside("has another run that an operator put there"));
    }
    if replaces {
        queue::replace(db, secret, BY, name, run, given.policy.as_ref())?;
        return Ok(Done::Registered);
    }
    // Of another run in the same folder whoever looks at it tells.
    if known.folder == run.folder {
        set_policy(db, secret, given, &known, before)?;
        return Ok(Done::Kept);
    }
    let policy = given.policy.clone().unwrap_or_default();
    queue::register(db, secret, BY, name, run, &policy)?;
    Ok(Done::Registered)
}

/// The policy of a start line, unless it said the same before: then another is an operator's.
fn set_policy(
    db: &mut Connection,
    secret: &Secret,
    given: &ModelGiven,
    known: &ModelRow,
    before: Option<&Said>,
) -> Result<(), ServiceError> {
    let Some(policy) = &given.policy else {
        return Ok(());
    };
    let said = before.is_some_and(|before| before.policy.as_ref() == Some(policy));
    if said || *policy == known.policy {
        return Ok(());
    }
    queue::set_policy(db, secret, "desk", &known.name, policy).map(drop)
}
