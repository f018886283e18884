//! Opening runs.

use super::Run;
use super::config::{Origin, RunConfig, Written};
use super::create::described;
use super::files::{CENTRE, MODEL, read_config, read_manifest};
use super::setup::Setup;
use super::store::{Store, damaged};
use crate::error::Error;
use crate::json;
use crate::key::RunKey;
use crate::ledger::{Ledger, recover};
use crate::lock::Lock;
use crate::tensors;
use rescind_certificate::KeyIdentity;
use rescind_data::{Digest, Manifest, Selection};
use rescind_network::Network;
use rescind_unlearn::training::TrainingState;
use rescind_unlearn::{Ball, Classifier, ClassifierParts, Model, ModelDescription, Records};
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;

/// What is read of a run before its model is known.
pub(super) struct Opened {
    lock: Lock,
    pub written: Written,
    configuration: Digest,
    pub description: ModelDescription,
    pub centre: Option<Arc<[f32]>>,
    pub manifest: Arc<Manifest>,
    store: Store,
    ledger: Ledger,
    key: RunKey,
    current: Option<(super::StateRecord, TrainingState)>,
}

/// Reads a run, finishing or undoing what a crash left.
pub(super) fn opened(root: &Path) -> Result<Opened, Error> {
    let (written, configuration) = read_config(root)?;
    let lock = Lock::take(root)?;
    let description: ModelDescription = json::read_json(&root.join(MODEL))?;
    let centre = match written.centred {
        false => None,
        true => {
            let path = root.join(CENTRE);
            let read = tensors::from_bytes::<f32>(&description, &json::read(&path)?);
            let read = read.map_err(|error| damaged(&path, &error))?;
            Some(read.parameters.into())
        }
    };
    let ledger = Ledger::open(root)?;
    recover(root, &ledger)?;
    let store = Store::open(root.join("private").join("state"))?;
    let committed = ledger.history().last_request().map(|request| request.state);
    if let Some(staged) = store.staged()?
        && committed == Some(staged.digest)
    {
        store.commit(&staged)?;
    }
    store.sweep()?;
    let current = store.read(&description, None)?;
    let answered = current.as_ref().map_or(0, |(record, _)| record.answered);
    let requests = ledger.history().request_count();
    if answered != requests {
        return Err(Error::StateAndLedgerDiffer {
            state: answered,
            ledger: requests,
        });
    }
    let key = own_key(root, &ledger)?;
    Ok(Opened {
        lock,
        written,
        configuration,
        description,
        centre,
        manifest: Arc::new(read_manifest(root)?),
        store,
        ledger,
        key,
        current,
    })
}

/// The run's key, once it is found to be the one that signed the newest release.
fn own_key(root: &Path, ledger: &Ledger) -> Result<RunKey, Error> {
    /// What any version of a certificate says of its signer.
    #[derive(Deserialize)]
    struct Signed {
        key: KeyIdentity,
    }
    let key = RunKey::open(root)?;
    let newest = ledger.history().releases().last();
    let document = match newest {
        Some(newest) => ledger.document(newest.number)?,
        None => None,
    };
    let Some(document) = document else {
        return Ok(key);
    };
    let path = root.join("ledger.sqlite");
    let signed: Signed = json::parse(&path, document.as_bytes())?;
    Ok(key.must_be(&signed.key, root)?)
}

impl Run {
    /// Opens the run of a network, finishing or undoing what a crash left. Its records are read
    /// when they are first needed.
    ///
    /// # Errors
    /// [`Error::Busy`] while another process works on it; a damaged file.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let opened = opened(root)?;
        let Origin::Config(config) = &opened.written.origin else {
            return Err(Error::OtherKindOfModel {
                path: root.to_owned(),
                found: "an outside model",
                advice: "with that model",
            });
        };
        let network = Network::new(described(root)?)?;
        let retained = retained(&opened)?;
        let manifest = Arc::clone(&opened.manifest);
        let source = config.data.clone();
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
            return Err(Error::StateAndLedgerDiffer {
                state: record.answered,
                ledger: opened.ledger.history().request_count(),
            });
        }
        Ok(Run {
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
            },
            ledger: opened.ledger,
            key: opened.key,
            retained,
            current: opened.current,
            broken: false,
            _lock: opened.lock,
        })
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
