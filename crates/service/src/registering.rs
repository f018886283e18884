//! Which runs can be registered.

use crate::desk::Desk;
use crate::error::ServiceError;
use crate::notice::Notice;
use crate::queue;
use crate::settings::ModelGiven;
use rescind::{Code, Error, Run};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder's own path, where it lies below one of those allowed. Nobody learns from the answer what
/// else there is.
pub(crate) fn below(allowed: &[PathBuf], run: &Path) -> Result<PathBuf, ServiceError> {
    for root in allowed {
        let Ok(root) = root.canonicalize() else {
            continue;
        };
        if let Ok(folder) = root.join(run).canonicalize()
            && folder.starts_with(&root)
        {
            return Ok(folder);
        }
    }
    Err(ServiceError::refused(
        Code::NoRun,
        "there is no such folder below those that the desk may register runs of: start it with --runs \
         FOLDER, or register the run on its machine, by rescind serve --model NAME=RUN",
    ))
}

/// Refuses a folder that holds no trained run. Whether its model computes in a program of its owner,
/// whose worker has to answer for it.
pub(crate) fn check_run(folder: &Path) -> Result<bool, ServiceError> {
    let summary = Run::inspect(folder)?;
    if summary.state.is_none() {
        return Err(Error::NothingTrained {
            path: folder.to_owned(),
        }
        .into());
    }
    Ok(summary.config.is_none())
}

/// Registers what the desk was started with, where it is not registered yet. A policy given anew takes
/// the place of the old one, and another run that of the old one where that is wanted. A run that is gone
/// stops nothing but itself: operators are told.
pub(crate) fn register_given(desk: &Arc<Desk>) -> Result<(), ServiceError> {
    for given in &desk.settings.models {
        let found = given.run.canonicalize().map_err(|_| {
            ServiceError::from(Error::NoRun {
                path: given.run.clone(),
            })
        });
        let checked = found.and_then(|folder| Ok((check_run(&folder)?, folder)));
        let (outside, folder) = match checked {
            Ok(checked) => checked,
            Err(error) if is_known(desk, &given.name)? => {
                desk.tell_of(&given.name, &error);
                continue;
            }
            Err(error) => return Err(error),
        };
        if register_one(desk, given, folder, outside)? {
            let model = given.name.clone();
            desk.tell(&Notice::Registered { model });
        }
    }
    Ok(())
}

fn is_known(desk: &Desk, name: &str) -> Result<bool, ServiceError> {
    let models = desk.store.read_here(queue::list_models)?;
    Ok(models.iter().any(|model| model.name == name))
}

/// Whether a run was registered that was not before.
fn register_one(
    desk: &Desk,
    given: &ModelGiven,
    folder: PathBuf,
    outside: bool,
) -> Result<bool, ServiceError> {
    let (secret, given) = (Arc::clone(&desk.secret), given.clone());
    let replaces = desk.settings.replaces;
    desk.store.write_here(move |db| {
        let (name, policy, by) = (&given.name, given.policy.as_ref(), "desk");
        let known = queue::list_models(db)?;
        let same = known
            .iter()
            .any(|model| model.name == *name && model.folder == folder);
        if same || replaces {
            queue::replace(db, &secret, by, name, &folder, policy, outside)?;
        } else {
            let policy = given.policy.clone().unwrap_or_default();
            queue::register(db, &secret, by, name, &folder, &policy, outside)?;
        }
        Ok(!same)
    })
}

/// Looks at the runs of the models that this process works on: of one that is gone operators are told, once,
/// however little is asked of it.
pub(crate) fn watch(desk: &Desk) -> Result<(), ServiceError> {
    for model in desk.store.read_here(queue::list_models)? {
        if model.outside || desk.settings.workers == 0 {
            continue;
        }
        let error = check_run(&model.folder).err();
        // What else may be wrong passes, as while it is being written, or workers find out.
        let gone = error.filter(|error| {
            let code = error.code();
            [Code::NoRun, Code::LedgerMissing, Code::NothingTrained].contains(&code)
        });
        let noted = model.attempts == 0 && model.trouble.is_some();
        if gone.is_some() == model.trouble.is_some() && !(gone.is_none() && noted) {
            continue;
        }
        let gone = gone.map(|error| (error.code(), error.to_string()));
        if let Some((code, detail)) = &gone {
            desk.tell(&Notice::Trouble {
                of: model.name.clone(),
                code: code.to_string(),
                detail: detail.clone(),
            });
        }
        let (secret, alerts) = (Arc::clone(&desk.secret), desk.settings.alerts.clone());
        desk.store.write_here(move |db| {
            let found = gone
                .as_ref()
                .map(|(code, detail)| (code.as_str(), &**detail));
            if queue::watched(db, &secret, &model.name, found)?
                && let Some((_, detail)) = found
            {
                let (url, event) = (alerts.as_deref(), "model_in_trouble");
                queue::enqueue_alert(db, &secret, url, event, &model.name, detail)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::below;
    use rescind::Code;
    use std::path::Path;

    #[test]
    fn only_folders_below_those_allowed_are_found() {
        let place = tempfile::tempdir().unwrap();
        let (inside, outside) = (place.path().join("runs"), place.path().join("other"));
        for folder in [inside.join("a"), outside.clone()] {
            std::fs::create_dir_all(folder).unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
        let allowed = [inside.clone()];
        let found = below(&allowed, Path::new("a")).unwrap();
        assert_eq!(found, inside.canonicalize().unwrap().join("a"));
        let whole = outside.to_str().unwrap();
        for other in ["../other", "link", "a/../../other", "none", whole, "/etc"] {
            let refused = below(&allowed, Path::new(other)).err().unwrap();
            assert_eq!(refused.code(), Code::NoRun, "{other}");
        }
        assert!(below(&[], Path::new("a")).is_err());
    }
}
