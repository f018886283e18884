//! Making runs.

use super::Run;
use super::classes::all_are_trained_on;
use super::config::{Origin, RunConfig, RunSettings, Written};
use super::convex::{complete_config, without_head};
use super::files::{CENTRE, CONFIG, FORMAT, MODEL, read_config, write_manifest};
use super::made::of_files;
use super::named::check_named;
use super::setup::Setup;
use super::store::{StateRecord, Store};
use super::vacant::Vacant;
use crate::error::Error;
use crate::json::{self, Access};
use crate::key::RunKey;
use crate::ledger::{Entry, Ledger};
use crate::release::fresh_salt;
use crate::tensors;
use rescind_certificate::digest_of;
use rescind_data::{DataSource, HeldOut, Manifest, load_watched};
use rescind_network::{Network, NetworkDescription, Weights};
use rescind_unlearn::methods::Memory;
use rescind_unlearn::training::{TrainingEnding, TrainingSettings, TrainingState};
use rescind_unlearn::{
    Ball, Classifier, ClassifierParts, Model, ModelDescription, Observer, Parameterisation, Phase,
    Records, loading, report,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a run is made of, once everything that could be refused was not.
pub(super) struct Parts {
    pub origin: Origin,
    pub settings: RunSettings,
    pub model: Box<dyn Model>,
    pub manifest: Arc<Manifest>,
    pub ball: Ball,
    pub centre_seed: Option<u64>,
}

/// Where another run stands before its first request, or a training elsewhere.
pub(super) struct Stands<'a> {
    pub state: &'a TrainingState,
    /// What it kept of its training's early checkpoint.
    pub early: Option<(StateRecord, TrainingState)>,
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
    /// A folder in use or not empty; settings out of range; a centre that nobody declares public;
    /// records that cannot be loaded or do not fit the network.
    pub fn create(
        root: &Path,
        config: RunConfig,
        centre: Option<&[u8]>,
        observer: &mut dyn Observer,
    ) -> Result<Self, Error> {
        let (place, parts) = Run::parts(root, config, centre, observer)?;
        Run::made(root, place, parts, None)
    }

    /// What a run of this configuration is made of, and its folder.
    pub(super) fn parts(
        root: &Path,
        config: RunConfig,
        centre: Option<&[u8]>,
        observer: &mut dyn Observer,
    ) -> Result<(Vacant, Parts), Error> {
        crate::threads::make()?;
        let mut config = RunConfig {
            data: absolute(config.data)?,
            ..config
        };
        config.training.validate()?;
        let place = Vacant::take(root)?;
        report(observer, Phase::Load, 0, None)?;
        let classes = config.classes.as_deref();
        let data = load_watched(&config.data, classes, &mut loading(observer))?;
        let count = data.train.len() as u64;
        report(observer, Phase::Load, count, Some(count))?;
        let network = Network::new(config.model.describe(&data.train)?)?;
        let drawn = config.parameterisation.is_convex() && centre.is_none();
        let given = complete_config(&mut config, &network, centre)?;
        let centre: Option<Arc<[f32]>> = match &given {
            Some(bytes) => Some(
                Weights::<f32>::from_safetensors(&network, bytes)?
                    .parameters
                    .into(),
            ),
            None => None,
        };
        let ball = Ball::new(config.settings().radius, centre.clone())?;
        let (source, held_out) = (config.data.clone(), held_out(&config.training));
        let manifest = Manifest::new(&data.train, source.to_string(), fresh_salt()?, held_out);
        let manifest = Arc::new(manifest?.with_test(&data.test)?);
        let trained_on = manifest.split().train;
        if config.classes.is_none() && !config.data.has_published_classes() {
            all_are_trained_on(&manifest, &trained_on)?;
        }
        let constants = config
            .scaling
            .constants(&source, &data.train, &trained_on)?;
        let model = Classifier::new(ClassifierParts {
            network,
            records: Records::of(data, source, Arc::clone(&manifest), constants)?,
            scaling: config.scaling.clone(),
            parameterisation: config.parameterisation,
            loss: config.loss,
            centre,
        })?;
        let parts = Parts {
            settings: config.settings(),
            centre_seed: drawn.then_some(config.training.seed),
            origin: Origin::Config(Box::new(config)),
            model: Box::new(model),
            manifest,
            ball,
        };
        Ok((place, parts))
    }

    /// Writes a run and opens it; where another stands, if one does.
    pub(super) fn made(
        root: &Path,
        place: Vacant,
        parts: Parts,
        stands: Option<Stands<'_>>,
    ) -> Result<Self, Error> {
        let Parts {
            origin,
            settings,
            model,
            manifest,
            ball,
            centre_seed,
        } = parts;
        check_named(&manifest, model.description())?;
        let split = manifest.split();
        let lock = place.into_lock();
        json::folder(&root.join("private"), Access::Private)?;
        let mut ledger = Ledger::create(root)?;
        let key = RunKey::create(root)?;
        write_manifest(root, &manifest)?;
        let description = model.description();
        let described = description.to_json().map_err(Error::Document)?;
        json::replace(&root.join(MODEL), &described, Access::Open)?;
        if let Some(centre) = ball.centre() {
            let statistics = vec![0.0; description.statistic_count()];
            let path = root.join(CENTRE);
            let bytes = tensors::to_bytes(description, centre, &statistics);
            let bytes = bytes.map_err(|error| super::store::damaged(&path, &error))?;
            json::replace(&path, &bytes, Access::Open)?;
        }
        let ending = stands.as_ref();
        let ending = ending.and_then(|stands| stands.state.progress.ending);
        let imported = ending == Some(TrainingEnding::Imported);
        let written = Written {
            format: FORMAT,
            centred: ball.centre().is_some(),
            centre_seed,
            origin,
        };
        let path = root.join(CONFIG);
        let bytes = json::json(&path, &written)?;
        let made = of_files(
            root,
            digest_of(&bytes),
            written.centred,
            imported,
            ledger.noise()?,
        )?
        .entry;
        let in_private = |name| Store::open(root.join("private").join(name), made.identity());
        let store = in_private("state")?;
        store.clear()?;
        ledger.append(vec![Entry::Made(made.clone())], None, None)?;
        let current = match stands {
            None => None,
            Some(Stands { state, early }) => {
                if let Some((mut record, state)) = early {
                    let early = in_private("early")?;
                    early.clear()?;
                    let staged = early.stage(description, &mut record, &state)?;
                    early.commit(&staged)?;
                    ledger.set_early(staged.digest)?;
                }
                let scaling = model.scaling().cloned();
                let mut record = StateRecord::new(&split.train, 0, scaling);
                let staged = store.stage(description, &mut record, state)?;
                ledger.reached(staged.digest, &state.progress)?;
                store.commit(&staged)?;
                Some((record, state.clone()))
            }
        };
        json::replace(&path, &bytes, Access::Open)?;
        let retained = split.train.clone();
        Ok(Run {
            setup: Setup {
                root: root.to_owned(),
                origin: written.origin,
                settings,
                configuration: digest_of(&bytes),
                manifest,
                model,
                ball,
                centre_seed,
                split,
                store,
                made,
                early_record: ledger.early()?,
                memory: Memory::default(),
            },
            retained,
            ledger,
            key,
            current,
            broken: false,
            lock,
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
            there => there?.0,
        };
        let data = absolute(config.data.clone())?;
        let Origin::Config(kept) = &there.origin else {
            return Err(Error::OtherKindOfModel {
                path: root.to_owned(),
                found: "an outside model",
                advice: "with that model",
            });
        };
        let drawn = there.centre_seed.is_some();
        let same_centre = match centre {
            None if drawn => true,
            Some(centre) => there.centred && kept_centre(root, kept, centre)?,
            None => !there.centred,
        };
        let differs = [
            (kept.data != data, "data source"),
            (kept.classes != config.classes, "classes"),
            (kept.model != config.model, "model"),
            (kept.scaling != config.scaling, "scaling of inputs"),
            (
                kept.training != config.training,
                "training settings (or seed)",
            ),
            (!same_centre, "centre"),
            (
                **kept
                    != RunConfig {
                        data,
                        // A convex model's follows from its settings, as one that nobody chose does.
                        radius: match kept.parameterisation.is_convex() {
                            true => kept.radius,
                            false => config.radius.or(kept.radius),
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
            None => Run::open(root),
        }
    }
}

/// The draw of the records that a training holds out.
pub(super) fn held_out(training: &TrainingSettings) -> HeldOut {
    HeldOut {
        fraction: training.validation,
        seed: training.seed,
    }
}

/// Whether this is the centre that the run was made with; a convex head keeps no last layer of it.
fn kept_centre(root: &Path, config: &RunConfig, centre: &[u8]) -> Result<bool, Error> {
    let path = root.join(CENTRE);
    let network = Network::new(layers(root, json::read_json(&root.join(MODEL))?)?)?;
    let given = match config.parameterisation {
        Parameterisation::Head => without_head(&network, centre)?,
        _ => centre.to_vec(),
    };
    let read = |bytes: &[u8]| Weights::<f32>::from_safetensors(&network, bytes);
    Ok(read(&json::read(&path)?)?.parameters == read(&given)?.parameters)
}

/// The graph of layers of a network's run.
pub(super) fn layers(root: &Path, model: ModelDescription) -> Result<NetworkDescription, Error> {
    serde_json::from_value(model.architecture).map_err(|error| Error::Damaged {
        path: root.join(MODEL),
        reason: error.to_string(),
    })
}

/// The same source wherever the process runs.
pub(super) fn absolute(source: DataSource) -> Result<DataSource, Error> {
    let whole = |path: PathBuf| {
        let found = std::path::absolute(&path);
        found.map_err(json::io_error(&path, "find its absolute path"))
    };
    Ok(match source {
        DataSource::Digits => DataSource::Digits,
        DataSource::Mnist(path) => DataSource::Mnist(whole(path)?),
        DataSource::Cifar10(path) => DataSource::Cifar10(whole(path)?),
        DataSource::Cifar100(path) => DataSource::Cifar100(whole(path)?),
        DataSource::Svhn(path) => DataSource::Svhn(whole(path)?),
        DataSource::Images { path, options } => DataSource::Images {
            path: whole(path)?,
            options,
        },
        DataSource::Table {
            format,
            path,
            options,
        } => DataSource::Table {
            format,
            path: whole(path)?,
            options,
        },
        DataSource::Arrays {
            format,
            path,
            options,
        } => DataSource::Arrays {
            format,
            path: whole(path)?,
            options,
        },
    })
}
