//! Which runs can be registered.

use crate::desk::Desk;
use crate::error::ServiceError;
use crate::promises;
use crate::queue::{self, FoundRun};
use crate::store::Connection;
use rescind::{Code, Error, Run, Summary};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

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

/// Refuses a folder that holds no trained run.
pub(crate) fn check_run(folder: &Path) -> Result<FoundRun, ServiceError> {
    let summary = trained(folder)?;
    let identity = summary.identity.ok_or_else(being_written)?;
    let ledger = promises::ledger(folder)?.ok_or_else(being_written)?;
    Ok(FoundRun {
        folder: folder.to_owned(),
        history: Arc::new(ledger.history().clone()),
        identity: identity.to_string(),
        outside: summary.config.is_none(),
        since: None,
    })
}

/// How long a run is looked at again that goes on meanwhile.
const GOES_ON_FOR: Duration = Duration::from_secs(5);

/// Does by a run what `act` does, as it is found by `look` for the model of this name; again where the desk
/// came to know more of it in between.
pub(crate) fn as_found<T: Send + 'static>(
    desk: &Desk,
    name: &str,
    look: impl Fn() -> Result<FoundRun, ServiceError>,
    act: impl Fn(&mut Connection, &FoundRun) -> Result<T, ServiceError> + Clone + Send + 'static,
) -> Result<T, ServiceError> {
    let began = Instant::now();
    loop {
        let name = name.to_owned();
        let models = desk.store.read_here(queue::list_models)?;
        let known = models.into_iter().find(|model| model.name == name);
        let since = known.and_then(|model| model.ledger);
        let act = act.clone();
        let done = look().and_then(|found| {
            let run = FoundRun { since, ..found };
            desk.store.write_here(move |db| act(db, &run))
        });
        match done {
            Err(error) if error.code() == Code::Busy && began.elapsed() < GOES_ON_FOR => {}
            done => return done,
        }
    }
}

pub(crate) fn trained(folder: &Path) -> Result<Summary, ServiceError> {
    let summary = Run::inspect(folder)?;
    match summary.state {
        Some(_) => Ok(summary),
        None => Err(Error::NothingTrained {
            path: folder.to_owned(),
        }
        .into()),
    }
}

fn being_written() -> ServiceError {
    let message = "the run's ledger is being written: ask again in a moment";
    ServiceError::refused(Code::Busy, message)
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
