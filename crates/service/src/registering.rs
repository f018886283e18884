//! Which runs can be registered.

use crate::desk::Desk;
use crate::error::ServiceError;
use crate::notice::Notice;
use crate::queue;
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
/// the place of the old one.
pub(crate) fn register_given(desk: &Arc<Desk>) -> Result<(), ServiceError> {
    for given in &desk.settings.models {
        let folder = given.run.canonicalize().map_err(|_| Error::NoRun {
            path: given.run.clone(),
        })?;
        let outside = check_run(&folder)?;
        let (secret, given) = (Arc::clone(&desk.secret), given.clone());
        let name = given.name.clone();
        let new = desk.store.write_here(move |db| {
            let known = queue::list_models(db)?;
            let found = known.iter().find(|model| model.name == given.name);
            let Some(model) = found.filter(|model| model.folder == folder) else {
                let policy = given.policy.clone().unwrap_or_default();
                let (name, by) = (&given.name, "desk");
                queue::register(db, &secret, by, name, &folder, &policy, outside)?;
                return Ok(true);
            };
            if let Some(policy) = given
                .policy
                .as_ref()
                .filter(|policy| **policy != model.policy)
            {
                queue::set_policy(db, &secret, "desk", &given.name, policy)?;
            }
            Ok(false)
        })?;
        if new {
            desk.tell(&Notice::Registered { model: name });
        }
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
