//! A look at a run without opening it.

use super::Run;
use super::config::{Origin, RunConfig};
use super::files::read_config;
use super::made::is_as_made;
use super::open::{belong_together, early_is_as_kept, exposed, in_force};
use super::steady::steadily;
use super::store::{StateRecord, Store};
use crate::error::Error;
use crate::ledger::{Budget, History, Ledger, Standing, nothing_unknown};
use crate::lock::Lock;
use crate::request::Answered;
use rescind_data::Digest;
use rescind_unlearn::is_prepared;
use std::fs;
use std::path::{Path, PathBuf};

/// What can be said of a run without opening it.
#[derive(Clone, Debug)]
pub struct Summary {
    /// What the run of a network is, its records where they are now.
    pub config: Option<RunConfig>,
    /// What tells it from every other run. None where the ledger is being written.
    pub identity: Option<Digest>,
    /// Its newest private state, if there is one: progress of training, requests answered.
    pub state: Option<StateRecord>,
    /// The process that works on it, if one does.
    pub busy: Option<String>,
    /// Every request answered so far. None where the ledger is being written.
    pub answers: Option<Vec<Answered>>,
    history: Option<History>,
    /// Numbers of the requests that no release covers yet.
    pub pending: Vec<u64>,
    /// Requests answered for which nothing had to be done: all records named were forgotten
    /// before, or never trained on.
    pub idle: u64,
    /// What every release must keep, if that was set.
    pub budget: Option<Budget>,
    /// When somebody said that the run, found in another place, is the only one: RFC 3339, UTC.
    pub adopted: Vec<String>,
    /// Whether sums over the records that stay are kept, from which requests are answered
    /// ([`Run::refresh`]).
    pub prepared: bool,
    /// A file or folder that others can read although it is private.
    pub exposed: Option<PathBuf>,
}

impl Summary {
    /// What holds today for every request, given all releases since (docs/theory.md §5). None where the
    /// ledger is being written.
    ///
    /// # Errors
    /// Promises that cannot be composed.
    pub fn standings(&self) -> Result<Option<Vec<Standing>>, Error> {
        let standings = self.history.as_ref().map(History::standings);
        Ok(standings.transpose()?)
    }

    /// How many records are trained on from here. A request counts from when the ledger has it,
    /// also where its process died before the state followed.
    #[must_use]
    pub fn retained(&self) -> Option<u64> {
        let state = self.state.as_ref()?;
        let answers = self.answers.iter().flatten();
        let since = answers.filter(|answer| answer.number > state.answered);
        let gone: usize = since.map(|answer| answer.forgotten.len()).sum();
        Some(state.records - gone as u64)
    }
}

impl Run {
    /// Looks at a run without taking its lock, so also while another process works on it.
    ///
    /// # Errors
    /// A folder that holds no run, or a damaged file.
    pub fn inspect(root: &Path) -> Result<Summary, Error> {
        steadily(root, || Self::inspect_once(root))
    }

    fn inspect_once(root: &Path) -> Result<Summary, Error> {
        let (written, configuration) = read_config(root)?;
        let centred = written.centred;
        let mut config = match written.origin {
            Origin::Config(config) => Some(config),
            Origin::Outside(_) => None,
        };
        let busy = Lock::holder(root);
        let ledger = Ledger::open_as_it_lies(root)?;
        if let (Some(config), Some(ledger)) = (&mut config, &ledger)
            && let Some(source) = ledger.source()?
        {
            config.data = source;
        }
        let made = ledger.as_ref();
        let made = made.map(|ledger| is_as_made(root, configuration, centred, ledger));
        let run = made.transpose()?.map(|made| made.entry.identity());
        let store = Store::at(root.join("private").join("state"), run);
        // A checkpoint may be replaced between the listing and the reading: look again.
        let state = store.newest().or_else(|_| store.newest())?;
        if let (Some(ledger), None) = (&ledger, &busy)
            && in_force(&store, ledger)?.is_none()
            && let Err(differ) = belong_together(&store, state.as_ref(), ledger)
            // Nobody began to work on it since.
            && Lock::holder(root).is_none()
        {
            return Err(differ);
        }
        if let (Some(ledger), None) = (&ledger, &busy) {
            if let Some(run) = run {
                early_is_as_kept(root, run, ledger)?;
            }
            nothing_unknown(root, ledger)?;
        }
        let answers = ledger.as_ref().map(Ledger::answers).transpose()?;
        let answers = answers.map(|bodies| {
            let read = bodies.iter().map(|body| serde_json::from_str(body));
            read.collect::<Result<Vec<Answered>, _>>()
        });
        let answers = answers.transpose().map_err(|error| Error::Damaged {
            path: root.join("private").join("requests.sqlite"),
            reason: error.to_string(),
        })?;
        let idle = ledger.as_ref().map(Ledger::idle).transpose()?;
        let history = ledger.as_ref().map(Ledger::history);
        let pending = history.map_or_else(Vec::new, |history| history.pending());
        Ok(Summary {
            config: config.map(|config| *config),
            identity: run,
            state,
            busy,
            answers,
            history: history.cloned(),
            pending: pending.iter().map(|request| request.number).collect(),
            idle: idle.unwrap_or(0),
            budget: history.and_then(History::budget).copied(),
            adopted: history.map_or_else(Vec::new, History::adopted),
            prepared: has_prepared(root),
            exposed: exposed(root)?.map(|(path, _)| path),
        })
    }
}

/// Whether something is kept that answers requests. It is not read: what is damaged is made again.
pub(crate) fn has_prepared(root: &Path) -> bool {
    let kept = fs::read_dir(root.join("private").join("kept"));
    let mut entries = kept.into_iter().flatten().flatten();
    entries.any(|entry| entry.file_name().to_str().is_some_and(is_prepared))
}
