//! Runs of models that the caller brings.

use super::Run;
use super::config::{Origin, RunSettings};
use super::convex::{check_declared, complete_outside};
use super::create::{Parts, held_out};
use super::open::{Mode, opened};
use super::vacant::Vacant;
use crate::error::Error;
use crate::release::fresh_salt;
use rescind_data::{Digest, Manifest};
use rescind_unlearn::{Ball, Failure, Model};
use std::path::Path;
use std::sync::Arc;

/// What a run keeps of the records of an outside model, besides the identities that the model
/// gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideRecords {
    /// A name for them all: 1 to 100 characters, which certificates state.
    pub dataset: String,
    /// Whose each of them is, if that is known: for requests by subject.
    pub subjects: Option<Vec<String>>,
}

impl Default for OutsideRecords {
    fn default() -> Self {
        Self {
            dataset: "records".to_owned(),
            subjects: None,
        }
    }
}

impl Run {
    /// Makes a run of an outside model in a new or empty folder. `centre` is where the ball is laid
    /// and training starts; the origin and weights drawn by the model's description if absent. It
    /// must not depend on the records, which [`RunSettings::declared_by`] vouches for. For a model
    /// with a [`Linearisation`](rescind_unlearn::Linearisation) the radius follows from the penalty,
    /// and without a centre the model's own must be the origin or drawn from the training's seed.
    ///
    /// # Errors
    /// As [`create`](Self::create); a centre of the wrong length; subjects of the wrong number; a name
    /// that is none.
    pub fn create_outside(
        root: &Path,
        model: Box<dyn Model>,
        records: &OutsideRecords,
        mut settings: RunSettings,
        mut centre: Option<Vec<f32>>,
    ) -> Result<Self, Error> {
        crate::threads::make()?;
        settings.training.validate()?;
        check_declared(centre.is_some(), settings.declared_by.as_deref())?;
        check_frozen(&*model)?;
        let mut centre_seed = None;
        if let Some(linear) = model.linearisation() {
            let (description, given) = (model.description(), centre.as_deref());
            (centre, centre_seed) = complete_outside(&mut settings, description, linear, given)?;
        }
        let place = Vacant::take(root)?;
        let centre: Option<Arc<[f32]>> = centre.map(Into::into);
        let parts = Parts {
            manifest: Arc::new(manifest(&*model, records, &settings)?),
            ball: Ball::new(settings.radius, centre)?,
            origin: Origin::Outside(settings.clone()),
            settings,
            model,
            centre_seed,
        };
        Run::made(root, place, parts, None)
    }

    /// Opens the run of an outside model, which the caller brings again.
    ///
    /// # Errors
    /// [`Error::OtherModel`] where model or records are not those that the run was made with; else
    /// as [`open`](Self::open).
    pub fn open_outside(
        root: &Path,
        model: Box<dyn Model>,
        records: &OutsideRecords,
    ) -> Result<Self, Error> {
        let opened = opened(root, Mode::Work)?;
        if let Origin::Config(_) = opened.written.origin {
            return Err(Error::OtherKindOfModel {
                path: root.to_owned(),
                found: "a network",
                advice: "without a model of your own",
            });
        }
        let other = |differs| Error::OtherModel {
            path: root.to_owned(),
            differs,
        };
        if opened.description != *model.description() {
            return Err(other("model"));
        }
        let identities = identities(&*model)?;
        let (manifest, subjects) = (&opened.manifest, records.subjects.as_deref());
        if manifest.dataset() != records.dataset || !manifest.lists(&identities, subjects)? {
            return Err(other("set of records"));
        }
        if let Some(linear) = model.linearisation() {
            let origin = vec![0.0; linear.centre().len()];
            let centre = opened.centre.as_deref().unwrap_or(&origin);
            if centre != linear.centre() {
                return Err(other("point that it is linearised at"));
            }
        }
        Run::with(root, opened, model)
    }
}

fn identities(model: &dyn Model) -> Result<Vec<Digest>, Error> {
    let all = (0..model.records()).map(|position| model.identity(position));
    let all: Result<_, Failure> = all.collect();
    Ok(all.map_err(rescind_unlearn::Error::Model)?)
}

fn manifest(
    model: &dyn Model,
    records: &OutsideRecords,
    settings: &RunSettings,
) -> Result<Manifest, Error> {
    let made = Manifest::of_identities(
        &records.dataset,
        identities(model)?,
        records.subjects.as_deref(),
        fresh_salt()?,
        held_out(&settings.training),
    );
    Ok(made?)
}

/// Nobody but this program's own heads may say that a parameter needs no noise.
fn check_frozen(model: &dyn Model) -> Result<(), Error> {
    match model.description().frozen() {
        0 => Ok(()),
        frozen => {
            let reason = format!(
                "{frozen} parameters are said to be frozen, which of an outside model nobody can \
                 check, and they would carry no noise: leave them out of its parameters"
            );
            Err(rescind_unlearn::Error::NotProvable { reason }.into())
        }
    }
}
