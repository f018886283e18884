//! Which runs can be registered.

use crate::desk::Desk;
use crate::error::ServiceError;
use crate::known_run::expect_known;
use crate::notice::Notice;
use crate::queue::{self, FoundRun, ModelRow};
use crate::secret::fresh_name;
use crate::store::Connection;
use crate::words::said;
use crate::worker::notice_releases;
use rescind::ledger::Ledger;
use rescind::{Code, Error, Run, Summary};
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

/// Refuses a folder that holds no trained run.
pub(crate) fn check_run(folder: &Path) -> Result<FoundRun, ServiceError> {
    let summary = trained(folder)?;
    let identity = summary.identity.ok_or_else(being_written)?;
    let ledger = Ledger::open_as_it_lies(folder).map_err(Error::from)?;
    let ledger = ledger.ok_or_else(being_written)?;
    Ok(FoundRun {
        folder: folder.to_owned(),
        history: Arc::new(ledger.history().clone()),
        identity: identity.to_string(),
        outside: summary.config.is_none(),
    })
}

fn trained(folder: &Path) -> Result<Summary, ServiceError> {
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

/// Looks at the runs of the models that this process works on, however little is asked of them. Of one that
/// is gone, or that another has taken the place of, operators are told, once; and so of a release that was
/// made beside the desk, where it breaks what the policy promises.
pub(crate) fn watch(desk: &Arc<Desk>) -> Result<(), ServiceError> {
    for model in desk.store.read_here(queue::list_models)? {
        if model.outside || desk.settings.workers == 0 {
            continue;
        }
        let looked = look(&model);
        if let Ok(Some(newest)) = looked
            && newest > model.released as u64
        {
            notice(desk, &model)?;
        }
        let error = looked.err();
        // What else may be wrong passes, as while it is being written, or workers find out.
        let gone = error.filter(|error| {
            let code = error.code();
            [
                Code::NoRun,
                Code::LedgerMissing,
                Code::NothingTrained,
                Code::RunReplaced,
            ]
            .contains(&code)
        });
        if gone.is_none() && (model.attempts > 0 || model.trouble.is_none()) {
            continue;
        }
        let (secret, alerts) = (Arc::clone(&desk.secret), desk.settings.alerts.clone());
        let (name, gone) = (
            model.name.clone(),
            gone.map(|error| (error.code(), said(&error))),
        );
        let found = gone.clone();
        let news = desk.store.write_here(move |db| {
            let found = found
                .as_ref()
                .map(|(code, detail)| (code.as_str(), &**detail));
            queue::watched(db, &secret, alerts.as_deref(), &name, found)
        })?;
        if let Some((code, detail)) = gone.filter(|_| news) {
            desk.tell(&Notice::Trouble {
                of: model.name,
                code: code.to_string(),
                detail,
            });
        }
    }
    Ok(())
}

/// The newest release of a run, 0 before the first; none where its ledger is being written.
fn look(model: &ModelRow) -> Result<Option<u64>, ServiceError> {
    trained(&model.folder)?;
    let ledger = Ledger::open_as_it_lies(&model.folder).map_err(Error::from)?;
    let Some(ledger) = ledger else {
        return Ok(None);
    };
    let history = ledger.history();
    expect_known(model, history)?;
    let newest = history.releases().last();
    Ok(Some(newest.map_or(0, |release| release.number)))
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
