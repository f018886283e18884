//! How a run's models do, side by side.

use super::Run;
use super::store::damaged;
use crate::error::Error;
use crate::tensors;
use rescind_data::{Provenance, Standardisation};
use rescind_network::Weights;
use rescind_unlearn::evaluation::distance;
use rescind_unlearn::{EvaluationSet, Measured, Model, Observer};
use serde::{Deserialize, Serialize};

/// One model on every set of records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sets {
    /// On all records forgotten so far.
    pub forgotten: Measured,
    /// On the records trained on from here.
    pub retained: Measured,
    /// On the records held out for validation.
    pub validation: Measured,
    /// On the test records.
    pub test: Measured,
    /// `‖w − c‖`.
    pub norm: f64,
    /// Distance to the retrained weights, where there are some.
    pub to_retrained: Option<f64>,
}

/// Weights, and the model that scales inputs as they were trained.
type WithModel = (Box<dyn Model>, Weights<f32>);

/// The models of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The model as it was before any request, under the constants that scaled its inputs, if it was kept
    /// and these can still be computed.
    pub original: Option<Sets>,
    /// The private model as it is.
    pub current: Sets,
    /// The newest release, as anybody can load it, if it takes inputs scaled as they now are.
    pub released: Option<Sets>,
    /// Whether there is a release, which takes inputs scaled otherwise.
    pub released_hidden: bool,
    /// The model retrained on the records now retained, if that was done.
    pub retrained: Option<Sets>,
    /// Seconds the original training took.
    pub training_seconds: f64,
    /// Seconds the retraining took.
    pub retraining_seconds: Option<f64>,
    /// Seconds each request took.
    pub request_seconds: Vec<f64>,
}

impl Run {
    /// Measures every model of the run on every set of records.
    ///
    /// # Errors
    /// A run without weights or of a model that cannot measure itself, a damaged file,
    /// interruption.
    pub fn evaluate(&self, observer: &mut dyn Observer) -> Result<Evaluation, Error> {
        let (_, state) = self.trained()?;
        self.model_is_here()?;
        self.setup.model.prepare(&self.retained, observer)?;
        let forgotten = self.setup.split.train.difference(&self.retained)?;
        let retrained = self.reference(&self.retained)?;
        let retrained = retrained.filter(|state| state.progress.ending.is_some());
        let target = retrained
            .as_ref()
            .map(|state| state.weights.parameters.clone());
        let otherwise = self.original_otherwise_scaled(observer)?;
        let mut sets = |model: &dyn Model, weights: &Weights<f32>| {
            let w = &weights.parameters;
            let mut on = |set: EvaluationSet<'_>| {
                let measured = model.measure(w, &weights.statistics, set, observer);
                measured
                    .map_err(rescind_unlearn::Error::from)?
                    .ok_or(Error::CannotMeasure)
            };
            Ok::<Sets, Error>(Sets {
                forgotten: on(EvaluationSet::Records(&forgotten))?,
                retained: on(EvaluationSet::Records(&self.retained))?,
                validation: on(EvaluationSet::Records(&self.setup.split.validation))?,
                test: on(EvaluationSet::Test)?,
                norm: self.setup.ball.distance(w),
                to_retrained: target.as_ref().map(|target| distance(w, target)),
            })
        };
        let now = &*self.setup.model;
        let original = match (self.original()?, otherwise) {
            (Some(weights), _) => Some(sets(now, &weights)?),
            (None, Some((model, weights))) => Some(sets(&*model, &weights)?),
            (None, None) => None,
        };
        let released = match self.released_as_scaled()? {
            Some(weights) => Some(sets(now, &weights)?),
            None => None,
        };
        let retraining_seconds = retrained.as_ref().map(|state| state.progress.seconds);
        Ok(Evaluation {
            original,
            current: sets(now, &state.weights)?,
            released_hidden: released.is_none()
                && self.ledger.history().releases().next().is_some(),
            released,
            retrained: match retrained {
                Some(state) => Some(sets(now, &state.weights)?),
                None => None,
            },
            training_seconds: state.progress.seconds,
            retraining_seconds,
            request_seconds: self
                .answers()?
                .iter()
                .map(|request| request.seconds)
                .collect(),
        })
    }

    /// The weights before the first request, if they were kept and take inputs scaled as they now are.
    pub(super) fn original(&self) -> Result<Option<Weights<f32>>, Error> {
        self.after_requests(0)
    }

    /// The weights before the first request where they take inputs under other constants than now, with
    /// the model that scales by those; none where these cannot be computed any more.
    fn original_otherwise_scaled(
        &self,
        observer: &mut dyn Observer,
    ) -> Result<Option<WithModel>, Error> {
        let (store, description) = (&self.setup.store, self.setup.model.description());
        for number in store.numbers()?.into_iter().rev() {
            let record = store.record(number)?;
            if record.answered > 0 {
                continue;
            }
            if record.scaling.as_ref() == self.setup.model.scaling() {
                return Ok(None);
            }
            let all = &self.setup.split.train;
            // Records that have left their source took the constants with them.
            let Ok(Some(model)) = self.setup.model.rescaled(all, observer) else {
                return Ok(None);
            };
            if model.scaling() != record.scaling.as_ref() {
                return Ok(None);
            }
            let found = store.read(description, Some(number))?;
            return Ok(found.map(|(_, state)| (model, state.weights)));
        }
        Ok(None)
    }

    /// The newest weights that had answered so many requests, if they were kept and take inputs scaled
    /// as they now are: constants that are computed move with every request.
    pub(super) fn after_requests(&self, answered: u64) -> Result<Option<Weights<f32>>, Error> {
        let (store, model) = (&self.setup.store, self.setup.model.description());
        for number in store.numbers()?.into_iter().rev() {
            let record = store.record(number)?;
            if record.answered == answered {
                if record.scaling.as_ref() != self.setup.model.scaling() {
                    return Ok(None);
                }
                let found = store.read(model, Some(number))?;
                return Ok(found.map(|(_, state)| state.weights));
            }
        }
        Ok(None)
    }

    /// The weights of the newest release.
    ///
    /// # Errors
    /// A release without its file, or with a damaged one.
    pub fn released_model(&self) -> Result<Option<Weights<f32>>, Error> {
        let newest = self.ledger.history().releases().last();
        newest
            .map(|newest| self.released(newest.number))
            .transpose()
    }

    /// The same, if its inputs are scaled as they now are: constants that are computed move with every
    /// request, released or not.
    ///
    /// # Errors
    /// As [`released_model`](Self::released_model).
    pub fn released_as_scaled(&self) -> Result<Option<Weights<f32>>, Error> {
        let computed = |constants: &Standardisation| {
            matches!(constants.provenance(), Provenance::ComputedOn { .. })
        };
        let moved = self.setup.model.scaling().is_some_and(computed)
            && !self.ledger.history().pending().is_empty();
        match moved {
            true => Ok(None),
            false => self.released_model(),
        }
    }

    /// The weights of a release, read from its file as anybody would.
    ///
    /// # Errors
    /// A file that is gone or damaged.
    pub fn released(&self, release: u64) -> Result<Weights<f32>, Error> {
        let folder = crate::ledger::release_folder(&self.setup.root, release);
        let path = folder.join("weights.safetensors");
        let bytes = crate::disk::read(&path)?;
        let read = tensors::from_bytes(self.setup.model.description(), &bytes);
        read.map_err(|error| damaged(&path, &error))
    }
}
