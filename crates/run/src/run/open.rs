//! Opening runs.

use super::Run;
use super::absent::Absent;
use super::config::{Origin, RunConfig, Written};
use super::create::layers;
use super::files::{CENTRE, MODEL, read_config};
use super::kept::is_as_kept;
use super::made::is_as_made;
use super::setup::Setup;
use super::steady::steadily;
use super::store::{Staged, StateRecord, Store, damaged};
use crate::disk;
use crate::error::Error;
use crate::json;
use crate::key::RunKey;
use crate::ledger::{Ledger, MadeEntry, private_file, recover};
use crate::lock::Lock;
use crate::request::Answered;
use crate::tensors;
use rescind_data::{Digest, Manifest, Selection};
use rescind_network::Network;
use rescind_unlearn::methods::Memory;
use rescind_unlearn::training::TrainingState;
use rescind_unlearn::{Ball, Classifier, ClassifierParts, Model, ModelDescription, Records};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is read of a run before its model is known.
pub(super) struct Opened {
    lock: Option<Lock>,
    pub written: Written,
    configuration: Digest,
    pub description: ModelDescription,
    pub centre: Option<Arc<[f32]>>,
    pub manifest: Arc<Manifest>,
    store: Store,
    ledger: Ledger,
    key: RunKey,
    made: MadeEntry,
    current: Option<(super::StateRecord, TrainingState)>,
}

/// Whether a run is opened to work on it, or to look at it as it lies: then nothing is written, so
/// that it may be a copy that nobody can write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Work,
    Look,
}

/// Reads a run. To work on it, what a crash left is finished or undone.
pub(super) fn opened(root: &Path, mode: Mode) -> Result<Opened, Error> {
    crate::threads::make()?;
    let (written, configuration) = read_config(root)?;
    let states = root.join("private").join("state");
    let (lock, ledger, store, made) = match mode {
        Mode::Work => {
            let lock = Lock::take(root)?;
            let ledger = Ledger::open(root)?;
            // Before anything is finished: it would be a release of another run than was made.
            let made = is_as_made(root, configuration, written.centred, &ledger)?;
            recover(root, &ledger)?;
            // Only now: a release that a crash left on its way out is open to its readers already.
            check_private(root)?;
            let store = Store::open(states, made.entry.identity())?;
            if let Some(staged) = in_force(&store, &ledger)? {
                store.commit(&staged)?;
            }
            store.sweep()?;
            store.remove_superseded()?;
            (Some(lock), ledger, store, made)
        }
        Mode::Look => {
            if let Some(holder) = Lock::holder(root) {
                let path = root.to_owned();
                return Err(Error::Busy { path, holder });
            }
            let ledger = Ledger::open_existing(root)?;
            let made = is_as_made(root, configuration, written.centred, &ledger)?;
            let store = Store::at(states, Some(made.entry.identity()));
            if in_force(&store, &ledger)?.is_some() {
                let path = root.to_owned();
                return Err(Error::Unfinished { path });
            }
            (None, ledger, store, made)
        }
    };
    let description: ModelDescription = json::parse(&root.join(MODEL), &made.description)?;
    let centre = made.centre.as_deref().map(|bytes| {
        let read = tensors::from_bytes::<f32>(&description, bytes);
        read.map_err(|error| damaged(&root.join(CENTRE), &error))
    });
    let centre = centre.transpose()?.map(|read| read.parameters.into());
    let current = store.read(&description, None)?;
    belong_together(&store, current.as_ref().map(|(record, _)| record), &ledger)?;
    early_is_as_kept(root, made.entry.identity(), &ledger)?;
    let key = match mode {
        Mode::Work => own_key(root, &ledger)?,
        Mode::Look => RunKey::open(root)?,
    };
    Ok(Opened {
        lock,
        written,
        configuration,
        description,
        centre,
        manifest: Arc::new(made.manifest),
        store,
        ledger,
        key,
        current,
        made: made.entry,
    })
}

/// A state that the ledger names already, and that a crash left where it was staged: whoever works
/// on the run next puts it in its place.
pub(crate) fn in_force(store: &Store, ledger: &Ledger) -> Result<Option<Staged>, Error> {
    let named = ledger.state()?;
    let staged = store.staged()?;
    Ok(staged.filter(|staged| named == Some(staged.digest)))
}

/// What of a run is private and yet others can read, and its mode.
pub(crate) fn exposed(root: &Path) -> Result<Option<(PathBuf, u32)>, Error> {
    let private = [root.join("private"), root.join("ledger.sqlite")];
    let there: Vec<PathBuf> = private.into_iter().filter(|path| path.exists()).collect();
    Ok(disk::open_to_others(&there)?)
}

/// Refuses un-noised weights and what else is private where others can read it, as after a
/// restoration that forgot permissions.
fn check_private(root: &Path) -> Result<(), Error> {
    match exposed(root)? {
        None => Ok(()),
        Some((path, mode)) => Err(Error::NotPrivate {
            root: root.to_owned(),
            path,
            mode,
        }),
    }
}

/// Refuses a private state other than the one that the ledger names.
pub(crate) fn belong_together(
    store: &Store,
    newest: Option<&StateRecord>,
    ledger: &Ledger,
) -> Result<(), Error> {
    let answered = newest.map_or(0, |record| record.answered);
    let (requests, in_force) = (ledger.history().request_count(), ledger.state()?);
    if answered != requests {
        return Err(Error::StateAndLedgerDiffer {
            state: answered,
            ledger: requests,
        });
    }
    let number = newest.map_or(0, |record| record.number);
    let found = newest.map(|_| store.digest_of(number)).transpose()?;
    let differ = |expected| {
        Err(Error::not_recorded(
            store.record_file(number),
            found,
            expected,
        ))
    };
    if found != in_force {
        return differ(in_force);
    }
    let Some(newest) = newest else {
        return Ok(());
    };
    let (history, ended) = (ledger.history(), newest.progress.ending.is_some());
    let bound = match (history.trained(), history.last_request()) {
        (Some((trained, true)), _) => Some(trained.state),
        (_, Some(last)) => {
            let body = ledger.answer(last.number)?.unwrap_or_default();
            let answer: Answered = json::parse(&private_file(ledger.run()), body.as_bytes())?;
            // Training that had not ended goes on after a request, and its end has an entry.
            (answer.training_finished || ended).then_some(last.state)
        }
        (_, None) if ended => return differ(None),
        (_, None) => None,
    };
    match bound.is_some() && found != bound {
        true => differ(bound),
        false => Ok(()),
    }
}

/// Refuses an early checkpoint other than the one that training ended with.
pub(crate) fn early_is_as_kept(root: &Path, run: Digest, ledger: &Ledger) -> Result<(), Error> {
    let folder = root.join("private").join("early");
    match ledger.history().trained() {
        Some((trained, _)) if folder.exists() => {
            is_as_kept(&Store::at(folder, Some(run)), trained.early).map(|_| ())
        }
        _ => Ok(()),
    }
}

/// The run's key, once it is found to be the one that the ledger says signs.
pub(super) fn own_key(root: &Path, ledger: &Ledger) -> Result<RunKey, Error> {
    let signer = ledger.history().key();
    RunKey::settle(root, signer)?;
    let key = RunKey::open(root)?;
    Ok(match signer {
        Some(signer) => key.must_be(&signer, root)?,
        None => key,
    })
}

impl Run {
    /// Opens a run, finishing or undoing what a crash left. The records of a network's run are read
    /// when they are first needed. That of an outside model can so be released from, amended and
    /// looked at; what needs its records is refused
    /// (see [`open_outside`](Self::open_outside)).
    ///
    /// # Errors
    /// [`Error::Busy`] while another process works on it; a damaged file.
    pub fn open(root: &Path) -> Result<Self, Error> {
        Run::opened_as(root, Mode::Work)
    }

    /// Opens a run to read from it. Where nothing can be written, as on a copy of which the system
    /// lets nobody change anything, it is opened as it lies; what needs to write then fails.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`Error::Unfinished`] where a crash left something to be finished.
    pub fn open_to_read(root: &Path) -> Result<Self, Error> {
        let closed = [ErrorKind::ReadOnlyFilesystem, ErrorKind::PermissionDenied];
        match Run::open(root) {
            Err(Error::Io(error)) if closed.contains(&error.source.kind()) => Run::look(root),
            opened => opened,
        }
    }

    /// Opens the run of a network as it lies: nothing is written, and nothing may be.
    pub(crate) fn look(root: &Path) -> Result<Self, Error> {
        steadily(root, || Run::opened_as(root, Mode::Look))
    }

    fn opened_as(root: &Path, mode: Mode) -> Result<Self, Error> {
        let opened = opened(root, mode)?;
        let Origin::Config(config) = &opened.written.origin else {
            let model = Absent {
                description: opened.description.clone(),
                manifest: Arc::clone(&opened.manifest),
            };
            return Run::with(root, opened, Box::new(model));
        };
        let network = Network::new(layers(root, opened.description.clone())?)?;
        let retained = retained(&opened)?;
        let manifest = Arc::clone(&opened.manifest);
        let source = opened
            .ledger
            .source()?
            .unwrap_or_else(|| config.data.clone());
        let kept = opened.current.as_ref();
        let constants = match kept.and_then(|(record, _)| record.scaling.clone()) {
            Some(constants) => constants,
            // A run that was made and never trained.
            None => {
                let raw = rescind_data::reload(&source, &manifest, &retained);
                let raw = raw?.train.dataset;
                config.scaling.constants(&source, &raw, &retained)?
            }
        };
        let model = Classifier::new(ClassifierParts {
            network,
            records: Records::unread(source, manifest, retained, constants),
            scaling: config.scaling.clone(),
            parameterisation: config.parameterisation,
            loss: config.loss,
            centre: opened.centre.clone(),
        })?;
        Run::with(root, opened, Box::new(model))
    }

    /// The run that was read, with its model.
    pub(super) fn with(root: &Path, opened: Opened, model: Box<dyn Model>) -> Result<Self, Error> {
        let settings = opened.written.origin.settings();
        let retained = retained(&opened)?;
        if let Some((record, _)) = &opened.current
            && record.retained != retained.digest()
        {
            return Err(Error::RetainedDiffer {
                stated: record.records,
                computed: retained.len() as u64,
            });
        }
        let run = Run {
            setup: Setup {
                root: root.to_owned(),
                origin: opened.written.origin,
                ball: Ball::new(settings.radius, opened.centre)?,
                settings,
                configuration: opened.configuration,
                model,
                centre_seed: opened.written.centre_seed,
                split: opened.manifest.split(),
                manifest: opened.manifest,
                store: opened.store,
                made: opened.made,
                early_record: opened.ledger.early()?,
                memory: Memory::default(),
            },
            ledger: opened.ledger,
            key: opened.key,
            retained,
            current: opened.current,
            broken: false,
            lock: opened.lock,
        };
        if run.lock.is_some() {
            run.discard_superseded()?;
        }
        Ok(run)
    }
}

/// The records trained on from here, as the ledger has it.
fn retained(opened: &Opened) -> Result<Selection, Error> {
    let manifest = &opened.manifest;
    let forgotten = Selection::new(manifest.len(), opened.ledger.forgotten()?)?;
    Ok(manifest.split().train.difference(&forgotten)?)
}

impl RunConfig {
    /// Reads the configuration of a network's run without opening it.
    ///
    /// # Errors
    /// A folder that holds no run of a network, or a damaged file.
    pub fn of_run(root: &Path) -> Result<Self, Error> {
        match read_config(root)?.0.origin {
            Origin::Config(config) => Ok(*config),
            Origin::Outside(_) => Err(Error::NotANetwork {
                what: "its configuration",
            }),
        }
    }
}
