//! Making and opening runs.

use super::convex::{features, settle, without_head};
use super::disk::{self, Access};
use super::lock::Lock;
use super::records::Raw;
use super::store::{StateRecord, Store};
use super::{Parameterisation, Run, RunConfig};
use crate::Error;
use crate::ledger::{Ledger, Standing};
use crate::observer::Observer;
use crate::training::{Ball, TrainingEnding, TrainingProgress, TrainingState};
use rescind_data::{DataSource, Manifest, Selection, train_validation};
use rescind_network::{Execution, Network, NetworkDescription, Weights};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const FORMAT: u32 = 1;
pub(super) const CONFIG: &str = "run.json";
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const NETWORK: &str = "network.json";
pub(super) const CENTRE: &str = "centre.safetensors";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    /// Whether the ball's centre is in `centre.safetensors` rather than zero.
    centred: bool,
    config: RunConfig,
}

impl Run {
    /// Makes a run in a new or empty folder. `centre` is the content of a `safetensors` file of
    /// public weights around which the ball is laid and from which training starts; zero and fresh
    /// weights if absent.
    ///
    /// `run.json` is written last: what a crash leaves before that is not a run, and making it
    /// again succeeds.
    ///
    /// # Errors
    /// A folder in use or not empty; settings out of range; records that cannot be loaded or do
    /// not fit the network.
    pub fn create(
        root: &Path,
        config: RunConfig,
        centre: Option<&[u8]>,
        observer: &mut dyn Observer,
    ) -> Result<Self, Error> {
        let mut config = RunConfig {
            data: absolute(config.data)?,
            ..config
        };
        config.training.validate()?;
        disk::folder(root, Access::Open)?;
        let lock = Lock::take(root)?;
        check_vacant(root)?;
        let raw = Raw::load(&config.data, None, observer)?;
        let description = config.model.describe(raw.train())?;
        let network = Network::new(description)?;
        let centre = settle(&mut config, &network, centre)?;
        let centre = centre.as_deref();
        let ball = ball(&config, &network, centre)?;
        let all = Selection::all(raw.train().len());
        let training = &config.training;
        let split = train_validation(&all, training.validation, training.seed)?;
        let scaling = config
            .scaling
            .constants(&config.data, raw.train(), &split.train)?;
        let manifest = raw.manifest.clone();
        let records = raw.scale(scaling)?;
        // That network and records fit is found out now, not after the run exists.
        let model = crate::NetworkModel::new(&network);
        let none = Selection::new(records.train.len(), vec![0])?;
        crate::NetworkObjective::new(&model, &records.train, &none)?;
        let features = features(&config, &network, &ball, &records)?;

        disk::folder(&root.join("private"), Access::Private)?;
        let store = Store::open(root.join("private").join("state"))?;
        disk::replace_json(&root.join(MANIFEST), &manifest, Access::Open)?;
        disk::replace_json(&root.join(NETWORK), network.description(), Access::Open)?;
        if let Some(centre) = centre {
            disk::replace(&root.join(CENTRE), centre, Access::Open)?;
        }
        let written = Written {
            format: FORMAT,
            centred: centre.is_some(),
            config,
        };
        disk::replace_json(&root.join(CONFIG), &written, Access::Open)?;
        Ok(Run {
            root: root.to_owned(),
            config: written.config,
            manifest,
            network,
            ball,
            split,
            records,
            execution: Arc::<Execution>::default(),
            store,
            features,
            current: None,
            broken: false,
            _lock: lock,
        })
    }

    /// Opens the run of this configuration, or makes it where there is none: what starting a
    /// training again after a crash wants.
    ///
    /// # Errors
    /// [`Error::OtherConfig`] where the folder holds a run of another configuration; else as
    /// [`create`](Self::create) and [`open`](Self::open).
    pub fn create_or_open(
        root: &Path,
        config: RunConfig,
        centre: Option<&[u8]>,
        observer: &mut dyn Observer,
    ) -> Result<Self, Error> {
        let there = match read_config(root) {
            Err(Error::NoRun { .. }) => return Run::create(root, config, centre, observer),
            there => there?,
        };
        let data = absolute(config.data.clone())?;
        let kept = &there.config;
        let drawn = kept.parameterisation.is_convex() && !kept.centre_declared_public;
        let same_centre = match centre {
            None if drawn => true,
            Some(centre) => there.centred && kept_centre(root, kept, centre)?,
            None => !there.centred,
        };
        let differs = [
            (kept.data != data, "data source"),
            (kept.model != config.model, "model"),
            (kept.scaling != config.scaling, "scaling of inputs"),
            (
                kept.training != config.training,
                "training settings (or seed)",
            ),
            (!same_centre, "centre"),
            (
                *kept
                    != RunConfig {
                        data,
                        radius: match kept.parameterisation.is_convex() {
                            true => kept.radius,
                            false => config.radius,
                        },
                        ..config
                    },
                "parameterisation, radius or keeping of iterates",
            ),
        ];
        match differs.into_iter().find(|(differs, _)| *differs) {
            Some((_, differs)) => Err(Error::OtherConfig {
                path: root.to_owned(),
                differs,
            }),
            None => Run::open(root, observer),
        }
    }

    /// Makes a run of a model trained elsewhere: `weights` is the content of a `safetensors` file.
    /// Everything in the data source but the validation share counts as trained on.
    ///
    /// The weights must lie in the ball. What the certificate then says of training rests on the
    /// configuration being the one they were trained by, which nobody checks.
    ///
    /// # Errors
    /// As [`create`](Self::create); weights that do not fit the network or lie outside the ball.
    pub fn import(
        root: &Path,
        config: RunConfig,
        centre: Option<&[u8]>,
        weights: &[u8],
        observer: &mut dyn Observer,
    ) -> Result<Self, Error> {
        let mut run = Run::create(root, config, centre, observer)?;
        let weights: Weights<f32> = Weights::from_safetensors(&run.network, weights)?;
        let (distance, radius) = (run.ball.distance(&weights.parameters), run.ball.radius());
        let mut inside = weights.parameters.clone();
        if run.ball.project(&mut inside) {
            return Err(Error::StartOutsideBall { distance, radius });
        }
        let ending = Some(TrainingEnding::Imported);
        let progress = TrainingProgress {
            ending,
            ..TrainingProgress::default()
        };
        let state = TrainingState {
            weights,
            exact: None,
            moments: Vec::new(),
            best: None,
            progress,
        };
        let scaling = run.records.scaling.clone();
        let record = StateRecord::new(run.split.train.clone(), Vec::new(), scaling);
        run.keep(record, state)?;
        Ok(run)
    }

    /// Opens a run, finishing or undoing what a crash left.
    ///
    /// # Errors
    /// [`Error::Busy`] while another process works on it; a damaged file; records that are no
    /// longer those of the manifest.
    pub fn open(root: &Path, observer: &mut dyn Observer) -> Result<Self, Error> {
        let written = read_config(root)?;
        let config = written.config;
        let lock = Lock::take(root)?;
        let description: NetworkDescription = disk::read_json(&root.join(NETWORK))?;
        let network = Network::new(description)?;
        let centre = written
            .centred
            .then(|| disk::read(&root.join(CENTRE)))
            .transpose()?;
        let ball = ball(&config, &network, centre.as_deref())?;
        let store = Store::open(root.join("private").join("state"))?;
        let staged = store.staged()?;
        let committed = crate::ledger::recover(root)?.state;
        if let Some(staged) = staged
            && committed == Some(staged.digest)
        {
            store.commit(&staged)?;
        }
        store.sweep()?;

        let manifest: Manifest = disk::read_json(&root.join(MANIFEST))?;
        let raw = Raw::load(&config.data, Some(manifest), observer)?;
        let all = Selection::all(raw.train().len());
        let training = &config.training;
        let split = train_validation(&all, training.validation, training.seed)?;
        let current = store.read(&network, None)?;
        let scaling = match &current {
            Some((record, _)) => record.scaling.clone(),
            None => config
                .scaling
                .constants(&config.data, raw.train(), &split.train)?,
        };
        let manifest = raw.manifest.clone();
        let records = raw.scale(scaling)?;
        let features = features(&config, &network, &ball, &records)?;
        Ok(Run {
            root: root.to_owned(),
            config,
            manifest,
            network,
            ball,
            split,
            records,
            execution: Arc::<Execution>::default(),
            store,
            features,
            current,
            broken: false,
            _lock: lock,
        })
    }
}

impl RunConfig {
    /// Reads the configuration of a run without opening it.
    ///
    /// # Errors
    /// A folder that holds no run, or a damaged file.
    pub fn of_run(root: &Path) -> Result<Self, Error> {
        Ok(read_config(root)?.config)
    }
}

fn read_config(root: &Path) -> Result<Written, Error> {
    let path = root.join(CONFIG);
    if !path.exists() {
        return Err(Error::NoRun {
            path: root.to_owned(),
        });
    }
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let bytes = disk::read(&path)?;
    let Version { format } = disk::parse(&path, &bytes)?;
    if format != FORMAT {
        return Err(Error::Format {
            path,
            found: format,
            expected: FORMAT,
        });
    }
    disk::parse(&path, &bytes)
}

/// Whether this is the centre that the run was made with; a convex head keeps no last layer of it.
fn kept_centre(root: &Path, config: &RunConfig, centre: &[u8]) -> Result<bool, Error> {
    let kept = disk::read(&root.join(CENTRE))?;
    if config.parameterisation != Parameterisation::Head {
        return Ok(kept == centre);
    }
    let description: NetworkDescription = disk::read_json(&root.join(NETWORK))?;
    Ok(kept == without_head(&Network::new(description)?, centre)?)
}

/// What can be said of a run without opening it.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// What the run is.
    pub config: RunConfig,
    /// Its newest private state, if there is one: progress of training, requests answered.
    pub state: Option<StateRecord>,
    /// The process that works on it, if one does.
    pub busy: Option<String>,
    /// What holds today for every request, given all releases since (THEORY §5). None where nothing
    /// was recorded yet, or the ledger is being written.
    #[serde(skip)]
    pub standings: Option<Vec<Standing>>,
}

impl Run {
    /// Looks at a run without taking its lock, so also while another process works on it.
    ///
    /// # Errors
    /// A folder that holds no run, or a damaged file.
    pub fn inspect(root: &Path) -> Result<Summary, Error> {
        let config = read_config(root)?.config;
        let store = Store::at(root.join("private").join("state"));
        // A checkpoint may be replaced between the listing and the reading: look again.
        let state = match store.newest() {
            Err(_) => store.newest()?,
            found => found?,
        };
        let busy = Lock::holder(root);
        let history = Ledger::glance(root)?;
        let standings = history.map(|history| history.standings()).transpose()?;
        Ok(Summary {
            config,
            state,
            busy,
            standings,
        })
    }
}

/// Refuses a folder that holds a run or anything that is not left of making one.
pub(super) fn check_vacant(root: &Path) -> Result<(), Error> {
    if root.join(CONFIG).exists() {
        return Err(Error::RunExists {
            path: root.to_owned(),
        });
    }
    let entries = std::fs::read_dir(root).map_err(disk::io_error(root, "list it"))?;
    for entry in entries {
        let name = entry.map_err(disk::io_error(root, "list it"))?.file_name();
        let name = name.to_string_lossy();
        if name == CONFIG {
            return Err(Error::RunExists {
                path: root.to_owned(),
            });
        }
        let ours = ["lock", "private", MANIFEST, NETWORK, CENTRE];
        let name = name.strip_suffix(".partial").unwrap_or(&name);
        if !ours.contains(&name) && name != CONFIG {
            return Err(Error::NotEmpty {
                path: root.to_owned(),
            });
        }
    }
    Ok(())
}

fn ball(config: &RunConfig, network: &Network, centre: Option<&[u8]>) -> Result<Ball, Error> {
    let centre = match centre {
        None => None,
        Some(bytes) => Some(
            Weights::<f32>::from_safetensors(network, bytes)?
                .parameters
                .into(),
        ),
    };
    Ball::new(config.radius, centre)
}

/// The same source wherever the process runs.
fn absolute(source: DataSource) -> Result<DataSource, Error> {
    let whole = |path: PathBuf| {
        let found = std::path::absolute(&path);
        found.map_err(disk::io_error(&path, "find its absolute path"))
    };
    Ok(match source {
        DataSource::Digits => DataSource::Digits,
        DataSource::Mnist(path) => DataSource::Mnist(whole(path)?),
        DataSource::Cifar10(path) => DataSource::Cifar10(whole(path)?),
        DataSource::Svhn(path) => DataSource::Svhn(whole(path)?),
        DataSource::Images(path) => DataSource::Images(whole(path)?),
        DataSource::Csv { path, options } => DataSource::Csv {
            path: whole(path)?,
            options,
        },
    })
}
